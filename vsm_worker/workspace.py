"""Workspaces: one detached work tree per execution, with a life that always ends.

Theory of operation. A record beside the work tree says which process owns it, and is written before the work tree and
removed after it: whatever is on disk has an owner, and the janitor can tell a dead one from a live one. The harness
looks at the work tree through an index of its own and the repository's common git directory, never through the
``.git`` file and the index a leaf could have changed. What a leaf leaves behind is either committed under an attempt
ref, or saved to a rescue ref, or certainly nothing, before the work tree is removed.
"""

import os
import re
import shutil
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from tempfile import mkdtemp

from vsm_core.ids import Id
from vsm_core.value import Value
from vsm_worker.errors import GitError, RefExists
from vsm_worker.git import AS_STORED, Call, Checkout, call, common_directory, exclusive, git, resolve
from vsm_worker.process import Scratch, birth_of, uninterrupted
from vsm_worker.secret_rules import redacted

SUBJECT_LIMIT = 200  # characters of a commit's first line
BESIDE_LENGTH = 12  # characters of a commit that tell two rescues of one execution apart
PROBE = "probe-"  # begins the names of folders that are no work trees
NAME_LIMIT = 80  # characters of a folder or a part of a ref made from an id


class LeftBehind(StrEnum):
    """What a workspace holds when it is torn down."""

    CLEAN = "clean"
    COMMITTED = "committed"
    DIRTY = "dirty"
    FOREIGN = "foreign"  # its .git is no longer ours
    UNREACHABLE = "unreachable"  # the leaf committed by itself, on no ref


class Record(Value):
    """Who owns a work tree: written beside it, read by the janitor."""

    pid: int
    birth: str
    process: Id
    common: str
    root: str
    commit: str
    rescue_ref: str | None


@dataclass(frozen=True, slots=True)
class Site:
    """Where a workspace is to stand: which commit of which repository, below which cache, under which name."""

    repository: Path
    identity: str
    cache: Path
    name: str
    commit: str
    process: str
    rescue_ref: str | None = None  # None: what is left there is worth nothing

    @property
    def folder(self) -> Path:
        """The folder of all this repository's workspaces."""
        return self.cache / plain(self.identity)


@dataclass(slots=True)
class Workspace:
    """A work tree in use. ``settled`` says that what is in it has been saved, or that there is nothing to save."""

    site: Site
    root: Path
    common: Path
    scratch: Scratch
    git_dir: Path
    settled: bool = False
    rescued: str | None = None
    left_behind: LeftBehind = LeftBehind.CLEAN

    @property
    def checkout(self) -> Checkout:
        """The work tree as the harness sees it."""
        return Checkout(self.common, self.root)


def plain(name: str) -> str:
    """Return a name that is safe as a file name and as a part of a ref."""
    safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:NAME_LIMIT]
    return safe or "unnamed"


@asynccontextmanager
async def workspace(site: Site) -> AsyncIterator[Workspace]:
    """Give a work tree at a commit, and take it away again whatever happens; errors are those of git."""
    root = site.folder / plain(site.name)
    common = await common_directory(site.repository)
    made = Workspace(site, root, common, Scratch.below(scratch_folder(root)), common)
    await reclaim(record_file(root))  # of this same execution, interrupted in a process that is dead
    try:
        await _add(made)
        yield made
    finally:
        await uninterrupted(_tear_down(made))


def _take_possession(made: Workspace) -> None:
    record = Record(
        pid=os.getpid(),
        birth=birth_of(os.getpid()) or "",
        process=made.site.process,
        common=str(made.common),
        root=str(made.root),
        commit=made.site.commit,
        rescue_ref=made.site.rescue_ref,
    )
    record_file(made.root).write_text(record.model_dump_json(), encoding="utf-8")
    made.scratch.make()


def record_file(root: Path) -> Path:
    """Return where the record of a work tree lies."""
    return root.with_name(f"{root.name}.json")


def scratch_folder(root: Path) -> Path:
    """Return the folder of a work tree's private home, temporary files and index."""
    return root.with_name(f"{root.name}.scratch")


def repository_lock(folder: Path) -> Path:
    """Return the lock under which a repository's work trees come and go."""
    return folder / "lock"


async def _add(made: Workspace) -> None:
    async with exclusive(repository_lock(made.site.folder)):
        _take_possession(made)
        arguments = ("worktree", "add", "--quiet", "--detach", "--force", str(made.root), made.site.commit)
        await call(made.common, Call((*AS_STORED, *arguments)))
    made.git_dir = _pointer(made.root) or made.common
    shutil.copy2(made.git_dir / "index", index_of(made.root))


