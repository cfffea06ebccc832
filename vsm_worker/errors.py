"""The errors of the worker.

Every class says through ``definite`` whether the thing asked for certainly did not happen (reject it) or may have
happened (retry it).
"""

from collections.abc import Sequence
from typing import ClassVar

from vsm_worker.secret_rules import redacted

STDERR_SHOWN = 400  # characters of a program's complaint kept in an error


def command_of(arguments: Sequence[str]) -> str:
    """Return git's command without the settings before it."""
    rest = list(arguments)
    while rest and rest[0] == "-c":
        rest = rest[2:]
    return rest[0] if rest else ""


class WorkerError(Exception):
    """The root of every error raised by vsm_worker."""

    definite: ClassVar[bool] = True


class GitError(WorkerError):
    """git refused; ``exit_code`` and ``complaint`` are its own."""

    def __init__(self, arguments: Sequence[str], exit_code: int, complaint: str) -> None:
        shown = redacted(complaint.strip())[-STDERR_SHOWN:]  # cut afterwards: half a secret is not recognised
        super().__init__(f"git {command_of(arguments)} ended with {exit_code}: {shown}")
        self.exit_code = exit_code
        self.complaint = complaint


class GitTimeout(WorkerError):
    """git did not end in time and was killed; what it was asked for may have happened."""

    definite: ClassVar[bool] = False


class GitMissing(WorkerError):
    """There is no git on PATH."""


class RefExists(WorkerError):
    """A ref that must be new is already there, and points at another commit."""

    def __init__(self, ref: str, found: str) -> None:
        super().__init__(f"{ref} exists already and points at {found}")
        self.ref = ref
        self.found = found


class ProgramMissing(WorkerError):
    """A program is not on the PATH that a leaf is given; ``program`` names it."""

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is not installed")
        self.program = program


class LockTimeout(WorkerError):
    """Another process kept the repository's lock for too long."""


class RepositoryUnreachable(WorkerError):
    """A packet's repository or commit is not where this worker could reach it."""
