"""Cancelling a directive: by the run that is at work on it, or where nobody is; over in seconds, and it stays over."""

import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.system.repositories import OLD_AND_UNUSED, UNUSED, Yard, document_of

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

WAIT_SECONDS = 30
STOP_SECONDS = 5.0
LEDGER = Path(".git", "vsm", "ledger.db")
# A leaf's tool that has changed a file, will not be stopped politely and has a child of its own.
SLOW_LEAF = """
id: slow
name: Slow
children:
  - id: writer
    name: Writer
    operation: coding
    model: {provider: command}
    tools:
      - name: write
        argv: [sh, -c, "trap '' INT TERM HUP; echo half >half.txt; touch BEGUN; sleep 300 & wait; sleep 300"]
  - {id: tester, name: Tester, operation: testing, model: {provider: command}}
"""


@pytest.fixture
def yard(yard_with: YardWith) -> Yard:
    made = yard_with({"one.py": OLD_AND_UNUSED})
    (made.home / "slow.yaml").write_text(SLOW_LEAF.replace("BEGUN", str(made.home / "begun")))
    return made


def slow(yard: Yard) -> tuple[str, str]:
    return "--organization", str(yard.home / "slow.yaml")


def begun(yard: Yard, directive: str = "slow-one") -> subprocess.Popen[str]:
    """Start a run, and return it once its leaf has half of its work done."""
    (yard.home / "begun").unlink(missing_ok=True)
    asked = ("run-directive", "Write the file", "--json", "--acceptance", "true", "--directive", directive)
    process = yard.start(*asked, *slow(yard))
    until_begun(yard, process)
    return process


def until_begun(yard: Yard, process: subprocess.Popen[str]) -> None:
    end = monotonic() + WAIT_SECONDS
    while not (yard.home / "begun").exists():
        assert process.poll() is None, process.communicate()
        assert monotonic() < end, "waited in vain"
        sleep(0.02)


def facts_about(yard: Yard, directive: str) -> Counter[str]:
    """Count the facts of a directive by their kind."""
    with closing(sqlite3.connect(yard.root / LEDGER)) as ledger:
        about = ledger.execute("select kind from facts where instr(body, ?)", (f'"{directive}"',))
        return Counter(row[0] for row in about)


def killed(yard: Yard) -> None:
    """Leave a directive open, as a run that was killed with all its children does."""
    kill(yard, begun(yard))


def kill(yard: Yard, process: subprocess.Popen[str], *, but: int = 0) -> None:
    """Kill a run with all its children."""
    process.kill()
    while left := [each for each in yard.processes() if not each.startswith(f"{but}:")]:
        # one that is killed may be followed by the next
        for line in left:
            with suppress(ProcessLookupError):
                os.kill(int(line.partition(":")[0]), signal.SIGKILL)
    process.communicate(timeout=WAIT_SECONDS)


def assert_over(yard: Yard, directive: str = "slow-one") -> None:
    """Check what a cancelled directive leaves: facts, a rescue, and nothing that works or lies about."""
    assert (yard.processes(), yard.work_trees()) == ([], [])
    (row,) = [line.split() for line in yard.vsm("runs").stdout.splitlines() if line.startswith(directive)]
    assert row[3] == "cancelled"
    told = yard.vsm("run-directive", "--directive", directive, "--json", *slow(yard))
    assert (told.exit_code, told.document["outcome"]) == (130, "cancelled")
    assert told.document["reason"] == "cancelled by its user"
    assert {each["outcome"] for each in told.document["tasks"]} == {"cancelled"}
    kinds = facts_about(yard, directive)
    assert (kinds["DirectiveFinished"], kinds["CancelRequested"]) == (1, 1)
    assert not list((yard.root / ".git" / "vsm").glob("wishes/*"))


def rescued(yard: Yard) -> list[str]:
    return yard.git("for-each-ref", "--format=%(refname)", "refs/vsm/rescue").splitlines()


