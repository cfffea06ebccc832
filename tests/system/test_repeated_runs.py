"""The same request twice, two requests at once, and what the ledger says of them afterwards."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.system.repositories import LINT, LINTED, NO_TESTS, UNUSED, Ended, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

WAIT_SECONDS = 30
# An acceptance that says that it has begun, and ends when it is told to.
GATE = """
import pathlib, sys, time
begun, go = map(pathlib.Path, sys.argv[1:])
begun.touch()
end = time.monotonic() + 60
while not go.exists() and time.monotonic() < end:
    time.sleep(0.02)
"""


def gated(yard: Yard) -> tuple[str, str]:
    """Return the options of a run that stands still in its verification until `go` exists."""
    return "--acceptance", f"python gate.py '{yard.home / 'begun'}' '{yard.home / 'go'}'"


def until(ready: Callable[[], object], process: subprocess.Popen[str]) -> None:
    end = monotonic() + WAIT_SECONDS
    while not ready():
        assert process.poll() is None, process.communicate()
        assert monotonic() < end, "waited in vain"
        sleep(0.02)


def count_of_facts(ended: Ended) -> int:
    with sqlite3.connect(ended.document["ledger"]) as ledger:
        return int(ledger.execute("select count(*) from facts").fetchone()[0])


def refs(yard: Yard) -> str:
    return yard.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/vsm/attempts")


# --------------------------------------------------------------------------------------------------- again


@pytest.mark.parametrize(
    ("acceptance", "exit_code"), [("true", 0), ("grep -q import one.py", 1), ("false", 3)]
)
def test_a_finished_directive_is_told_and_not_done_again(
    yard_with: YardWith, acceptance: str, exit_code: int
) -> None:
    # given a directive with an id of its user's own, that is over
    yard = yard_with({"one.py": UNUSED})
    asked = (LINT, "--directive", "my-lint_1", "--acceptance", acceptance)
    first = yard.run(*asked)
    assert (first.exit_code, first.document["branch"]) == (exit_code, "vsm/my-lint_1")
    before = (refs(yard), count_of_facts(first))
    # when the same is asked again, in full or by the id alone
    for repeated in (yard.run(*asked), yard.vsm("run-directive", "--directive", "my-lint_1", "--json")):
        # then it is told as it was, and nothing has been done
        assert (repeated.exit_code, repeated.document) == (exit_code, first.document)
        assert (refs(yard), count_of_facts(first)) == before


def test_again_makes_a_new_one_beside_the_old(yard_with: YardWith) -> None:
    # given a directive that is over, with an id that was derived
    yard = yard_with({"one.py": UNUSED})
    first = yard.run(LINT, *NO_TESTS)
    # when
    again = yard.run(LINT, *NO_TESTS, "--again")
    # then there are two, with the same change
    assert (again.exit_code, again.document["outcome"]) == (0, "completed")
    assert again.document["directive_id"].startswith(f"{first.document['directive_id']}-")
    assert yard.changed(again.document) == yard.changed(first.document) == {"one.py": (0, 1)}
    assert yard.branches() == ["main", first.document["branch"], again.document["branch"]]
    assert first.document["directive_id"] in yard.vsm("runs").stdout


def test_an_id_that_means_something_else_already_is_a_usage_error(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED})
    yard.run(LINT, *NO_TESTS, "--directive", "mine")
    for arguments in (
        ("Sort the imports", "--directive", "mine"),
        (LINT, "--directive", "Not/an id"),
        ("--directive", "unknown"),
    ):
        ended = yard.vsm("run-directive", *arguments)
        assert (ended.exit_code, ended.stdout, len(ended.lines)) == (2, "", 1)


# --------------------------------------------------------------------------------------------------- two at once


def test_a_second_run_on_the_same_state_waits_in_one_line(yard_with: YardWith) -> None:
    # given a run that is under way
    yard = yard_with({"one.py": UNUSED, "gate.py": GATE})
    first = yard.start("run-directive", LINT, "--directive", "first", *gated(yard))
    until((yard.home / "begun").exists, first)
    # when a second one does not want to wait, it is told who is in the way
    impatient = yard.vsm("run-directive", LINT, "--directive", "second", "--no-wait")
    assert (impatient.exit_code, impatient.stdout, len(impatient.lines)) == (2, "", 1)
    assert f"process {first.pid} (directive first, since 2" in impatient.stderr
    # and when it waits, it says so once, and begins when the first is over
    second = yard.start("run-directive", LINT, "--directive", "second", *NO_TESTS)
    assert second.stderr is not None
    line = second.stderr.readline()
    assert f"waiting for process {first.pid} (directive first, since 2" in line
    (yard.home / "go").touch()
    assert (first.communicate(timeout=WAIT_SECONDS)[1], first.returncode) == ("", 0)
    assert (second.communicate(timeout=WAIT_SECONDS)[1], second.returncode) == ("", 0)
    assert yard.branches() == ["main", "vsm/first", "vsm/second"]


def test_two_states_do_not_wait_for_each_other(yard_with: YardWith) -> None:
    # given a run that is under way
    yard = yard_with({"one.py": UNUSED, "gate.py": GATE})
    first = yard.start("run-directive", LINT, "--directive", "first", *gated(yard))
    until((yard.home / "begun").exists, first)
    # when another one has a state of its own
    other = yard.run(
        LINT, "--directive", "other", *NO_TESTS, "--no-wait", "--state", str(yard.home / "state")
    )
    # then both come to their end, and neither takes the other's work tree away
    assert (other.exit_code, other.document["ledger"]) == (0, str(yard.home / "state" / "ledger.db"))
    (yard.home / "go").touch()
    first.communicate(timeout=WAIT_SECONDS)
    assert first.returncode == 0
    assert yard.branches() == ["main", "vsm/first", "vsm/other"]


# --------------------------------------------------------------------------------------------------- the record


def test_the_record_answers_and_tells_when_it_was_changed(yard_with: YardWith) -> None:
    # given a directive that is over
    yard = yard_with(LINTED)
    ended = yard.run(LINT, *NO_TESTS)
    task = next(each["id"] for each in ended.document["tasks"] if each["node"] == "linter")
    # when it is asked, then it knows the task, how it came about and what its tools said
    listed = json.loads(yard.vsm("ledger", "tasks", "--json").stdout)
    assert {row["task_id"] for row in listed} == {each["id"] for each in ended.document["tasks"]}
    why = yard.vsm("why", task).stdout
    assert all(word in why for word in (LINT, "linter", "engineering", "checker"))
    assert "ruff" in yard.vsm("logs", task).stdout
    assert yard.vsm("ledger", "verify").exit_code == 0
    # and when one byte of a fact is another one, that is found
    ledger = Path(ended.document["ledger"])
    kept = ledger.read_bytes()
    changed = change_a_byte(ledger)
    found = yard.vsm("ledger", "verify")
    assert (found.exit_code, changed in found.stdout) == (1, True), found.stdout
    assert "the record was changed" in found.stdout
    ledger.write_bytes(kept)


def test_a_record_begun_anew_after_cleaning_is_whole(yard_with: YardWith) -> None:
    # given a state that its user has thrown away, with what it had of the directive
    yard = yard_with({"one.py": UNUSED})
    yard.run(LINT, *NO_TESTS, "--directive", "first")
    assert yard.vsm("clean", "--state-too", "--yes").exit_code == 0
    # when there is a new one, of less
    ended = yard.run(LINT, *NO_TESTS, "--directive", "second")
    # then nobody calls it a forgery of the old one
    verified = yard.vsm("ledger", "verify")
    assert (ended.exit_code, verified.exit_code) == (0, 0), verified.stdout


def test_a_branch_of_an_unknown_run_is_said_before_any_work(yard_with: YardWith) -> None:
    # given a state that its user has thrown away, while the branch of its run stayed
    yard = yard_with({"one.py": UNUSED})
    assert yard.run(LINT, *NO_TESTS, "--directive", "first").exit_code == 0
    assert yard.vsm("clean", "--state-too", "--yes").exit_code == 0
    # when the same is asked for again
    again = yard.run(LINT, *NO_TESTS, "--directive", "first")
    # then it says so in one line, and does nothing
    assert again.exit_code == 2
    assert again.stderr.count("\n") == 1
    assert "branch vsm/first is there already" in again.stderr


def change_a_byte(ledger: Path) -> str:
    """Change a letter in the body of a fact, and return the name of its stream."""
    with sqlite3.connect(ledger) as database:
        sequence, stream, body = database.execute(
            "select sequence, stream, body from facts where kind = 'TaskFinished' limit 1"
        ).fetchone()
        database.execute(
            "update facts set body = ? where sequence = ?",
            (body.replace("completed", "completef", 1), sequence),
        )
        assert database.total_changes == 1
        assert "completed" in body
    database.close()
    return str(stream)
