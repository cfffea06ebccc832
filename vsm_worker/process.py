"""Running programs for a leaf: argv without a shell, an allowed environment, bounded time and output, no survivors.

A program runs under the launcher, in a session of its own. Whatever way it ends - by itself, at its time limit, by a
flood of output, by cancellation, or because this process is killed - its whole tree is dead when ``run`` has returned.
This enforces no isolation: ``Isolation.NONE`` is what results say until there is a sandbox around it.
"""

import asyncio
import hashlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from vsm_worker.errors import ProgramMissing
from vsm_worker.launcher import children_of
from vsm_worker.secret_rules import redacted

LAUNCHER = Path(__file__).with_name("launcher.py")
OUTPUT_KEPT = 4 * 1024 * 1024  # bytes of a program's output that stay in memory
TAIL_KEPT = 64 * 1024  # bytes kept of its end, where there is more
FLOOD = 64 * 1024 * 1024  # bytes after which a program is stopped
CHUNK = 64 * 1024  # bytes read at once
BIRTH_FIELD = 18  # of /proc/PID/stat, counted after the state: the start time in ticks since boot
GRACE_SECONDS = 1.0  # for the launcher to clear its tree before it is killed itself
PASSED_ON = (
    "LC_CTYPE",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "NIX_LD",
    "LD_LIBRARY_PATH",
)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, where, with which environment and for how long at most."""

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    timeout_seconds: float


@dataclass(frozen=True)
class Ended:
    """How a program ended: ``exit_code`` is negative for a signal and None where it was stopped by us."""

    argv: tuple[str, ...]
    exit_code: int | None
    duration_seconds: float
    output: bytes  # whole, or beginning and end around a mark that says how much is left out
    digest: str  # sha256 of the whole output
    timed_out: bool = False
    flooded: bool = False

    @property
    def text(self) -> str:
        """The output as text; bytes that are no UTF-8 are shown as replaced."""
        return self.output.decode(errors="replace")

    @cached_property
    def shown(self) -> str:
        """The output as text that may be told: without the secrets in it. Cut this, never ``text``."""
        return redacted(self.text)

    @property
    def crashed(self) -> bool:
        """Say whether a signal ended it."""
        return self.exit_code is not None and self.exit_code < 0


@dataclass(slots=True)
class Collected:
    """Output as it comes in: a bounded beginning, a bounded end, and the digest of all."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    size: int = 0
    hashed: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, chunk: bytes) -> None:
        """Take a chunk in, forgetting the middle of what is too long."""
        self.size += len(chunk)
        self.hashed.update(chunk)
        room = OUTPUT_KEPT - len(self.head)
        self.head += chunk[:room]
        self.tail += chunk[room:]
        if len(self.tail) > 2 * TAIL_KEPT:
            del self.tail[:-TAIL_KEPT]

    def kept(self) -> bytes:
        """Return what is kept, with a mark where something is left out."""
        left_out = self.size - len(self.head) - len(self.tail)
        mark = f"\n... {left_out} bytes left out ...\n".encode() if left_out else b""
        return bytes(self.head) + mark + bytes(self.tail)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A private home and a private folder for temporary files, gone with the execution."""

    home: Path
    temporary: Path

    @classmethod
    def below(cls, folder: Path) -> "Scratch":
        """Return both as they are named below ``folder``."""
        return cls(folder / "home", folder / "tmp")

    def make(self) -> None:
        """Make both, readable by nobody else."""
        for each in (self.home, self.temporary):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)


def allowed_environment(scratch: Scratch) -> dict[str, str]:
    """Return the environment of a leaf's program: an allow-list, with the crew's own tools found first on PATH."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return {
        **passed_on,
        "PATH": search,
        "HOME": str(scratch.home),
        "TMPDIR": str(scratch.temporary),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "RUFF_NO_CACHE": "true",  # a work tree lives for one run, and ruff's cache can't hold every file name
    }


