"""The diff between base and result, as git tells it: which paths, which kinds of change, which lines came and went."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vsm_core.task import DiffSize
from vsm_worker.git import fields, git_bytes, git_fields, readable

NOTHING_MODE, LINK_MODE, SUBMODULE_MODE = "000000", "120000", "160000"
PLAIN = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
HUNK = re.compile(rb"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a diff; modes as git writes them, 000000 where the path is not there."""

    path: str
    old_mode: str
    new_mode: str
    new_object: str

    @property
    def is_link(self) -> bool:
        """Say whether the path is a symbolic link now."""
        return self.new_mode == LINK_MODE


@dataclass(frozen=True, slots=True)
class FileLines:
    """The lines a diff adds to a file and takes from it."""

    path: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Measured:
    """A diff, measured."""

    changes: tuple[Change, ...]
    size: DiffSize
    binary: frozenset[str]
    lines: tuple[FileLines, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """All changed paths, as the file system names them."""
        return tuple(change.path for change in self.changes)


async def measure(common: Path, old: str, new: str) -> Measured:
    """Measure what lies between two commits or trees; errors are git's."""
    raw = await git_fields(common, "diff-tree", "-r", "-z", "--raw", "--no-abbrev", *PLAIN, old, new)
    counted = await git_bytes(common, "diff-tree", "-r", "-z", "--numstat", *PLAIN, old, new)
    patch = await git_bytes(common, "diff-tree", "-r", "-p", "--unified=0", *PLAIN, old, new)
    changes = tuple(_changes(raw))
    counts = tuple(_counts(fields(counted)))
    return Measured(
        changes=changes,
        size=DiffSize(
            files_changed=len(changes),
            lines_added=sum(added for _, added, _ in counts if added is not None),
            lines_deleted=sum(deleted for _, _, deleted in counts if deleted is not None),
        ),
        binary=frozenset(path for path, added, _ in counts if added is None),
        lines=tuple(file_lines(patch)),
    )


def _changes(raw: list[str]) -> Iterator[Change]:
    for entry, path in zip(raw[::2], raw[1::2], strict=True):
        old_mode, new_mode, _, new_object, _ = entry.removeprefix(":").split(" ")
        yield Change(path, old_mode, new_mode, new_object)


def _counts(parts: list[str]) -> Iterator[tuple[str, int | None, int | None]]:
    for part in parts:
        added, deleted, path = part.split("\t", 2)
        yield path, _number(added), _number(deleted)


def _number(text: str) -> int | None:
    return None if text == "-" else int(text)


def file_lines(patch: bytes) -> Iterator[FileLines]:
    """Yield the added and removed lines of a patch made without context."""
    current, left = FileLines(""), 0
    for line in patch.split(b"\n"):
        if left and line[:1] in (b"+", b"-"):
            (current.added if line[:1] == b"+" else current.removed).append(line[1:].decode(errors="replace"))
            left -= 1
        elif hunk := HUNK.match(line):
            left = sum(1 if count is None else int(count) for count in hunk.groups())
        elif line.startswith(b"diff --git "):
            current, left = FileLines(""), 0
        elif line.startswith((b"+++ b/", b'+++ "b/')):
            current = FileLines(_unquoted(line[4:]), current.added, current.removed)
            yield current


def _unquoted(name: bytes) -> str:
    if name.startswith(b'"'):
        escaped = name.rstrip(b"\t").strip(b'"').decode(errors="surrogateescape")
        name = (
            escaped.encode("latin-1", errors="replace")
            .decode("unicode_escape")
            .encode("latin-1", errors="replace")
        )
    return name.rstrip(b"\t").removeprefix(b"b/").decode(errors="surrogateescape")


def special_changes(measured: Measured) -> tuple[str, ...]:
    """Return what is no plain change of text: links, submodules, modes and binaries, one line each."""
    return tuple(line for change in measured.changes if (line := _special(change, measured.binary)))


def _special(change: Change, binary: frozenset[str]) -> str | None:
    name, modes = readable(change.path), (change.old_mode, change.new_mode)
    if SUBMODULE_MODE in modes:
        return f"submodule: {name}"
    if LINK_MODE in modes:
        return f"symbolic link: {name}"
    if NOTHING_MODE not in modes and change.old_mode != change.new_mode:
        return f"mode {change.old_mode} -> {change.new_mode}: {name}"
    if change.path in binary:
        return f"binary: {name}"
    return None
