"""`vsm ledger redact`, on the ledger of a run."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.repositories import LINT, NO_TESTS, UNUSED, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]
SECRET = "swordfish in the pond"
STATE = Path(".git", "vsm")


@pytest.fixture
def yard(yard_with: YardWith) -> Yard:
    made = yard_with({"one.py": UNUSED})
    ended = made.run(f"{LINT}\n\nThe password is {SECRET}.", *NO_TESTS, "--directive", "mine")
    assert ended.document["outcome"] == "needs_human", ended.stderr  # it takes more than a linter
    assert holds(made)
    return made


def holds(yard: Yard) -> bool:
    return any(
        SECRET.encode() in path.read_bytes() for path in (yard.root / STATE).rglob("*") if path.is_file()
    )


def test_a_secret_goes_from_every_byte_of_the_state_and_the_record_stays_whole(yard: Yard) -> None:
    looked = yard.vsm("ledger", "redact", f"text:{SECRET}", "--dry-run", "--json")
    would = json.loads(looked.stdout)
    assert would["texts"] > 0
    assert would["fixed"] == []
    assert holds(yard)
    gone = yard.vsm("ledger", "redact", f"text:{SECRET}", "--reason", "it is out")
    assert (gone.exit_code, gone.stderr) == (0, "")
    assert f"gone: {would['texts']} texts" in gone.stdout
    assert SECRET not in gone.stdout
    assert not holds(yard)
    verified = yard.vsm("ledger", "verify")
    assert verified.exit_code == 0, verified.stdout
    told = yard.vsm("ledger", "facts", "--kind", "TextRedacted").stdout
    assert "it is out" in told
    assert "[redacted]" in yard.vsm("ledger", "facts", "--kind", "DirectiveAccepted").stdout


def test_the_secret_may_come_from_standard_input(yard: Yard) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "vsm_system", "ledger", "redact", "-", "--reason", "it is out"],
        cwd=yard.root,
        env=yard.environment,
        input=f"{SECRET}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert not holds(yard)


def test_by_task_its_title_is_redacted(yard: Yard) -> None:
    task = yard.vsm("ledger", "facts", "--kind", "TaskPlanned").stdout.split('"task_id":"')[1].split('"')[0]
    ended = yard.vsm("ledger", "redact", f"task:{task[:12]}", "--reason", "it is out", "--json")
    assert (ended.exit_code, json.loads(ended.stdout)["texts"] > 0) == (0, True)
    assert "[redacted]" in yard.vsm("ledger", "tasks", "mine").stdout
    assert yard.vsm("ledger", "verify").exit_code == 0


def test_an_output_that_holds_it_is_named(yard: Yard) -> None:
    output = yard.root / STATE / "artifacts" / "ab" / "output"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(f"... {SECRET} ...")
    ended = yard.vsm("ledger", "redact", f"text:{SECRET}", "--reason", "it is out")
    assert ended.exit_code == 1
    assert f"{output} holds it as well" in ended.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("text:swordfish",), "--reason"),
        (("swordfish", "--reason", "x"), "task:ID"),
        (("text:abc", "--reason", "x"), "everywhere"),
        (("task:nobody", "--reason", "x"), "no task"),
        (("text:swordfish", "--reason", "it is swordfish"), "repeats"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(yard: Yard, words: tuple[str, ...], said: str) -> None:
    ended = yard.vsm("ledger", "redact", *words)
    assert (ended.exit_code, len(ended.lines)) == (2, 1)
    assert said in ended.stderr
    assert holds(yard)
