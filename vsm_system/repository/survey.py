"""The survey: what a repository holds at a commit, read from git alone; none of its code is run.

Settings are read from the commit, never from the checkout, so that a survey is a function of its request; only the
count of uncommitted files looks at the checkout, because it says what the run will not see.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from vsm_core.payloads.jobs import (
    INVENTORY_FILES,
    RepositoryInventory,
    SurveyReport,
    SurveyRepository,
    TreeCount,
)
from vsm_core.task import AcceptanceCriterion
from vsm_system.repository.settings import configured_tools, dependencies, pytest_configured
from vsm_worker.acceptance.test_files import is_test_file
from vsm_worker.configuration import requires_python
from vsm_worker.errors import GitError
from vsm_worker.git import Call, call, git_fields, readable

LANGUAGES: Mapping[str, str] = {
    ".py": "python", ".pyi": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript",
    ".ts": "typescript", ".tsx": "typescript", ".go": "go", ".rs": "rust", ".java": "java", ".kt": "kotlin",
    ".c": "c", ".h": "c", ".cc": "c++", ".cpp": "c++", ".hpp": "c++", ".cs": "c#", ".rb": "ruby", ".php": "php",
    ".swift": "swift", ".scala": "scala", ".sh": "shell", ".bash": "shell", ".sql": "sql", ".html": "html",
    ".css": "css", ".scss": "css", ".lua": "lua", ".r": "r", ".jl": "julia", ".ex": "elixir", ".hs": "haskell",
}  # fmt: skip
SETTINGS = (
    "pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "pytest.ini", ".pytest.ini", "ruff.toml", ".ruff.toml",
    "mypy.ini", ".mypy.ini", "requirements.txt", "requirements-dev.txt", "requirements/base.txt",
)  # fmt: skip
SETTING_NAMES = frozenset(name for name in SETTINGS if "/" not in name)
SETTINGS_READ = 200  # files, the highest in the tree first
OBJECT = re.compile(r"(?P<mode>\d{6}) (?P<kind>\w+) (?P<object>[0-9a-f]+)\t(?P<path>.*)", re.DOTALL)
SIZE_LIMIT = 2_000_000  # bytes of a settings file that is worth reading


async def survey(request: SurveyRepository) -> SurveyReport:
    """Return the inventory at the base commit and the acceptance it suggests; errors are git's."""
    where, commit = Path(request.repository.location), request.repository.base_commit
    objects = dict(_objects(await git_fields(where, "ls-tree", "-r", "-z", "--full-tree", commit)))
    texts = await _settings(where, objects)
    inventory = _inventory(tuple(objects), texts, await _uncommitted(where))
    return SurveyReport(inventory=inventory, acceptance=suggested_acceptance(inventory, texts))


def _objects(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        found = OBJECT.fullmatch(line)
        if found and found["kind"] == "blob":
            yield found["path"], found["object"]


async def _settings(where: Path, objects: Mapping[str, str]) -> dict[str, str]:
    wanted = sorted((path for path in objects if _is_setting(path)), key=lambda path: (path.count("/"), path))
    wanted = wanted[:SETTINGS_READ]
    if not wanted:
        return {}
    asked = "".join(f"{objects[path]}\n" for path in wanted).encode()
    answer = await call(where, Call(("cat-file", "--batch"), stdin=asked))
    return dict(zip(wanted, _contents(answer.output), strict=True))


def _is_setting(path: str) -> bool:
    return path in SETTINGS or PurePosixPath(path).name in SETTING_NAMES


def _contents(batch: bytes) -> Iterator[str]:
    at = 0
    while at < len(batch):
        header, _, _ = batch[at:].partition(b"\n")
        start, size = at + len(header) + 1, int(header.split()[2])
        yield batch[start : start + min(size, SIZE_LIMIT)].decode(errors="replace")
        at = start + size + 1


async def _uncommitted(where: Path) -> int:
    """Count changed and untracked files of the checkout; a bare repository has none."""
    try:
        lines = await git_fields(
            where, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal"
        )
    except GitError:
        return 0
    return len(lines)


def _inventory(paths: tuple[str, ...], texts: Mapping[str, str], uncommitted: int) -> RepositoryInventory:
    languages = Counter(
        language for path in paths if (language := LANGUAGES.get(PurePosixPath(path).suffix.lower()))
    )
    python = [path for path in paths if path.endswith((".py", ".pyi"))]
    trees = Counter(path.partition("/")[0] if "/" in path else "." for path in python)
    tests = [readable(path) for path in python if is_test_file(path)]
    return RepositoryInventory(
        total_files=len(paths),
        languages=tuple(language for language, _ in languages.most_common()),
        python_files=len(python),
        trees=tuple(
            TreeCount(tree=readable(tree), python_files=count) for tree, count in sorted(trees.items())
        ),
        files=tuple(readable(path) for path in paths[:INVENTORY_FILES]),
        test_files=tuple(tests[:INVENTORY_FILES]),
        configured=configured_tools(texts),
        dependencies=dependencies(texts),
        requires_python=requires_python(texts),
        uncommitted_files=uncommitted,
    )


def suggested_acceptance(
    inventory: RepositoryInventory, texts: Mapping[str, str]
) -> tuple[AcceptanceCriterion, ...]:
    """Return the tests as a guard where a repository has any, or is set up for them; else nothing."""
    if not inventory.test_files and not pytest_configured(texts):
        return ()
    return (AcceptanceCriterion(name="tests", description="no test gets worse", verifier=("pytest",)),)
