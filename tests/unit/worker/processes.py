"""Looking at processes from outside: who is alive, and waiting until somebody is gone."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from vsm_worker.process import birth_of

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 10.0
POLL_SECONDS = 0.01
PROMPT_SECONDS = 2.0  # in which a cancel has to be over


def sleeper(number: int) -> str:
    """A command line that no other test and no other run of the tests uses."""
    return f"sleep {number}{os.getpid()}"


def alive(command: str) -> list[int]:
    """The processes with this command in their command line."""
    marker = command.replace(" ", "\0").encode()
    found = [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/cmdline") if marker in _read(each)]
    return [pid for pid in found if birth_of(pid) is not None and pid != os.getpid()]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds; fail where it never does."""
    limit = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < limit, "it never happened"
        await asyncio.sleep(POLL_SECONDS)


async def gone(command: str) -> None:
    """Wait until no process has this command, for as long as a cancel may take."""
    begun = time.monotonic()
    await until(lambda: not alive(command))
    assert time.monotonic() - begun < PROMPT_SECONDS


def python(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Start Python code in a process of its own, from the root of the project."""
    argv = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(argv, cwd=ROOT, stderr=subprocess.PIPE)
