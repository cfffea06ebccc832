"""git as a typed, quiet, non-interactive tool: no hooks, no prompts, no signing, no user's identity, bounded in time.

Names of files are text with every byte that is no UTF-8 kept as a surrogate (as the file system's own names are in
Python), so odd names survive the way in and out. ``readable`` makes such a name fit to be shown and stored.
"""

import asyncio
import fcntl
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from vsm_worker.errors import GitError, GitMissing, GitTimeout, LockTimeout
from vsm_worker.process import uninterrupted

GIT_TIMEOUT_SECONDS = 300.0
LOCK_TIMEOUT_SECONDS = 120.0
LOCK_POLL_SECONDS = 0.02
IDENTITY_NAME, IDENTITY_EMAIL = "VSM", "vsm@localhost"
FIXED = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "core.sparseCheckout=false",
    "index.sparse=false",
    "commit.gpgSign=false",
    "i18n.commitEncoding=UTF-8",
    "advice.detachedHead=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "core.sshCommand=ssh",
    "core.askPass=true",
    "core.pager=cat",
    "core.editor=true",
    "sequence.editor=true",
    "log.showSignature=false",
    "gpg.program=false",
    "protocol.ext.allow=never",
    "protocol.file.allow=never",
    "protocol.git.allow=never",
)
SETTINGS = tuple(part for setting in FIXED for part in ("-c", setting))
# Options that keep a command from running what settings name: the repository's, or those of a submodule in it.
NO_PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "diff": ("--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"),
    "diff-tree": ("--no-ext-diff", "--no-textconv"),
    "log": ("--no-ext-diff", "--no-textconv"),
    "show": ("--no-ext-diff", "--no-textconv"),
    "status": ("--ignore-submodules=dirty",),
}
AS_STORED = ("-c", "core.autocrlf=false", "-c", "core.safecrlf=false")  # line ends of our own work trees
# The user's own git settings count (safe.directory, large-file filters); what would point git elsewhere does not.
KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "LD_LIBRARY_PATH",
)
KEPT_GIT = (
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_EXEC_PATH",
)
KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree addressed by its git directory, whatever the ``.git`` file inside it may say by now."""

    git_dir: Path
    work_tree: Path


Where = Path | Checkout


@dataclass(frozen=True, slots=True)
class Call:
    """One call of git: its arguments, what it reads, and which exit codes are answers and not errors."""

    arguments: tuple[str, ...]
    stdin: bytes = b""
    environment: Mapping[str, str] = field(default_factory=dict)
    accepted: tuple[int, ...] = (0,)
    timeout_seconds: float = GIT_TIMEOUT_SECONDS


@dataclass(frozen=True, slots=True)
class Answer:
    """What git said: exit code and output."""

    exit_code: int
    output: bytes


async def call(where: Where, request: Call) -> Answer:
    """Run git; raise GitError for an exit code that is not accepted, GitTimeout, or GitMissing."""
    process = await _start(where, request)
    try:
        async with asyncio.timeout(request.timeout_seconds):
            output, complaint = await process.communicate(request.stdin)
    except TimeoutError:
        raise GitTimeout(f"git {request.arguments[0]} did not end in {request.timeout_seconds:g} s") from None
    finally:
        if process.returncode is None:
            await uninterrupted(_kill(process))
    exit_code = process.returncode if process.returncode is not None else -1
    if exit_code not in request.accepted:
        raise GitError(request.arguments, exit_code, complaint.decode(errors="replace"))
    return Answer(exit_code, output)


async def _start(where: Where, request: Call) -> Process:
    try:
        return await asyncio.create_subprocess_exec(
            *("git", *SETTINGS, *_place(where), *_harmless(request.arguments)),
            cwd=where.git_dir if isinstance(where, Checkout) else where,
            env={**git_environment(), **request.environment},
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
    except FileNotFoundError as error:
        if error.filename in (None, "git"):
            raise GitMissing("git is not installed: install git 2.38 or newer") from error
        raise GitError(request.arguments, -1, f"{error.filename} does not exist") from error


def _harmless(arguments: tuple[str, ...]) -> tuple[str, ...]:
    return (arguments[0], *NO_PROGRAMS.get(arguments[0], ()), *arguments[1:])


def _place(where: Where) -> tuple[str, ...]:
    if isinstance(where, Checkout):
        return (*AS_STORED, f"--git-dir={where.git_dir}", f"--work-tree={where.work_tree}")
    return ()


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()


def git_environment() -> dict[str, str]:
    """Return git's environment: the user's settings, our identity, no prompt, no variable that points elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name in KEPT_GIT or name.startswith(KEPT_PREFIXES)
    }
    return {
        **kept,
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": "true",
        "GIT_PAGER": "cat",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_AUTHOR_NAME": IDENTITY_NAME,
        "GIT_AUTHOR_EMAIL": IDENTITY_EMAIL,
        "GIT_COMMITTER_NAME": IDENTITY_NAME,
        "GIT_COMMITTER_EMAIL": IDENTITY_EMAIL,
    }


async def git(where: Where, *arguments: str) -> str:
    """Run git and return its output as text without the last line end; errors as for ``call``."""
    return (await git_bytes(where, *arguments)).decode(errors="surrogateescape").removesuffix("\n")


async def git_bytes(where: Where, *arguments: str) -> bytes:
    """Run git and return its output; errors as for ``call``."""
    return (await call(where, Call(arguments))).output


async def git_fields(where: Where, *arguments: str) -> list[str]:
    """Run git with an output separated by NUL and return the fields; errors as for ``call``."""
    return fields(await git_bytes(where, *arguments))


def fields(output: bytes) -> list[str]:
    """Split an output separated by NUL; bytes that are no UTF-8 become surrogates."""
    return output.decode(errors="surrogateescape").removesuffix("\0").split("\0") if output else []


async def resolve(where: Where, name: str) -> str | None:
    """Return the commit a name stands for, or None."""
    request = Call(
        ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"), accepted=(0, 1, 128)
    )
    answer = await call(where, request)
    return answer.output.decode().strip() or None if answer.exit_code == 0 else None


async def common_directory(where: Path) -> Path:
    """Return the git directory that all work trees of a repository share."""
    return Path(await git(where, "rev-parse", "--path-format=absolute", "--git-common-dir"))


def readable(name: str) -> str:
    """Return a file name as it may be shown and stored: bytes that are no UTF-8 are written as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


@asynccontextmanager
async def exclusive(lock: Path) -> AsyncIterator[None]:
    """Hold a lock file against every other holder on this machine; raise LockTimeout where it is never free."""
    async with AsyncExitStack() as stack:
        while True:
            lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            held = stack.enter_context(lock.open("ab"))
            await _acquire(held.fileno(), lock)
            if is_file_at(held.fileno(), lock):
                break
            held.close()  # it was taken away while we waited
        yield


async def _acquire(descriptor: int, lock: Path) -> None:
    try:
        async with asyncio.timeout(LOCK_TIMEOUT_SECONDS):
            while not try_lock(descriptor):  # noqa: ASYNC110 - the holder may be another process
                await asyncio.sleep(LOCK_POLL_SECONDS)
    except TimeoutError:
        raise LockTimeout(f"{lock} has been held for more than {LOCK_TIMEOUT_SECONDS:g} s") from None


def is_file_at(descriptor: int, path: Path) -> bool:
    """Say whether an open file is the one that lies at a path now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def try_lock(descriptor: int) -> bool:
    """Lock an open file against everybody else, if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
