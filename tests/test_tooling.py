"""What the README promises, what CI runs and what `just check` runs are one thing, and the lock covers it."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
QUICK_START = re.compile(r"^## +quick start *$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL | re.IGNORECASE)
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNS_PYTEST = re.compile(r"^.*-m pytest.*$", re.MULTILINE)
LOCKED_EXTRAS = ("crew", "postgres", "test", "lint")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def quick_start_blocks() -> list[str]:
    assert (ROOT / "README.md").exists(), (
        "README.md is missing: the quick start's second block runs the tests"
    )
    section = QUICK_START.search(read("README.md"))
    assert section, "README.md has no section `## Quick start`"
    return SHELL_BLOCK.findall(section[1])


def test_command(script: str) -> list[str]:
    """The one pytest command of a shell script, from `-m` on, in words."""
    commands = [line.strip() for line in RUNS_PYTEST.findall(script) if not line.lstrip().startswith("#")]
    assert len(commands) == 1, f"expected one `python -m pytest` command, found {commands}"
    words = shlex.split(commands[0])
    return words[words.index("-m") :]


test_command.__test__ = False  # type: ignore[attr-defined]


def test_the_quick_start_has_two_blocks_and_the_second_is_what_ci_runs() -> None:
    blocks = quick_start_blocks()
    assert len(blocks) == 2, (
        "README.md: the quick start has exactly two `sh` blocks: the main job, then the tests"
    )
    assert test_command(blocks[1]) == test_command(read(".ci/run"))


def test_just_check_runs_what_ci_runs() -> None:
    justfile = read("justfile")
    header = re.search(r"^check:(.*)$", justfile, re.MULTILINE)
    assert header
    recipes = dict(re.findall(r"^([\w-]+)(?: \*arguments)?:[^\n=]*\n((?: {4}.*\n)+)", justfile, re.MULTILINE))
    commands = [recipes[name].strip() for name in header[1].split()]
    steps = re.split(r"^step .*\n", read(".ci/run"), flags=re.MULTILINE)[2:]
    assert [command.removesuffix(" {{ arguments }}") for command in commands] == [
        step.strip() for step in steps
    ]


def test_the_first_recipe_lists_the_recipes() -> None:
    first = re.search(r"^([\w-]+):.*\n((?: {4}.*\n)+)", read("justfile"), re.MULTILINE)
    assert first
    assert "--list" in first[2]


def locked() -> dict[str, str]:
    """Each distribution of the lock with its whole entry, name normalised."""
    entries = re.split(r"^(?=[a-z0-9])", read("requirements.lock"), flags=re.MULTILINE)
    return {re.split(r"[=\[]", entry, maxsplit=1)[0]: entry for entry in entries if entry and entry[0] != " "}


def wanted() -> set[str]:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"], *(line for extra in LOCKED_EXTRAS for line in extras[extra])]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}
    return names - {project["name"]}


def test_the_lock_holds_every_dependency() -> None:
    assert not (lost := wanted() - locked().keys()), (
        f"requirements.lock lacks {sorted(lost)}: run `just lock`"
    )


@pytest.mark.parametrize("name", sorted(locked()))
def test_a_locked_distribution_has_one_version_and_hashes_and_no_address(name: str) -> None:
    entry = locked()[name]
    assert re.match(rf"{re.escape(name)}(\[[\w,-]+\])?==\S+", entry)
    assert "--hash=sha256:" in entry
    assert "://" not in entry
