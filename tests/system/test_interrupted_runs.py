"""Ctrl-C at any moment: over in seconds, nothing left, and the next run goes on where this one stopped."""

import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.system.repositories import OLD_AND_UNUSED, Yard, document_of

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

WAIT_SECONDS = 30
STOP_SECONDS = 5.0
DIRECTIVE = "Fix the lint errors and modernise the syntax"
# An acceptance that will not be stopped politely and has a child of its own, until `go` exists; then it holds at once.
STUBBORN = """
import pathlib, signal, subprocess, sys, time
begun, go = map(pathlib.Path, sys.argv[1:])
if not go.exists():
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    subprocess.Popen(["sleep", "300"], start_new_session=True)
    begun.touch()
    time.sleep(300)
"""
# A leaf's tool that has changed a file, and then takes its time.
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
        argv: [sh, -c, "echo half >half.txt; touch BEGUN; test -e GO || sleep 300; echo whole >half.txt"]
  - {id: tester, name: Tester, operation: testing, model: {provider: command}}
"""


def paths(yard: Yard) -> tuple[Path, Path]:
    return yard.home / "begun", yard.home / "go"


def asked(yard: Yard) -> tuple[str, ...]:
    begun, go = paths(yard)
    return ("run-directive", DIRECTIVE, "--json", "--acceptance", f"python stubborn.py '{begun}' '{go}'")


def interrupt(process: subprocess.Popen[str], number: signal.Signals) -> tuple[dict[str, Any], float]:
    """Send a signal, and return the document the run printed and the seconds it took to end."""
    started = monotonic()
    process.send_signal(number)
    stdout, _ = process.communicate(timeout=WAIT_SECONDS)
    return document_of(stdout, ("run-directive", "--json")), monotonic() - started


def until_exists(path: Path, process: subprocess.Popen[str]) -> None:
    end = monotonic() + WAIT_SECONDS
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert monotonic() < end, "waited in vain"
        sleep(0.02)


def counts(document: dict[str, Any], kind: str) -> Counter[str]:
    with sqlite3.connect(document["ledger"]) as ledger:
        rows = ledger.execute("select coalesce(task_id, directive_id) from facts where kind = ?", (kind,))
        return Counter(str(row[0]) for row in rows)


def assert_nothing_left(yard: Yard) -> None:
    assert yard.processes() == []
    assert yard.work_trees() == []
    assert yard.git("status", "--porcelain") == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_interrupted_while_tests_run_goes_on_later(
    yard_with: YardWith, number: signal.Signals
) -> None:
    # given a run in the midst of its verification, by a program that ignores signals
    yard = yard_with({"one.py": OLD_AND_UNUSED, "stubborn.py": STUBBORN})
    process = yard.start(*asked(yard))
    begun, go = paths(yard)
    until_exists(begun, process)
    assert any("sleep 300" in each for each in yard.processes())
    assert len(yard.work_trees()) > 1
    # when it is interrupted
    document, seconds = interrupt(process, number)
    # then it is over at once, says so, and nothing is left of it
    assert (process.returncode, document["outcome"]) == (130, "cancelled")
    assert seconds < STOP_SECONDS
    assert_nothing_left(yard)
    assert yard.vsm("ledger", "verify").exit_code == 0
    # and the same request goes on with the same directive, and does everything once
    go.touch()
    ended = yard.vsm(*asked(yard))
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert ended.document["directive_id"] == document["directive_id"]
    assert [each["VSM-Node"] for each in yard.commits(ended.document)] == ["moderniser", "linter"]
    for kind in ("TaskPlanned", "TaskConcluded", "TaskIntegrated", "DirectiveAccepted", "DirectiveFinished"):
        assert set(counts(ended.document, kind).values()) == {1}, kind


def test_work_that_a_leaf_had_half_done_is_saved(yard_with: YardWith) -> None:
    # given a leaf that has changed a file and is not done
    yard = yard_with({"one.py": "x = 1\n"})
    begun, go = paths(yard)
    own = yard.home / "slow.yaml"
    own.write_text(SLOW_LEAF.replace("BEGUN", str(begun)).replace("GO", str(go)))
    request = (
        "run-directive",
        "Write the file",
        "--json",
        "--organization",
        str(own),
        "--acceptance",
        "true",
    )
    process = yard.start(*request)
    until_exists(begun, process)
    # when the run is interrupted
    document, seconds = interrupt(process, signal.SIGINT)
    # then what it had is on a rescue ref, and nowhere else
    assert (process.returncode, document["branch"], seconds < STOP_SECONDS) == (130, None, True)
    assert_nothing_left(yard)
    (rescued,) = yard.git("for-each-ref", "--format=%(refname)", "refs/vsm/rescue").splitlines()
    assert yard.at(rescued, "half.txt") == b"half\n"
    # and the next run starts that task anew, and ends it
    go.touch()
    ended = yard.vsm(*request)
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert yard.at(ended.document["commit"], "half.txt") == b"whole\n"
    assert len(yard.commits(ended.document)) == 1


@pytest.mark.parametrize("delay", [0.35, 0.6, 0.8, 1.0], ids=str)
def test_a_run_may_be_interrupted_at_any_moment(yard_with: YardWith, delay: float) -> None:
    # given a run that has come as far as it comes in some tenths of a second: perhaps not yet to its first line
    yard = yard_with({"one.py": OLD_AND_UNUSED, "stubborn.py": STUBBORN})
    process = yard.start(*asked(yard))
    sleep(delay)
    # when it is interrupted, as a terminal does it: twice, by someone impatient
    process.send_signal(signal.SIGINT)
    sleep(0.05)
    _, seconds = interrupt(process, signal.SIGINT)
    # then
    assert process.returncode in {130, -signal.SIGINT}
    assert seconds < STOP_SECONDS
    assert_nothing_left(yard)
    # and the same request still comes to its end
    paths(yard)[1].touch()
    ended = yard.vsm(*asked(yard))
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert len(yard.commits(ended.document)) == 2


def test_a_run_that_waits_for_another_is_interrupted_too(yard_with: YardWith) -> None:
    # given a run that waits for the state that another one holds
    yard = yard_with({"one.py": OLD_AND_UNUSED, "stubborn.py": STUBBORN})
    holder = yard.start(*asked(yard))
    until_exists(paths(yard)[0], holder)
    waiting = yard.start("run-directive", "Sort the imports", "--json", "--acceptance", "true")
    assert waiting.stderr is not None
    assert "waiting for process" in waiting.stderr.readline()
    # when that is interrupted, then it ends and the other does not
    document, seconds = interrupt(waiting, signal.SIGINT)
    assert (waiting.returncode, document["outcome"], seconds < STOP_SECONDS) == (130, "cancelled", True)
    assert holder.poll() is None
    interrupt(holder, signal.SIGINT)
    assert holder.returncode == 130


def test_time_runs_out(yard_with: YardWith) -> None:
    # given a directive with less time than its verification takes
    yard = yard_with({"one.py": OLD_AND_UNUSED, "stubborn.py": STUBBORN})
    started = monotonic()
    # when
    ended = yard.vsm(*asked(yard), "--timeout", "3")
    # then it ends in time, by its own account
    assert (ended.exit_code, ended.document["outcome"]) == (1, "timed_out")
    assert monotonic() - started < 3 + 2 * STOP_SECONDS
    assert_nothing_left(yard)
