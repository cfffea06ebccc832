"""A recorded outcome is told and applied only where the record is whole: otherwise one line, and exit code 1."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.system.repositories import LINT, NO_TESTS, UNUSED, Ended, Yard
from vsm_system.errors import RecordChanged
from vsm_system.runs import vouching
from vsm_system.runs.state import State

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]
LEDGER = Path(".git", "vsm", "ledger.db")
SAID = "vsm: the ledger was changed ("


@contextmanager
def tampered(yard: Yard) -> Iterator[None]:
    """Let the ledger say for a while that a directive which completed has failed."""
    ledger = yard.root / LEDGER
    kept = ledger.read_bytes()
    with closing(sqlite3.connect(ledger)) as database, database:
        changed = database.execute(
            "update facts set body = replace(body, 'completed', 'failed') where kind = 'DirectiveFinished'"
        )
        assert changed.rowcount == 1
    try:
        yield
    finally:
        for beside in ledger.parent.glob("ledger.db-*"):
            beside.unlink()
        ledger.write_bytes(kept)


@pytest.fixture
def yard(yard_with: YardWith) -> Yard:
    made = yard_with({"one.py": UNUSED})
    assert made.run(LINT, *NO_TESTS, "--directive", "mine").exit_code == 0
    return made


def assert_refused(ended: Ended) -> None:
    assert ended.exit_code == 1, ended.stdout
    assert len(ended.lines) == 1, ended.stderr
    assert ended.stderr.startswith(SAID)
    assert "vsm ledger verify" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_changed_outcome_is_neither_told_nor_applied(yard: Yard) -> None:
    before = yard.head
    with tampered(yard):
        for options in ((), ("--apply",), ("--no-wait",)):
            ended = yard.vsm("run-directive", "--directive", "mine", *options)
            assert_refused(ended)
            assert ended.stdout == ""
        ended = yard.vsm("run-directive", "--directive", "mine", "--json")
        assert_refused(ended)
        assert (ended.document["directive_id"], ended.document["outcome"]) == ("mine", "failed")
        assert ended.document["reason"].startswith("the ledger was changed")
        applied = yard.vsm("apply", "mine", "--unverified")
        assert_refused(applied)
        assert (applied.stdout, yard.head) == ("", before)
        assert yard.vsm("ledger", "verify").exit_code == 1
    # and the record as it was is believed
    assert yard.vsm("apply", "mine").exit_code == 0
    assert yard.head != before


@pytest.mark.parametrize("left", ["beside the ledger", "in the repository"])
def test_a_copy_outside_the_ledger_is_a_witness(yard: Yard, left: str) -> None:
    # given a ledger without its own checkpoints, of which one copy is left
    state = yard.root / ".git" / "vsm"
    kept = {each: each.read_bytes() for each in (state / "ledger.db", state / "checkpoints.ndjson")}
    ref = yard.git("rev-parse", "refs/vsm/checkpoints")
    with closing(sqlite3.connect(state / "ledger.db")) as database, database:
        database.execute("delete from checkpoints")
    if left == "in the repository":
        (state / "checkpoints.ndjson").unlink()
    else:
        yard.git("update-ref", "-d", "refs/vsm/checkpoints")
    # when, then
    assert_refused(yard.vsm("run-directive", "--directive", "mine"))
    for path, content in kept.items():
        path.write_bytes(content)
    yard.git("update-ref", "refs/vsm/checkpoints", ref)


async def test_a_large_ledger_is_not_verified_in_passing(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(yard.root / ".git" / "vsm", str(yard.root / LEDGER))
    told: list[str] = []
    with tampered(yard):
        with pytest.raises(RecordChanged):
            await vouching.vouch(state, yard.root / ".git", told.append)
        assert told == []
        monkeypatch.setattr(vouching, "VERIFIED_FACTS", 1)
        await vouching.vouch(state, yard.root / ".git", told.append)
    assert len(told) == 1
    assert "it was not verified in passing" in told[0]
