"""System 3, static predicates: what a text asks for, and which files it names."""

import pytest

from tests.unit.controller.cast import INVENTORY, directive
from vsm_controller.system_3.predicates import LIKELY_LIMIT, predicates_of, task_classes
from vsm_core.payloads.jobs import RepositoryInventory, TreeCount
from vsm_core.task import StaticPredicates

ASKED = {
    "Fix the lint errors": ("lint",),
    "Fix the lint errors and modernise the syntax; the tests must still pass": ("lint", "modernise"),
    "modernize, then lint": ("lint", "modernise"),
    "Run ruff": ("lint",),
    "Remove unused imports": ("lint",),
    "Clean up": ("lint",),
    "Sort the imports": ("imports",),
    "Organise all imports": ("imports",),
    "isort": ("imports",),
    "Use f-strings": ("modernise",),
    "Upgrade the syntax": ("modernise",),
    "Reformat everything": ("format",),
    "black": ("format",),
    "Find typos": ("spelling",),
    "Check the spelling": ("spelling",),
    "Report dead code": ("dead_code",),
    "Look for security problems": ("security",),
    "bandit; vulture; typos": ("spelling", "dead_code", "security"),
    "LINT": ("lint",),
}
NEEDS_CODE = {
    "Add a command that prints the version": ("code",),
    "Fix the lint errors and add type hints": ("lint", "code"),
    "Rewrite the parser. Then modernise the syntax": ("modernise", "code"),
    "Implement the linked list": ("code",),
    "Find typos, but first make it faster": ("spelling", "code"),
}
NO_WORK = [
    "The tests must still pass",
    "Keep the public API",
    "Do not touch the documentation",
    "Without changing behaviour",
    "Never break the build",
    "Make sure all tests pass",
    "; . ,",
    "...",
]


@pytest.mark.parametrize(("text", "classes"), [*ASKED.items(), *NEEDS_CODE.items()])
def test_a_text_asks_for_classes_of_work_in_the_order_they_should_be_done(
    text: str, classes: tuple[str, ...]
) -> None:
    assert task_classes(text) == classes


@pytest.mark.parametrize("text", NO_WORK)
def test_a_constraint_is_no_work(text: str) -> None:
    assert task_classes(text) == ()
    assert task_classes(f"Fix the lint errors; {text}") == ("lint",)


@pytest.mark.parametrize("text", NEEDS_CODE)
def test_an_unknown_clause_survives_beside_known_ones_and_constraints(text: str) -> None:
    assert task_classes(f"Fix the lint errors; {text}; the tests must pass")[-1] == "code"


def seen(text: str, inventory: RepositoryInventory = INVENTORY, **changes: object) -> StaticPredicates:
    return predicates_of(directive(text, **changes), inventory)


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("Fix the lint errors in a.py", ("a.py",)),
        ("Fix the lint errors in `src/b.py`", ("src/b.py",)),
        ('Fix the lint errors in "a.py", (src/b.py)', ("a.py", "src/b.py")),
        ("Fix the lint errors in src/", ("src",)),
        ("Fix the lint errors in src/deep/", ("src/deep",)),
        ("Fix the lint errors in src/deep", ("src/deep",)),
        ("Fix the lint errors in src", ()),
        ("Fix the lint errors", ()),
    ],
)
def test_named_files_and_folders_narrow_the_scope(text: str, files: tuple[str, ...]) -> None:
    # given
    inventory = INVENTORY.model_copy(update={"files": (*INVENTORY.files, "src/deep/c.py")})
    # when, then
    assert seen(text, inventory).likely_files == files


def test_files_may_be_named_in_the_body() -> None:
    assert seen("Fix the lint errors", body="only in a.py").likely_files == ("a.py",)


def test_only_so_many_files_are_named() -> None:
    # given
    names = tuple(f"f{number}.py" for number in range(LIKELY_LIMIT + 9))
    # when
    found = seen(f"lint {' '.join(names)}", INVENTORY.model_copy(update={"files": names}))
    # then
    assert found.likely_files == names[:LIKELY_LIMIT]


def test_the_blast_radius_is_what_is_named_or_all_python_there_is() -> None:
    assert seen("lint a.py").estimated_blast_radius == 1
    assert seen("lint").estimated_blast_radius == INVENTORY.python_files


@pytest.mark.parametrize(
    ("text", "flag"),
    [
        ("change the signature of f", "public_api"),
        ("add a column to the schema", "database"),
        ("check the password", "auth"),
        ("read the settings", "config"),
        ("write a migration", "migration"),
        ("rotate the credentials", "security_sensitive"),
    ],
)
def test_words_raise_flags(text: str, flag: str) -> None:
    assert getattr(seen(text), flag)
    assert not getattr(seen("fix typos"), flag)


def test_what_the_survey_saw_is_kept() -> None:
    # given
    inventory = INVENTORY.model_copy(
        update={"trees": (TreeCount(tree="src", python_files=1),), "dependencies": ("attrs",)}
    )
    # when
    found = seen("lint", inventory)
    # then
    assert (found.languages, found.modules, found.dependencies, found.test_targets) == (
        ("python",),
        ("src",),
        ("attrs",),
        ("test_a.py",),
    )


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("Fix the lint errors", ("lint", "format")),
        ("Fix the lint errors and find typos", ("lint", "format", "spelling")),
        ("Fix the lint errors and write a manual", ("lint", "format", "code")),
        ("Format it", ("format",)),
        ("Find typos", ("spelling",)),
        ("Write a manual", ("code",)),
    ],
)
def test_a_configured_formatter_runs_where_files_are_edited_by_rules_anyway(
    text: str, classes: tuple[str, ...]
) -> None:
    # given
    configured = INVENTORY.model_copy(update={"configured": ("ruff", "ruff.format")})
    # when, then
    assert seen(text, configured).task_classes == classes


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


@pytest.mark.parametrize("text", ["Rename x to y\nfix typos", "Fix typos\nrename x to y"])
def test_each_line_is_a_clause(text: str) -> None:
    assert task_classes(text) == ("spelling", "code")


@pytest.mark.parametrize(
    "text", ["Do not fix the lint errors", "Never reformat it", "without modernising the syntax"]
)
def test_what_is_forbidden_is_not_planned(text: str) -> None:
    assert task_classes(text) == ()


def test_title_and_body_are_two_clauses() -> None:
    assert seen("Add type hints", body="Fix the lint errors").task_classes == ("lint", "code")


@pytest.mark.parametrize(
    "text",
    [
        "Please add type hints",
        "refactor the parser without breaking its callers",
        "the parser should accept empty input",
        "ensure that the cache is closed on exit",
        "rename x only in the client",
    ],
)
def test_work_with_a_word_of_a_constraint_in_it_is_still_work(text: str) -> None:
    assert task_classes(f"Fix the lint errors; {text}") == ("lint", "code")


@pytest.mark.parametrize(
    "text",
    ["Support the parquet format", "Add a security check to the upload form", "Train the black box model"],
)
def test_a_keyword_does_not_swallow_other_work_in_its_clause(text: str) -> None:
    assert "code" in task_classes(text)


def test_a_quoted_file_may_end_a_sentence() -> None:
    assert seen("Fix the lint errors in `src/b.py`.").likely_files == ("src/b.py",)
