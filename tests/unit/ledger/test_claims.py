"""Who is alive: told by pid and start time, on this machine alone."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.contract.journals import owner
from vsm_core.actor import Owner
from vsm_ledger.claims import is_alive, owner_of, owner_text, start_of

PID_LIMIT = 4_194_304  # Linux gives no higher one
WAIT_SECONDS = 10


def test_this_process_is_alive() -> None:
    assert is_alive(owner())


def test_a_process_is_dead_after_its_end() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = Owner("here", child.pid, start_of(child.pid), "p")
    assert is_alive(started)
    child.communicate(b"\n", timeout=WAIT_SECONDS)
    assert not is_alive(started)


def test_a_pid_given_away_again_is_not_the_same_process() -> None:
    assert not is_alive(replace(owner(), started="1"))


def test_without_a_start_time_the_pid_decides() -> None:
    assert is_alive(replace(owner(), started=""))
    assert not is_alive(replace(owner(), pid=PID_LIMIT + 1, started=""))


def test_pids_that_are_none() -> None:
    for pid in (0, -1, 2**80):
        assert not is_alive(replace(owner(), pid=pid))


def test_the_start_is_read_past_a_name_with_spaces_and_brackets(tmp_path: Path) -> None:
    program = tmp_path / "a) b (c"
    program.symlink_to(sys.executable)
    child = subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert start_of(child.pid).isdigit()
        assert int(start_of(child.pid)) >= int(start_of(os.getpid()))
    finally:
        child.communicate(b"\n", timeout=WAIT_SECONDS)


def test_there_is_no_start_of_a_process_that_is_none() -> None:
    assert start_of(PID_LIMIT + 1) == ""


def test_an_owner_is_stored_whole() -> None:
    stored = replace(owner("ü"), labels={"desk": "3"})
    assert owner_of(owner_text(stored)) == stored
