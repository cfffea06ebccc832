"""Which Python a repository's own code runs with: the user's choice, the repository's, the shell's; ours comes last."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vsm_core.task import ExecutionOptions
from vsm_worker.errors import ProgramMissing
from vsm_worker.process import Ended, Program, Scratch, allowed_environment, run

PROBE_TIMEOUT_SECONDS = 30.0
VENV_NAMES = (".venv", "venv")
HAS_MODULE = (
    "import importlib.util, sys; print(sys.executable); "
    "sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
)
VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
LOWER_BOUND = re.compile(r"(?:>=|~=|==|>)\s*(\d+)\.(\d+)")
OLDEST_MINOR = 7  # the oldest Python 3 that the crew's tools know


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and why it is a candidate."""

    path: str
    origin: str

    @property
    def own(self) -> bool:
        """Say whether it is the one that runs this program."""
        return Path(self.path).parent == Path(sys.executable).parent

    @property
    def shown(self) -> str:
        """The interpreter as evidence names it."""
        note = ", vsm's own" if self.own and self.origin != OWN else ""
        return f"{self.path} ({self.origin}{note})"


ON_PATH = "python3 on PATH"
OWN = "vsm's own interpreter"


def candidates(options: ExecutionOptions) -> Iterator[Interpreter]:
    """Yield the interpreters that may serve, the first choice first; a choice of the user's own is the only one."""
    if options.python:
        yield Interpreter(_located(options.python), "chosen by --python")
        return
    for name in VENV_NAMES if options.home else ():
        path = Path(str(options.home)) / name / "bin" / "python"
        if path.exists():
            yield Interpreter(str(path), f"{name} in the repository")
    active = os.environ.get("VIRTUAL_ENV")
    if active and (Path(active) / "bin" / "python").exists():
        yield Interpreter(str(Path(active) / "bin" / "python"), "$VIRTUAL_ENV")
    found = shutil.which("python3")
    if found:
        yield Interpreter(found, ON_PATH)
    yield Interpreter(sys.executable, OWN)


def _located(python: str) -> str:
    path = Path(python).expanduser()
    if path.is_dir():
        path = path / "bin" / "python"
    return str(path.absolute()) if os.sep in python else shutil.which(python) or python


async def with_module(options: ExecutionOptions, module: str, scratch: Scratch) -> Interpreter | None:
    """Return the first candidate that can import ``module``, or None."""
    for candidate in candidates(options):
        ended = await _ask(candidate, (HAS_MODULE, module), scratch)
        if ended is not None and ended.exit_code == 0:
            return _resolved(candidate, ended.text.strip())
    return None


def _resolved(candidate: Interpreter, executable: str) -> Interpreter:
    """Return the interpreter behind a version manager's shim, which needs the user's home to find it."""
    shim = candidate.origin == ON_PATH and executable.startswith(os.sep)
    return Interpreter(executable, candidate.origin) if shim else candidate


async def preferred(
    options: ExecutionOptions, scratch: Scratch
) -> tuple[Interpreter, tuple[int, int]] | None:
    """Return the first candidate that runs at all, and its version."""
    for candidate in candidates(options):
        version = await version_of(candidate, scratch)
        if version is not None:
            return candidate, version
    return None


async def version_of(interpreter: Interpreter, scratch: Scratch) -> tuple[int, int] | None:
    """Return an interpreter's version, such as (3, 11), or None where it does not run."""
    ended = await _ask(interpreter, (VERSION,), scratch)
    found = re.fullmatch(r"(\d+)\.(\d+)", ended.text.strip()) if ended and ended.exit_code == 0 else None
    return (int(found[1]), int(found[2])) if found else None


def user_packages() -> str:
    """Return where the user's own packages lie, which a private home would hide."""
    return os.environ.get("PYTHONUSERBASE") or str(Path.home() / ".local")


async def _ask(interpreter: Interpreter, code: tuple[str, ...], scratch: Scratch) -> Ended | None:
    program = Program(
        argv=(interpreter.path, "-c", *code),
        folder=scratch.temporary,  # empty and ours, so nothing in it can pass for a module
        environment={
            **allowed_environment(scratch),
            "HOME": str(Path.home()),
            "PYTHONUSERBASE": user_packages(),
        },
        timeout_seconds=PROBE_TIMEOUT_SECONDS,
    )
    try:
        return await run(program)
    except (ProgramMissing, OSError):
        return None


def oldest_python(requires: str | None) -> tuple[int, int] | None:
    """Return the oldest version that a ``requires-python`` allows, or None where it says nothing of it."""
    bounds = [(int(major), int(minor)) for major, minor in LOWER_BOUND.findall(requires or "")]
    return max(bounds, default=None)


def tool_target(version: tuple[int, int]) -> str:
    """Return a version as the crew's tools write it, such as ``py39``."""
    major, minor = version
    return f"py{major}{max(minor, OLDEST_MINOR)}" if major == sys.version_info.major else f"py3{OLDEST_MINOR}"