def own_tool_environment(scratch: Scratch) -> dict[str, str]:
    """Return the same for the crew's own Python tools: nothing is imported from the folder they look at."""
    return {**allowed_environment(scratch), "PYTHONSAFEPATH": "1"}


def birth_of(pid: int) -> str | None:
    """Return a mark of a living process that no later process with its number shares; None where it is dead."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return "another user's"
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "alive"  # no /proc here: the number alone has to do
    return None if state == b"Z" else f"{boot}:{fields[BIRTH_FIELD].decode()}"


async def uninterrupted(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Finish ``work`` even if the caller is cancelled meanwhile, any number of times; then let the cancel go on."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled and not task.cancelled():
        task.exception()
        raise cancelled
    return task.result()


@dataclass(slots=True)
class Lifeline:
    """Our end of the launcher's lifeline; cutting it twice is once."""

    end: int | None

    def cut(self) -> None:
        """Tell the launcher that its tree must go."""
        if self.end is not None:
            os.close(self.end)
            self.end = None


async def run(program: Program) -> Ended:
    """Run a program to its end; raise ProgramMissing where it is not on its PATH.

    Cancellation kills the whole tree before it goes on; a program that outlives its time or floods its output is
    stopped and has no exit code.
    """
    if found_at(program.argv[0], program.folder, program.environment) is None:
        raise ProgramMissing(program.argv[0])
    reading, writing = os.pipe()
    lifeline = Lifeline(writing)
    try:
        process = await _spawn(program, reading, lifeline)
        return await _follow(program, process, lifeline)
    finally:
        lifeline.cut()


def found_at(name: str, folder: Path, environment: Mapping[str, str]) -> str | None:
    """Return where a program would be found: on the environment's PATH, or from ``folder`` where it names a path."""
    if os.sep in name:
        return shutil.which(folder / name)
    return shutil.which(name, path=environment.get("PATH", os.defpath))


async def _spawn(program: Program, reading: int, lifeline: Lifeline) -> Process:
    spawning = asyncio.ensure_future(_started(program, reading))
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        with suppress(OSError):
            await uninterrupted(_stop(await uninterrupted(_result_of(spawning)), lifeline))
        raise


async def _result_of(spawning: asyncio.Future[Process]) -> Process:
    return await spawning


async def _started(program: Program, reading: int) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(LAUNCHER), str(reading), *program.argv),
            cwd=program.folder,
            env=dict(program.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(reading,),
        )
    finally:
        os.close(reading)


async def _follow(program: Program, process: Process, lifeline: Lifeline) -> Ended:
    started, collected = monotonic(), Collected()
    exit_code, timed_out = None, False
    try:
        async with asyncio.timeout(program.timeout_seconds):
            if await _collect(process, collected):
                exit_code = await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        await uninterrupted(_stop(process, lifeline))
    return Ended(
        argv=program.argv,
        exit_code=exit_code,
        duration_seconds=monotonic() - started,
        output=collected.kept(),
        digest=collected.hashed.hexdigest(),
        timed_out=timed_out,
        flooded=collected.size > FLOOD,
    )


async def _collect(process: Process, collected: Collected) -> bool:
    """Read to the end of the output; False where it floods."""
    assert process.stdout is not None
    while chunk := await process.stdout.read(CHUNK):
        collected.add(chunk)
        if collected.size > FLOOD:
            return False
    return True


async def _stop(process: Process, lifeline: Lifeline) -> None:
    """End the launcher and with it the tree: first by the lifeline, then by force; returns when it is gone."""
    lifeline.cut()
    drain = asyncio.ensure_future(_drain(process))
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    except TimeoutError:
        _kill_by_force(process.pid)
        await process.wait()
    await drain


def _kill_by_force(launcher: int) -> None:
    """Kill a launcher that does not answer (a tool may have stopped it), its group and all below it."""
    for pid in children_of({launcher}):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(launcher, signal.SIGKILL)


async def _drain(process: Process) -> None:
    """Read what is left so that the pipe can close."""
    assert process.stdout is not None
    while await process.stdout.read(CHUNK):
        pass