def test_the_run_at_work_is_asked_and_ends(yard: Yard) -> None:
    # given a run whose leaf is at work
    process = begun(yard)
    # when the directive is cancelled from beside
    started = monotonic()
    ended = yard.vsm("cancel", "slow-one")
    # then it is over in seconds, in both places, and the work is saved
    assert (ended.exit_code, ended.stdout) == (0, "directive slow-one is cancelled\n"), ended.stderr
    assert len(ended.lines) == 1
    assert f"process {process.pid} (directive slow-one" in ended.stderr
    assert monotonic() - started < STOP_SECONDS
    stdout, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 130
    assert document_of(stdout, ("run-directive", "--json"))["outcome"] == "cancelled"
    assert_over(yard)
    assert yard.at(rescued(yard)[0], "half.txt") == b"half\n"
    # and once more is told in a line
    again = yard.vsm("cancel", "slow-one")
    assert (again.exit_code, again.stdout, again.lines) == (
        2,
        "",
        ["vsm: directive slow-one is over already: cancelled"],
    )


def test_where_the_owner_is_dead_it_is_cancelled_all_the_same(yard: Yard) -> None:
    # given a directive that a killed run has left open
    killed(yard)
    # when it is cancelled, then this is refused for an organization that it is not of, and done for its own
    refused = yard.vsm("cancel", "slow-one")
    assert (refused.exit_code, len(refused.lines)) == (2, 1)
    assert "belongs to an organization whose root is 'slow'" in refused.stderr
    ended = yard.vsm("cancel", "slow-one", *slow(yard))
    assert (ended.exit_code, ended.stdout) == (0, "directive slow-one is cancelled\n"), ended.stderr
    assert_over(yard)
    assert yard.at(rescued(yard)[0], "half.txt") == b"half\n"


def test_an_interrupted_directive_does_not_go_on_after_it_was_cancelled(yard: Yard) -> None:
    # given a directive that was interrupted
    process = begun(yard)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_SECONDS)
    # when it is cancelled
    assert yard.vsm("cancel", "slow-one", *slow(yard)).exit_code == 0
    # then the next run of the organization leaves it alone
    assert_over(yard)
    other = begun(yard, "slow-two")
    assert yard.vsm("cancel", "slow-two").exit_code == 0
    assert "slow-one" not in other.communicate(timeout=WAIT_SECONDS)[1]
    assert_over(yard, "slow-two")


@pytest.mark.parametrize("live", [True, False], ids=["live", "dead"])
def test_every_level_ends_and_nothing_of_it_is_done_later(yard_with: YardWith, live: bool) -> None:
    # given a run of two levels of metasystems in the midst of a verification
    yard = yard_with({"one.py": UNUSED})
    wait = f"python -c \"import pathlib, time; pathlib.Path('{yard.home}/begun').touch(); time.sleep(300)\""
    asked = ("run-directive", "Fix the lint errors", "--directive", "deep", "--acceptance", wait)
    process = yard.start(*asked)
    until_begun(yard, process)
    if not live:
        kill(yard, process)
    # when it is cancelled
    ended = yard.vsm("cancel", "deep")
    # then every metasystem is done with it, and another directive finds nothing to go on with
    assert (ended.exit_code, ended.stdout) == (0, "directive deep is cancelled\n"), ended.stderr
    process.communicate(timeout=WAIT_SECONDS)
    before = facts_about(yard, "deep")
    assert before["TaskPlanned"] == before["TaskConcluded"] > 1
    (yard.home / "begun").unlink()
    assert yard.run("Sort the imports", "--acceptance", "true").exit_code == 0
    assert facts_about(yard, "deep") == before
    assert not (yard.home / "begun").exists()


def test_an_open_directive_beside_the_one_that_runs_is_cancelled_alone(yard: Yard) -> None:
    # given a run of one directive that goes on with another one, too
    killed(yard)
    process = begun(yard, "slow-two")
    # when the other one is cancelled
    ended = yard.vsm("cancel", "slow-one")
    # then it is over, and the run goes on
    assert (ended.exit_code, process.poll()) == (0, None), ended.stderr
    rows = {line.split()[0]: line.split()[3] for line in yard.vsm("runs").stdout.splitlines()}
    assert rows == {"slow-one": "cancelled", "slow-two": "running"}
    assert yard.vsm("cancel", "slow-two").exit_code == 0
    process.communicate(timeout=WAIT_SECONDS)
    assert_over(yard)


def test_two_that_cancel_at_once_are_both_told(yard: Yard) -> None:
    process = begun(yard)
    both = [yard.start("cancel", "slow-one", *slow(yard)) for _ in range(2)]
    for each in both:
        _, stderr = each.communicate(timeout=WAIT_SECONDS)
        assert each.returncode == 0, stderr
    process.communicate(timeout=WAIT_SECONDS)
    assert_over(yard)


