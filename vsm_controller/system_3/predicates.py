"""System 3, static predicates: what can be known of a directive without a model.

The text is read clause by clause. A clause names one or more maintenance classes, or states a constraint, or mentions
neither: then it asks for work that only a coding model could do, and its class is ``code``. Nothing that was asked is
ever dropped silently.
"""

import re

from vsm_controller.state.task_classes import CODE, EDIT_CLASSES
from vsm_core.payloads.jobs import RepositoryInventory
from vsm_core.payloads.work import Directive
from vsm_core.task import StaticPredicates

# In the order in which the work should be done: what changes least first, so that later steps see its result.
CLASS_WORDS: tuple[tuple[str, str], ...] = (
    ("lint", r"lint\w*|ruff|flake8|pyflakes|unused (imports?|variables?)|clean.?up|tidy|maintenance"),
    ("imports", r"imports? order|(sort|order|organi[sz]e)\w* (the |all |of |your )*imports?|isort"),
    ("modernise", r"moderni[sz]\w*|pyupgrade|old syntax|(upgrade|update) (the )?syntax|f-strings?"),
    ("format", r"format(s|ted|ting|ter)?|reformat\w*|black"),
    ("spelling", r"spell\w*|typos?"),
    ("dead_code", r"dead code|unreachable code|unused (code|functions?)|vulture"),
    ("security", r"security|vulnerabilit\w+|bandit"),
)
# A clause is a constraint by how it begins; a word of one somewhere in it is not enough to drop the clause.
CONSTRAINT = re.compile(
    r"^\s*(?:please )?(?:do not|don't|never|keep\w*|without|only (?:in|under|touch|change)|leave)\b"
    r"|^\s*(?:please )?(?:(?:ensure|make sure) (?:that )?)?(?:(?:all|the|existing) )*"
    r"(?:tests?|test suite|build|api|public api|behaviou?r)\b.*\b(?:must|should|still|pass\w*|stay\w*|remain\w*)\b",
    re.IGNORECASE,
)
# A clause that begins so asks for nothing, whatever it mentions.
FORBIDS = re.compile(r"^\s*(?:please )?(?:do not|don't|never|without|avoid|leave)\b", re.IGNORECASE)
# A clause that begins so makes something new, whatever class of maintenance it mentions.
MAKES = re.compile(
    r"^\s*(?:please )?(?:add|implement|support|write|create|build|introduce|train|rename|refactor|rewrite)\b",
    re.IGNORECASE,
)
# What the crew can only report, somebody else has to mend.
MENDS = re.compile(r"^\s*(?:please )?(?:fix|mend|repair|resolve|correct|remove|delete)\b", re.IGNORECASE)
_CLAUSES = re.compile(r"[.;,:]+(?:\s+|$)|\n+|\s+(?:and|then|but|while)\s+", re.IGNORECASE)
_WORDS = tuple((name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for name, words in CLASS_WORDS)
FLAG_WORDS = {
    "public_api": re.compile(r"\b(public api|signature|interface)\b", re.IGNORECASE),
    "database": re.compile(r"\b(database|sql|schema)\b", re.IGNORECASE),
    "auth": re.compile(r"\b(auth\w*|login|password|token)\b", re.IGNORECASE),
    "config": re.compile(r"\b(config\w*|settings?)\b", re.IGNORECASE),
    "migration": re.compile(r"\bmigrat\w+\b", re.IGNORECASE),
    "security_sensitive": re.compile(r"\b(security|secret|crypto\w*|credential\w*)\b", re.IGNORECASE),
}
LIKELY_LIMIT = 50  # files a directive may name


def predicates_of(directive: Directive, inventory: RepositoryInventory) -> StaticPredicates:
    """Return the static predicates of a directive about a surveyed repository."""
    text = f"{directive.title}\n{directive.body}"
    named = _named_files(text, inventory)
    known = StaticPredicates(
        languages=inventory.languages,
        likely_files=named,
        modules=tuple(tree.tree for tree in inventory.trees),
        dependencies=inventory.dependencies,
        test_targets=inventory.test_files[:LIKELY_LIMIT],
        estimated_blast_radius=len(named) or inventory.python_files,
        task_classes=_with_configured(task_classes(text), inventory),
    )
    return known.model_copy(update={flag: bool(words.search(text)) for flag, words in FLAG_WORDS.items()})


def task_classes(text: str) -> tuple[str, ...]:
    """Return the classes of work a text asks for, in the order they should be done; ``code`` comes last."""
    found: set[str] = set()
    for clause in _CLAUSES.split(text):
        found |= _classes_of(clause)
    ordered = [name for name, _ in CLASS_WORDS if name in found]
    return (*ordered, CODE) if CODE in found else tuple(ordered)


def _classes_of(clause: str) -> set[str]:
    if not re.search(r"\w", clause):
        return set()
    named = {name for name, words in _WORDS if words.search(clause)}
    if FORBIDS.search(clause):
        return set()
    if MAKES.search(clause):
        return {CODE}
    if named and MENDS.search(clause) and not named & EDIT_CLASSES:
        return named | {CODE}
    return named if named or CONSTRAINT.search(clause) else {CODE}


def _with_configured(classes: tuple[str, ...], inventory: RepositoryInventory) -> tuple[str, ...]:
    """Add formatting where the repository configures a formatter and its files are being edited anyway."""
    edits = [name for name in classes if name in EDIT_CLASSES and name != CODE]
    if not edits or "format" in classes or "ruff.format" not in inventory.configured:
        return classes
    return tuple(name for name, _ in CLASS_WORDS if name in {*classes, "format"}) + tuple(
        name for name in classes if name == CODE
    )


def _named_files(text: str, inventory: RepositoryInventory) -> tuple[str, ...]:
    words = {word.lstrip("`'\"([").rstrip("`'\"()[],;:./") for word in text.split()}
    files = [path for path in inventory.files if path in words]
    trees = {path.split("/", 1)[0] for path in inventory.files if "/" in path}
    folders = [
        word
        for word in sorted(words)
        if "/" in word and any(path.startswith(f"{word}/") for path in inventory.files)
    ]
    marked = {word.strip("`'\"()[],;:.") for word in text.split()}
    tops = [tree for tree in sorted(trees) if f"{tree}/" in marked and tree not in folders]
    return tuple(dict.fromkeys((*files, *folders, *tops)))[:LIKELY_LIMIT]
