"""Databases of test runs that were killed: they are told from those of runs that live, and from anybody else's."""

import os
import subprocess
import sys

from tests.databases import SERVER, apart, left_behind, on_server, postgres, remove_left_behind, runs_here

__all__ = ["postgres"]


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    return ended.pid


def test_only_databases_of_runs_that_are_no_more_are_left_behind() -> None:
    found = [
        "postgres",
        "vsm_test_7_0",
        "vsm_test_7_1",
        "vsm_test_8_0",
        "vsm_test_7",
        "my_vsm_test_7_0",
        "vsm_test_7_0_x",
    ]
    assert left_behind(found, lambda pid: pid == 8) == ["vsm_test_7_0", "vsm_test_7_1"]


def test_a_process_is_known_to_run_or_not() -> None:
    assert runs_here(os.getpid())
    assert runs_here(1)
    assert not runs_here(dead_pid())
    assert not runs_here(2**70)


def test_the_database_of_a_killed_run_is_gone_with_the_next_one(postgres: str) -> None:
    killed = f"vsm_test_{dead_pid()}_0"
    apart(on_server(SERVER, f"CREATE DATABASE {killed} TEMPLATE template0"))
    remove_left_behind()
    names = {str(row[0]) for row in apart(on_server(SERVER, "SELECT datname FROM pg_database"))}
    assert killed not in names
    assert postgres.rpartition("/")[2] in names
