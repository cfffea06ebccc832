"""Which repository this is: where it lies, which commit is current, and a name that every clone agrees on.

The identity is made of the first commit along the first parents, so it is the same on every machine and stays the same
while the repository grows. A shallow clone knows another first commit, and so has another identity.
"""

import asyncio
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from vsm_core.task import RepositoryRef
from vsm_worker.errors import GitError, GitMissing, WorkerError
from vsm_worker.git import git, resolve

OLDEST_GIT = (2, 38)  # the first with `merge-tree --write-tree`
IDENTITY_LENGTH = 26  # hexadecimal digits of a sha256: 104 bits


class RepositoryError(WorkerError):
    """A repository can't be worked on for a reason its user can mend; the message is that one line."""


@dataclass(frozen=True, slots=True)
class OpenRepository:
    """A repository that can be worked on."""

    root: Path  # of the checkout; the git directory itself where the repository is bare
    common: Path  # the git directory that all its work trees share
    identity: str
    head: str
    branch: str | None  # None: a detached HEAD

    @property
    def ref(self) -> RepositoryRef:
        """The repository as a directive names it."""
        return RepositoryRef(
            identity=self.identity, location=str(self.root), base_commit=self.head, branch=self.branch
        )


async def open_repository(path: Path) -> OpenRepository:
    """Return the repository that ``path`` lies in.

    Raise RepositoryError with one line that says the mend: git missing or too old, no such folder, not a git
    repository, no commit yet, or a branch whose name is in the way.
    """
    await check_git()
    if not await asyncio.to_thread(path.is_dir):
        raise RepositoryError(f"{path} is not a folder")
    common, root = await _folders(path)
    head = await resolve(path, "HEAD")
    if head is None:
        raise RepositoryError(f"{root} has no commit yet: commit something first")
    if await resolve(path, "refs/heads/vsm") is not None:
        raise RepositoryError(
            f"the branch 'vsm' of {root} is in the way of branches 'vsm/...': rename it (git branch -m vsm NEW-NAME)"
        )
    return OpenRepository(root, common, await _identity(path, head), head, await _branch(path))


async def check_git() -> str:
    """Return git's version; raise RepositoryError where git is missing or too old."""
    try:
        said = await git(Path("/"), "version")
    except GitMissing as error:
        raise RepositoryError("git is not installed: install git 2.38 or newer") from error
    found = re.search(r"(\d+)\.(\d+)(?:\.\d+)*", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        raise RepositoryError(f"git is too old ({said}): install git {oldest} or newer")
    return found[0]


async def _folders(path: Path) -> tuple[Path, Path]:
    try:
        common = await git(path, "rev-parse", "--path-format=absolute", "--git-common-dir")
        bare = await git(path, "rev-parse", "--is-inside-work-tree")
        root = common if bare == "false" else await git(path, "rev-parse", "--show-toplevel")
    except GitError as error:
        if "dubious ownership" in error.complaint:
            raise RepositoryError(
                f"{path} belongs to another user: git config --global --add safe.directory {path}"
            ) from error
        raise RepositoryError(
            f"{path} is not in a git repository: git init, or choose another folder"
        ) from error
    return Path(common), Path(root)


async def _identity(path: Path, head: str) -> str:
    first = await git(path, "rev-list", "--first-parent", "--max-parents=0", head)
    return f"repo-{sha256(first.encode()).hexdigest()[:IDENTITY_LENGTH]}"


async def _branch(path: Path) -> str | None:
    try:
        return await git(path, "symbolic-ref", "--quiet", "--short", "HEAD")
    except GitError:
        return None
