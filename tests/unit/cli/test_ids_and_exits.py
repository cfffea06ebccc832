"""A directive's id is a function of what would change its result; every outcome has one exit code."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vsm_core.genome import OrganizationalGenome
from vsm_core.ids import NODE_ID_PATTERN
from vsm_core.task import Outcome
from vsm_ledger.errors import FactUnreadable
from vsm_system.cli.exits import EXIT_CODES, LINE_LIMIT, exit_code_after, explained
from vsm_system.config import Config
from vsm_system.errors import RecordChanged, UserError
from vsm_system.organizations import load_organization
from vsm_system.repository.identity import OpenRepository
from vsm_system.runs.request import Request, acceptance_of, directive_id_of, fresh_id, interpreter_of

HERE = Path()
REPOSITORY = OpenRepository(root=HERE, common=HERE, identity="repo-1", head="a" * 40, branch="main")
CREW = load_organization("maintenance")


def id_of(
    text: str = "Fix it",
    config: Config | None = None,
    *,
    repository: OpenRepository = REPOSITORY,
    genome: OrganizationalGenome = CREW,
) -> str:
    return directive_id_of(Request(text, HERE, config or Config()), repository, genome)


def test_the_same_request_has_the_same_id() -> None:
    assert (
        id_of()
        == id_of(" Fix it\n")
        == id_of(config=Config(jobs=7, timeout=60, apply=True, state="elsewhere"))
    )


def test_what_would_change_the_result_changes_the_id() -> None:
    other = OpenRepository(root=HERE, common=HERE, identity="repo-2", head="a" * 40, branch="main")
    moved = OpenRepository(root=HERE, common=HERE, identity="repo-1", head="b" * 40, branch="main")
    ids = [
        id_of(),
        id_of("Fix that"),
        id_of(config=Config(acceptance=("make check",))),
        id_of(config=Config(rules=("F",))),
        id_of(config=Config(python="python3.12")),
        id_of(repository=other),
        id_of(repository=moved),
        id_of(genome=load_organization("nested")),
    ]
    assert len(set(ids)) == len(ids)


def test_ids_are_node_ids_and_fit_into_refs() -> None:
    made = id_of()
    assert re.fullmatch(r"d-[a-z2-7]{12}", made)
    again = directive_id_of(Request("Fix it", HERE, Config(), again=True), REPOSITORY, CREW)
    assert re.fullmatch(NODE_ID_PATTERN, again)
    assert again.startswith(f"{made}-")


def test_repeated_runs_sort_by_time() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    made = [fresh_id("x", lambda at=at: now + timedelta(milliseconds=at)) for at in (0, 1, 2, 1_000, 10**9)]
    assert made == sorted(made)
    assert len({len(each) for each in made}) == 1


@pytest.mark.parametrize("chosen", ["", "-a", "a-", "A", "a b", "a/b", "x" * 49, "ä"])
def test_an_id_outside_the_alphabet_is_refused(chosen: str) -> None:
    with pytest.raises(UserError, match="--directive"):
        directive_id_of(Request("Fix it", HERE, Config(), chosen), REPOSITORY, CREW)


def test_a_long_id_leaves_no_room_for_another_run() -> None:
    with pytest.raises(UserError, match="choose a shorter id"):
        fresh_id("x" * 40)
    assert len(fresh_id(fresh_id(fresh_id("d-abcdefghijkl")))) == len(fresh_id(fresh_id("d-abcdefghijkl")))


def test_every_outcome_has_the_exit_code_of_the_contract() -> None:
    assert {outcome.value: code for outcome, code in EXIT_CODES.items()} == {
        "completed": 0,
        "no_change": 0,
        "failed": 1,
        "rejected": 1,
        "refused": 1,
        "timed_out": 1,
        "lost": 1,
        "needs_human": 3,
        "throttled": 3,
        "budget_exhausted": 3,
        "cancelled": 130,
    }
    assert set(EXIT_CODES) == set(Outcome)


def test_acceptance_commands_become_criteria_with_names() -> None:
    criteria = acceptance_of(Config(acceptance=("make check", "pytest -q 'a b'")))
    assert [(each.name, each.verifier) for each in criteria] == [
        ("acceptance-1", ("make", "check")),
        ("acceptance-2", ("pytest", "-q", "a b")),
    ]


def test_an_interpreter_is_a_program_a_file_or_an_environment(tmp_path: Path) -> None:
    assert interpreter_of(None) is None
    assert interpreter_of("python3") == "python3"
    python = tmp_path / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    assert interpreter_of(str(tmp_path / "env")) == interpreter_of(str(python)) == str(python)
    for missing in ("no-such-python", str(tmp_path / "bin" / "python"), str(tmp_path)):
        with pytest.raises(UserError, match="--python"):
            interpreter_of(missing)


def test_errors_have_a_line_and_a_code() -> None:
    assert (explained(UserError("a\nb")), exit_code_after(UserError("a"))) == ("a b", 2)
    assert (explained(RecordChanged("changed")), exit_code_after(RecordChanged("changed"))) == ("changed", 1)
    assert (explained(ValueError("ours")), exit_code_after(ValueError("ours"))) == (None, 1)
    theirs = PermissionError(13, "Permission denied", "/x/run.lock")
    assert explained(theirs) == "/x/run.lock can't be used (Permission denied): it belongs to somebody else"
    assert exit_code_after(theirs) == 2
    assert explained(PermissionError("of no file")) is None
    long = explained(FactUnreadable("root", 6, "no such kind " * 100)) or ""
    assert long.startswith("fact 6 of root: no such kind")
    assert long.endswith("...: see `vsm ledger verify`")
    assert len(long) < LINE_LIMIT + 40