def index_of(root: Path) -> Path:
    """Return the harness's own index of a work tree."""
    return scratch_folder(root) / "index"


async def snapshot(checkout: Checkout, commit: str) -> str:
    """Return the tree that a work tree holds now, ignored files left out; ``commit`` is what it started from.

    Raise GitError where a file can't be read.
    """
    return await _staged(checkout, commit, Call(("add", "--all")))


async def snapshot_of_readable(checkout: Checkout, commit: str) -> str:
    """Return the same of what can be read, for rescues."""
    return await _staged(checkout, commit, Call(("add", "--all", "--ignore-errors"), accepted=(0, 1, 128)))


async def _staged(checkout: Checkout, commit: str, add: Call) -> str:
    index = index_of(checkout.work_tree)
    environment = {"GIT_INDEX_FILE": str(index)}
    index.with_name("index.lock").unlink(missing_ok=True)
    if not index.exists():
        await call(checkout, Call(("read-tree", commit), environment=environment))
    await call(checkout, replace(add, environment=environment))
    answer = await call(checkout, Call(("write-tree",), environment=environment))
    return answer.output.decode().strip()


async def commit_tree(common: Path, tree: str, parent: str, message: str) -> str:
    """Return a new commit of a tree on one parent, by the harness's own identity."""
    request = Call(("commit-tree", tree, "-p", parent, "-F", "-"), stdin=message.encode(errors="replace"))
    return (await call(common, request)).output.decode().strip()


async def create_ref(common: Path, ref: str, commit: str) -> None:
    """Create a ref once; the same again is nothing new, another commit there raises RefExists."""
    try:
        await git(common, "update-ref", "-m", "vsm", ref, commit, "")
    except GitError:
        found = await resolve(common, ref)
        if found != commit:
            if found is None:
                raise
            raise RefExists(ref, found) from None


async def delete_ref(common: Path, ref: str, commit: str) -> None:
    """Delete a ref that points at a commit; errors are git's."""
    await git(common, "update-ref", "-d", ref, commit)


async def commit_work(made: Workspace, message: str) -> str | None:
    """Commit what the work tree holds onto its start; None where nothing changed.

    The caller has made sure that no process of the leaf is alive.
    """
    return await _commit(made, await snapshot(made.checkout, made.site.commit), message)


async def _commit(made: Workspace, tree: str, message: str) -> str | None:
    unchanged = tree == await git(made.common, "rev-parse", f"{made.site.commit}^{{tree}}")
    made.left_behind = await _classify(made, LeftBehind.CLEAN if unchanged else LeftBehind.DIRTY)
    if unchanged:
        made.settled = made.left_behind is LeftBehind.CLEAN
        return None
    return await commit_tree(made.common, tree, made.site.commit, message)


async def _classify(made: Workspace, otherwise: LeftBehind) -> LeftBehind:
    if _pointer(made.root) != made.git_dir:
        return LeftBehind.FOREIGN
    if await _own_head(made.git_dir) != made.site.commit:
        return LeftBehind.UNREACHABLE
    return otherwise


def _pointer(root: Path) -> Path | None:
    try:
        text = (root / ".git").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return Path(text.removeprefix("gitdir:").strip())


async def _own_head(git_dir: Path) -> str | None:
    try:
        return await resolve(git_dir, "HEAD")
    except GitError:
        return None


async def head_of(made: Workspace) -> str | None:
    """Return the commit that the work tree itself stands on; a leaf may have committed there by itself."""
    return await _own_head(made.git_dir)


async def keep(made: Workspace, ref: str, commit: str) -> None:
    """Put the work under its attempt ref: from then on there is nothing left to save."""
    await create_ref(made.common, ref, commit)
    made.left_behind = LeftBehind.COMMITTED
    made.settled = True


async def rescue(made: Workspace) -> str | None:
    """Save what is in a work tree and on no ref to its rescue ref, and return that; None where there is nothing."""
    if made.settled or made.site.rescue_ref is None:
        return made.rescued
    tree = await snapshot_of_readable(made.checkout, made.site.commit)
    commit = await _commit(made, tree, f"Rescued work of {made.site.name}\n")
    head = await _own_head(made.git_dir)
    if commit is None and head not in {None, made.site.commit}:
        commit = head  # it committed by itself and left its work tree as it was in the beginning
    if commit is not None:
        made.rescued = await _new_rescue_ref(made.common, made.site.rescue_ref, commit)
    made.settled = True
    return made.rescued


