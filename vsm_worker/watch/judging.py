"""What of a repository's common git directory a leaf may not touch: pure rules over what was there and what is.

Judged, because none of it is a leaf's business, it runs programs or changes what git shows, and hardly anybody does it
by chance while leaves work:

* hooks, new or changed; ``info/attributes``, ``info/exclude``, ``info/grafts``, ``objects/info/alternates``;
* settings that name a program, a file or another place (SETTINGS);
* refs that point at a commit which the leaf itself made, and refs that replace objects.

Only noted, because the user works in the same repository and git writes it in everyday work: HEAD, branches, tags and
remote refs that moved, came or went, and all other settings. A leaf may have done that, or the user: nobody can tell.

Not looked at: what is the harness's own (``refs/vsm``, ``refs/heads/vsm``, ``worktrees``), sample hooks, and what was
set aside before. A user who installs a hook or a filter by hand while leaves work will find it set aside, and named as
a leaf's; so will one whose leaf ran an installer that does so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

OWN_REFS = ("refs/vsm/", "refs/heads/vsm/")
REPLACE_REFS = "refs/replace/"
VALUE_SHOWN = 200  # characters of a setting
NOTES_LIMIT = 20  # lines about what only moved
SETTINGS = (  # as git lists them: section and variable in lower case; a star stands for anything
    "alias.*",
    "browser.*",
    "core.alternaterefscommand",
    "core.askpass",
    "core.attributesfile",
    "core.bare",
    "core.editor",
    "core.excludesfile",
    "core.fsmonitor",
    "core.gitproxy",
    "core.hookspath",
    "core.pager",
    "core.sshcommand",
    "core.worktree",
    "credential.*",
    "diff.*.command",
    "diff.*.textconv",
    "diff.external",
    "difftool.*",
    "extensions.partialclone",
    "filter.*",
    "gpg.*",
    "guitool.*",
    "http.*",
    "include.*",
    "includeif.*",
    "interactive.difffilter",
    "man.*",
    "merge.*.driver",
    "mergetool.*",
    "pager.*",
    "protocol.*",
    "remote.*.promisor",
    "remote.*.receivepack",
    "remote.*.uploadpack",
    "remote.*.vcs",
    "safe.*",
    "sendemail.*",
    "sequence.editor",
    "ssh.*",
    "submodule.*.update",
    "trailer.*",
    "uploadpack.*",
    "url.*",
    "web.*",
)

Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Held:
    """What lies at a path: the bytes of a file and whether it may be run, or where a symbolic link leads."""

    content: bytes = b""
    executable: bool = False
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is judged of a common git directory: files by their path below it, and the settings of each settings file.

    Settings are None where the file could not be read as settings; ``raw`` is each such file as it was.
    """

    files: Mapping[str, Held] = field(default_factory=dict)
    settings: Mapping[str, Values | None] = field(default_factory=dict)
    raw: Mapping[str, Held] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refs:
    """Where HEAD and all refs point."""

    head: str
    targets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Touched:
    """One thing in a common git directory that is not as it was: a path below it, or a setting or a ref, and how."""

    path: str
    detail: str


def touched_files(before: Kept, now: Kept) -> Iterator[str]:
    """Yield the paths of judged files that are not as they were."""
    for path in sorted({*before.files, *now.files}):
        if before.files.get(path) != now.files.get(path):
            yield path


def touched_settings(before: Values, now: Values) -> Iterator[str]:
    """Yield the judged settings that are not as they were."""
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key) and is_judged(key):
            yield key


def is_judged(key: str) -> bool:
    """Say whether a setting names a program, a file or another place."""
    return any(fnmatchcase(key, pattern) for pattern in SETTINGS)


def other_settings(before: Kept, now: Kept) -> Iterator[str]:
    """Yield a line for each setting that changed and is everybody's to change."""
    for name, values in now.settings.items():
        old, new = before.settings.get(name) or {}, values or {}
        for key in sorted({*old, *new}):
            if old.get(key) != new.get(key) and not is_judged(key):
                yield f"meanwhile, {name} of the repository: {key} {shown(old.get(key))} -> {shown(new.get(key))}"


def touched_refs(before: Refs, now: Refs, own: frozenset[str]) -> Iterator[Touched]:
    """Yield the refs that only the leaf can have moved: to commits of its own, or in the place of objects."""
    for ref, old, new in _moves(before, now):
        if ref.startswith(REPLACE_REFS) or new in own:
            yield Touched(ref, f"moved from {old or 'nothing'} to {new or 'nothing'}")


def moved_refs(before: Refs, now: Refs, own: frozenset[str]) -> Iterator[str]:
    """Yield a line for each other ref that moved, with its old and its new value."""
    if before.head != now.head:
        yield f"meanwhile, HEAD of the repository: {before.head} -> {now.head}"
    for ref, old, new in _moves(before, now):
        if not ref.startswith(REPLACE_REFS) and new not in own:
            yield f"meanwhile, {ref}: {old or 'nothing'} -> {new or 'nothing'}"


def _moves(before: Refs, now: Refs) -> Iterator[tuple[str, str | None, str | None]]:
    for ref in sorted({*before.targets, *now.targets}):
        old, new = before.targets.get(ref), now.targets.get(ref)
        if old != new and not ref.startswith(OWN_REFS):
            yield ref, old, new


def shown(values: tuple[str, ...] | None) -> str:
    """Return the values of a setting as a report shows them."""
    return ", ".join(values)[:VALUE_SHOWN] if values else "nothing"
