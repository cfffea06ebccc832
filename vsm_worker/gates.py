"""The hard gates after the fact: what a leaf did is measured on its diff, whatever it says it did.

Each gate is a small function from the measured diff and the task to the paths it refuses; all of them always run.
"""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from vsm_core.capability import covers, path_refusal
from vsm_core.payloads.jobs import GateKind, GateViolation
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import AcceptanceCriterion
from vsm_worker.git import git_bytes, git_fields, readable
from vsm_worker.measure import NOTHING_MODE, Measured
from vsm_worker.pytest_command import is_pytest
from vsm_worker.secret_rules import secrets_in
from vsm_worker.tools import may_write

PROTECTED_NAMES = frozenset({".git", ".githooks", ".husky"})  # wherever in the tree
PROTECTED_FILES = ("vsm.toml",)
SCRIPT_RUNNERS = ("python", "python3", "sh", "bash", "zsh", "node", "ruby", "perl", "pwsh")
RUNNER_FILES = {
    "make": ("Makefile", "makefile", "GNUmakefile"),
    "just": ("justfile", "Justfile", ".justfile"),
    "tox": ("tox.ini",),
    "nox": ("noxfile.py",),
    "npm": ("package.json",),
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the gates look at: the task, its assignment, the diff, and where links lead."""

    packet: TaskPacket
    assignment: Assignment
    measured: Measured
    harness: tuple[str, ...]  # files that judge the work
    links: tuple[tuple[str, str], ...]  # path -> target


Gate = Callable[[Inspection], Iterator[GateViolation]]


async def inspect(
    packet: TaskPacket, common: Path, base: str, measured: Measured
) -> tuple[GateViolation, ...]:
    """Return what the gates refuse in a diff, in the order of the gates; errors are git's."""
    assert packet.assignment is not None
    inspection = Inspection(
        packet=packet,
        assignment=packet.assignment,
        measured=measured,
        harness=await _harness_files(packet.acceptance, common, base),
        links=tuple(
            [(each.path, await _target(common, each.new_object)) for each in measured.changes if each.is_link]
        ),
    )
    return tuple(violation for gate in GATES for violation in gate(inspection))


async def _target(common: Path, blob: str) -> str:
    return (await git_bytes(common, "cat-file", "blob", blob)).decode(errors="surrogateescape")


async def _harness_files(
    acceptance: tuple[AcceptanceCriterion, ...], common: Path, base: str
) -> tuple[str, ...]:
    said = {posixpath.normpath(name) for each in acceptance for name in scripts_named(each.verifier)}
    named = sorted(
        name for name in said if not name.startswith(("/", ".."))
    )  # what lies outside is not ours to keep
    if not named:
        return ()
    found = await git_fields(common, "ls-tree", "-r", "-z", "--name-only", base, "--", *named)
    return tuple(name for name in found if name in named)  # a folder that is named protects nothing by itself


def scripts_named(argv: tuple[str, ...]) -> Iterator[str]:
    """Yield the files of the repository that a command which is not pytest would run."""
    if not argv or is_pytest(argv):
        return
    program = PurePosixPath(argv[0]).name
    yield from RUNNER_FILES.get(program, ())
    if "/" in argv[0]:
        yield posixpath.normpath(argv[0])
    if program.startswith(SCRIPT_RUNNERS):
        first = next((part for part in argv[1:] if not part.startswith("-")), None)
        if first is not None and "-c" not in argv and "-m" not in argv:
            yield posixpath.normpath(first)


def outside_scope(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse paths outside the trees that the task names."""
    trees = ", ".join(seen.packet.scope)
    for path in seen.measured.paths:
        if not any(covers(tree, path) for tree in seen.packet.scope):
            yield _refuse(GateKind.OUTSIDE_SCOPE, path, f"the task's scope is {trees}")


def denied_path(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse paths that the node's place in the organization does not allow."""
    for path in seen.measured.paths:
        refusal = path_refusal(seen.assignment.authority, path)
        if refusal:
            yield _refuse(GateKind.DENIED_PATH, path, readable(refusal))


def protected_path(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse changes to policy, to hooks and to what judges the work."""
    protected = seen.assignment.node.system_5.protected_paths
    for path in seen.measured.paths:
        if any(part in PROTECTED_NAMES for part in path.split("/")) or path in PROTECTED_FILES:
            yield _refuse(GateKind.PROTECTED_PATH, path, "protected in every repository")
        elif any(covers(tree, path) or fnmatch(path, tree) for tree in protected):
            yield _refuse(GateKind.PROTECTED_PATH, path, "protected by policy")
        elif path in seen.harness:
            yield _refuse(GateKind.PROTECTED_PATH, path, "it judges the work")


def no_write_capability(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse any change by a leaf that may not write."""
    if not may_write(seen.assignment):
        for path in seen.measured.paths:
            yield _refuse(GateKind.NO_WRITE_CAPABILITY, path, f"{seen.assignment.node.id} may not write")


def escaping_symlink(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse symbolic links that lead out of the repository, or into its git folder."""
    for path, target in seen.links:
        landed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or landed.split("/")[0] in {"..", ".git"}:
            yield _refuse(GateKind.ESCAPING_SYMLINK, path, f"leads to {readable(target)}")


def secret(seen: Inspection) -> Iterator[GateViolation]:
    """Refuse secrets in added lines and in new names; one that the same file already held is only moved."""
    for change in seen.measured.changes:
        if change.old_mode == NOTHING_MODE:
            for found in secrets_in(readable(change.path)):
                yield _refuse(GateKind.SECRET, change.path, f"{found.masked} in its name")
    for file in seen.measured.lines:
        before = "\n".join(file.removed)
        for line in file.added:
            for found in secrets_in(line):
                if found.secret not in before:
                    yield _refuse(GateKind.SECRET, file.path, found.masked)


GATES: tuple[Gate, ...] = (
    outside_scope,
    denied_path,
    protected_path,
    no_write_capability,
    escaping_symlink,
    secret,
)


def _refuse(kind: GateKind, path: str, detail: str) -> GateViolation:
    return GateViolation(kind=kind, path=readable(path), detail=detail)
