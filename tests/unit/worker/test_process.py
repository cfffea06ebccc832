"""Programs of leaves: what they are given, how they end, and that none survives."""

import asyncio
import os
import signal
import sys
import time
from hashlib import sha256
from pathlib import Path

import pytest

from tests.unit.worker.processes import alive, gone, python, sleeper, until
from vsm_worker.errors import ProgramMissing
from vsm_worker.process import (
    OUTPUT_KEPT,
    Program,
    Scratch,
    allowed_environment,
    birth_of,
    own_tool_environment,
    run,
    uninterrupted,
)

LIMIT_SECONDS = 30.0


@pytest.fixture
def program(tmp_path):
    scratch = Scratch.below(tmp_path / "scratch")
    scratch.make()

    def make(*argv, seconds=LIMIT_SECONDS, environment=None):
        return Program(argv, tmp_path, environment or allowed_environment(scratch), seconds)

    return make


async def test_exit_code_output_and_digest_are_observed(program):
    ended = await run(program("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert (ended.exit_code, ended.text) == (3, "out\nerr\n")
    assert ended.digest == sha256(b"out\nerr\n").hexdigest()


async def test_a_signal_is_a_crash(program):
    ended = await run(program("sh", "-c", "kill -SEGV $$"))
    assert (ended.exit_code, ended.crashed) == (-signal.SIGSEGV, True)
    assert (await run(program("sh", "-c", "kill -KILL $$"))).exit_code == -signal.SIGKILL


async def test_a_missing_program_is_an_error_of_its_own(program, tmp_path):
    for name in ("no-such-program", "./no-such-file"):
        with pytest.raises(ProgramMissing):
            await run(program(name))
    (tmp_path / "here").write_text("#!/bin/sh\necho here\n")
    (tmp_path / "here").chmod(0o755)
    assert (await run(program("./here"))).text == "here\n"


async def test_the_environment_is_an_allow_list(program, monkeypatch):
    monkeypatch.setenv("SECRET_API_KEY", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    ended = await run(program("env"))
    names = {line.partition("=")[0] for line in ended.text.splitlines()}
    assert not names & {"SECRET_API_KEY", "PYTHONPATH", "PYTHONSAFEPATH"}
    assert f"PATH={Path(sys.executable).parent}:" in ended.text


def test_only_the_crews_own_tools_get_a_safe_path(tmp_path):
    scratch = Scratch.below(tmp_path)
    assert own_tool_environment(scratch)["PYTHONSAFEPATH"] == "1"
    assert "PYTHONSAFEPATH" not in allowed_environment(scratch)


async def test_the_input_is_closed(program):
    assert (await run(program("cat"))).exit_code == 0


async def test_the_middle_of_a_long_output_is_left_out_and_its_end_kept(program):
    size = OUTPUT_KEPT * 2
    ended = await run(program("sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x; echo END"))
    assert ended.text.endswith("END\n")
    assert "bytes left out" in ended.text
    assert ended.digest == sha256(b"x" * size + b"END\n").hexdigest()


async def test_a_program_that_outlives_its_time_is_stopped_with_all_below_it(program):
    marker = sleeper(94)
    begun = time.monotonic()
    ended = await run(program("sh", "-c", f"setsid {marker} & setsid nohup {marker} & {marker}", seconds=0.5))
    assert (ended.timed_out, ended.exit_code) == (True, None)
    assert time.monotonic() - begun < LIMIT_SECONDS / 10
    assert alive(marker) == []


async def test_what_a_program_leaves_running_in_a_session_of_its_own_is_dead_when_it_ended(program):
    marker = sleeper(93)
    ended = await run(program("sh", "-c", f"(setsid {marker} >/dev/null 2>&1 &); echo done"))
    assert ended.text == "done\n"
    assert alive(marker) == []


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.05, 0.3])
async def test_cancellation_leaves_nothing_even_while_it_spawns(program, delay):
    marker = sleeper(92)
    running = asyncio.create_task(run(program("sh", "-c", f"setsid {marker} & {marker}")))
    await asyncio.sleep(delay)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert alive(marker) == []


async def test_a_program_that_stops_its_own_launcher_is_killed_all_the_same(program):
    marker = sleeper(91)
    begun = time.monotonic()
    ended = await run(program("sh", "-c", f"setsid {marker} & kill -STOP 0; {marker}", seconds=0.3))
    assert ended.timed_out
    assert time.monotonic() - begun < LIMIT_SECONDS / 10
    assert alive(marker) == []


PARENT = """
    import asyncio, sys
    from pathlib import Path
    from vsm_worker.process import *
    scratch = Scratch.below(Path(sys.argv[1]))
    scratch.make()
    marker = " ".join(sys.argv[2:])
    argv = ("sh", "-c", f"setsid {marker} & {marker}")
    asyncio.run(run(Program(argv, Path(sys.argv[1]), allowed_environment(scratch), 60.0)))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_survives_a_parent_that_is_killed(tmp_path, number):
    marker = sleeper(90)
    parent = python(PARENT, str(tmp_path), *marker.split())
    await until(lambda: len(alive(marker)) > 1)
    parent.send_signal(number)
    parent.communicate()
    await gone(marker)


async def test_work_that_must_be_done_is_done_through_any_number_of_cancels():
    done = asyncio.Event()

    async def work() -> str:
        await asyncio.sleep(0.1)
        done.set()
        return "done"

    running = asyncio.create_task(uninterrupted(work()))
    for _ in range(3):
        await asyncio.sleep(0.01)
        running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert done.is_set()
    assert await uninterrupted(work()) == "done"


async def test_work_that_must_be_done_may_fail():
    async def work() -> None:
        raise KeyError("broken")

    with pytest.raises(KeyError):
        await uninterrupted(work())


def test_a_process_is_told_from_a_later_one_with_its_number():
    assert birth_of(os.getpid()) == birth_of(os.getpid())
    child = python("import time; time.sleep(60)")
    assert birth_of(child.pid) not in (None, birth_of(os.getpid()))
    child.kill()
    child.communicate()
    assert birth_of(child.pid) is None
