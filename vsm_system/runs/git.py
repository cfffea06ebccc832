"""What a run's commands ask of git: what changed, where a branch is checked out, which refs a directive has."""

from dataclasses import dataclass
from pathlib import Path

from vsm_worker.errors import GitError
from vsm_worker.git import git, git_fields, readable

PREFIX = "refs/heads/vsm/"


@dataclass(frozen=True, slots=True)
class FileChange:
    """How much one file changed; None counts no lines: a binary file."""

    path: str
    added: int | None
    deleted: int | None


async def changed_files(root: Path) -> int:
    """Return how many files of a checkout are changed or untracked; none where it is bare."""
    try:
        return len(
            await git_fields(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
        )
    except GitError:
        return 0


async def changes_between(repository: Path, base: str, commit: str) -> tuple[FileChange, ...]:
    """Return what changed from one commit to another, file by file."""
    lines = await git_fields(repository, "diff", "--numstat", "-z", "--no-renames", base, commit)
    return tuple(_change(line) for line in lines)


def _change(line: str) -> FileChange:
    added, deleted, path = line.split("\t", 2)
    return FileChange(readable(path), *(None if count == "-" else int(count) for count in (added, deleted)))


async def refs_below(repository: Path, *prefixes: str) -> dict[str, str]:
    """Return the refs that lie below some prefixes, with what they point at."""
    lines = await git(repository, "for-each-ref", "--format=%(objectname) %(refname)", *prefixes)
    pairs = (line.split(" ", 1) for line in lines.splitlines())
    return {ref: target for target, ref in pairs}


async def checkout_of(repository: Path, ref: str) -> Path | None:
    """Return the work tree in which a branch is checked out, or None."""
    place: Path | None = None
    for line in await git_fields(repository, "worktree", "list", "--porcelain", "-z"):
        if line.startswith("worktree "):
            place = Path(line.removeprefix("worktree "))
        elif line == f"branch {ref}":
            return place
    return None