async def _new_rescue_ref(common: Path, ref: str, commit: str) -> str:
    """Point a rescue ref at a commit; where an earlier rescue has that name, take one beside it."""
    try:
        await create_ref(common, ref, commit)
    except RefExists:
        ref = f"{ref}-{commit[:BESIDE_LENGTH]}"
        await create_ref(common, ref, commit)
    return ref


async def _tear_down(made: Workspace) -> None:
    try:
        if _both_exist(made.root, made.common):
            await rescue(made)
    finally:
        async with exclusive(repository_lock(made.site.folder)):
            await remove_worktree(made.common, made.root)


@asynccontextmanager
async def probe(folder: Path) -> AsyncIterator[Scratch]:
    """Give a private folder among a repository's work trees; its name says who owns it."""
    async with exclusive(repository_lock(folder)):
        root = Path(mkdtemp(prefix=f"{PROBE}{_owner(os.getpid())}-", dir=folder))
    try:
        scratch = Scratch.below(root)
        scratch.make()
        yield scratch
    finally:
        remove_tree(root)


def _owner(pid: int) -> str:
    return f"{pid}-{plain(birth_of(pid) or 'dead')}"


def is_abandoned(probed: Path) -> bool:
    """Say whether the process that a probe's folder is named after is dead."""
    pid = probed.name.removeprefix(PROBE).partition("-")[0]
    return pid.isdecimal() and not probed.name.startswith(f"{PROBE}{_owner(int(pid))}-")


def read_record(path: Path) -> Record | None:
    """Return the record of a work tree; None where there is none that can be read."""
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_owned(record: Record) -> bool:
    """Say whether the process that owns a work tree is alive."""
    return birth_of(record.pid) == record.birth


async def reclaim(path: Path) -> str | None:
    """Take a work tree away whose owner is dead, by its record; return the rescue ref where work was saved.

    The record of a living owner is left alone; so is one that can't be read, while its file is all there is.
    """
    record = read_record(path)
    if record is None or is_owned(record):
        return None
    root, common = Path(record.root), Path(record.common)
    site = Site(
        repository=common,
        identity=path.parent.name,
        cache=path.parent.parent,
        name=root.name,
        commit=record.commit,
        process=record.process,
        rescue_ref=record.rescue_ref,
    )
    git_dir = _pointer(root) or common
    made = Workspace(site, root, common, Scratch.below(scratch_folder(root)), git_dir)
    await uninterrupted(_tear_down(made))
    return made.rescued


async def remove_worktree(common: Path, root: Path) -> None:
    """Remove a work tree, its scratch and its record, also where git knows it no longer."""
    git_dir = _administration(common, root)
    if _both_exist(root, common):
        with suppress(GitError):
            await git(common, "worktree", "remove", "--force", "--force", str(root))
    for folder in (root, scratch_folder(root)):
        remove_tree(folder)
    if git_dir is not None and git_dir.exists():
        remove_tree(git_dir)
    record_file(root).unlink(missing_ok=True)


def _both_exist(one: Path, other: Path) -> bool:
    return one.exists() and other.exists()


def _administration(common: Path, root: Path) -> Path | None:
    """Find the folder in which git administers a work tree, by what that folder itself says."""
    for pointer in sorted((common / "worktrees").glob("*/gitdir")):
        with suppress(OSError):
            if Path(pointer.read_text(encoding="utf-8", errors="surrogateescape").strip()).parent == root:
                return pointer.parent
    return None


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it, also what a tool made unwritable; a missing one is fine."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, onerror=_make_writable)
    if folder.exists():
        shutil.rmtree(folder, ignore_errors=True)


def _make_writable(function: Callable[..., object], path: str, _error: object) -> None:
    with suppress(OSError):
        Path(path).parent.chmod(stat.S_IRWXU)
        Path(path).chmod(stat.S_IRWXU)
        function(path)


def commit_message(title: str, trailers: tuple[tuple[str, str], ...]) -> str:
    """Return a commit message: the title on one line, and the trailers that say where the work came from."""
    subject = " ".join(redacted(title).replace("\0", " ").split())[:SUBJECT_LIMIT] or "Untitled task"
    lines = "\n".join(f"{name}: {value}" for name, value in trailers)
    return f"{subject}\n\n{lines}\n" if lines else f"{subject}\n"