def test_an_owner_that_dies_while_it_is_asked_is_taken_over(yard: Yard) -> None:
    # given an owner that can't answer, and somebody who waits for its answer
    process = begun(yard)
    process.send_signal(signal.SIGSTOP)
    asking = yard.start("cancel", "slow-one", *slow(yard))
    assert asking.stderr is not None
    assert "is asked to cancel slow-one" in asking.stderr.readline()
    # when the owner is killed, then whoever waits does it
    kill(yard, process, but=asking.pid)
    stdout, stderr = asking.communicate(timeout=WAIT_SECONDS)
    assert (asking.returncode, stdout) == (0, "directive slow-one is cancelled\n"), stderr
    assert_over(yard)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_cancel_takes_its_wish_back(yard: Yard, number: signal.Signals) -> None:
    # given an owner that can't answer
    process = begun(yard)
    process.send_signal(signal.SIGSTOP)
    asking = yard.start("cancel", "slow-one")
    assert asking.stderr is not None
    assert "is asked to cancel slow-one" in asking.stderr.readline()
    # when whoever asks is interrupted
    asking.send_signal(number)
    stdout, stderr = asking.communicate(timeout=WAIT_SECONDS)
    # then that is one line, nothing is asked any more, and the owner goes on when it can
    assert list((yard.root / ".git" / "vsm" / "wishes").iterdir()) == []
    assert (asking.returncode, stdout) == (130, "")
    assert stderr == "vsm: interrupted: directive slow-one may not be over; `vsm runs` tells\n"
    process.send_signal(signal.SIGCONT)
    sleep(1)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_SECONDS)
    assert yard.vsm("runs").stdout.split()[3] == "open"


@pytest.mark.parametrize("delay", [0.0, 0.2, 0.4], ids=str)
def test_a_cancel_at_the_moment_of_completion_tells_what_was_first(yard_with: YardWith, delay: float) -> None:
    # given a run that is about to be over
    yard = yard_with({"one.py": UNUSED})
    gate = f"python -c \"import pathlib, time; pathlib.Path('{yard.home}/begun').touch(); time.sleep(0.7)\""
    process = yard.start(
        "run-directive", "Fix the lint errors", "--json", "--directive", "quick", "--acceptance", gate
    )
    until_begun(yard, process)
    sleep(delay)
    # when it is cancelled
    ended = yard.vsm("cancel", "quick")
    stdout, _ = process.communicate(timeout=WAIT_SECONDS)
    # then both tell the same, whichever it is
    outcome = document_of(stdout, ("run-directive", "--json"))["outcome"]
    if ended.exit_code == 0:
        assert (outcome, process.returncode) == ("cancelled", 130)
    else:
        assert (ended.exit_code, ended.stdout, outcome) == (2, "", "completed")
        assert ended.lines[-1].startswith("vsm: directive quick ")
        assert ended.lines[-1].endswith(": completed")
    assert yard.vsm("runs").stdout.split()[3] == outcome


def test_what_is_unknown_is_one_line(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED})
    ended = yard.vsm("cancel", "nothing")
    assert (ended.exit_code, ended.stdout, len(ended.lines)) == (2, "", 1)
    assert "no ledger" in ended.stderr
    yard.run("Fix the lint errors", "--acceptance", "true", "--directive", "mine")
    for name, said in (
        ("mien", "did you mean 'mine'"),
        ("No Id", "no directive 'No Id'"),
        ("mine", "over already: completed"),
    ):
        ended = yard.vsm("cancel", name)
        assert (ended.exit_code, ended.stdout, len(ended.lines)) == (2, "", 1)
        assert said in ended.stderr


@pytest.mark.parametrize("live", [True, False], ids=["live", "dead"])
def test_discarding_what_is_not_over_cancels_it_first(yard: Yard, live: bool) -> None:
    # given
    process = begun(yard) if live else killed(yard)
    assert yard.vsm("discard", "slow-one", *slow(yard)).exit_code == 2  # nobody is there to ask
    # when
    ended = yard.vsm("discard", "slow-one", "--yes", *slow(yard))
    # then it is over, and nothing that git knows speaks of it
    assert ended.exit_code == 0, ended.stderr
    if process is not None:
        process.communicate(timeout=WAIT_SECONDS)
    assert_over(yard)
    assert "slow-one" not in yard.git("for-each-ref")
