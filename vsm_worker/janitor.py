"""The janitor: at start, what earlier processes left on disk is brought in line with who is alive.

A work tree whose owner is dead is saved to its rescue ref where it holds anything, then removed. One whose owner lives
is never touched, and neither is anything that no record speaks of. Probes of dead processes go too, and then the
folders of repositories in which nothing but the lock is left.
"""

from contextlib import suppress
from pathlib import Path

from vsm_core.value import Value
from vsm_worker.errors import WorkerError
from vsm_worker.git import is_file_at, try_lock
from vsm_worker.secret_rules import redacted
from vsm_worker.workspace import PROBE, is_abandoned, is_owned, read_record, reclaim, remove_tree


class Reclaimed(Value):
    """One work tree that was taken away, and where its work was saved."""

    root: str
    repository: str
    rescue_ref: str | None = None
    problem: str | None = None


async def reconcile(cache: Path) -> tuple[Reclaimed, ...]:
    """Reclaim every work tree below a cache folder whose owner is dead; a problem with one never stops the others."""
    found = [await _reclaimed(path) for path in _records(cache)]
    _sweep(cache)
    return tuple(each for each in found if each is not None)


def _sweep(cache: Path) -> None:
    for probed in cache.glob(f"*/{PROBE}*"):
        if is_abandoned(probed):
            remove_tree(probed)
    for lock in cache.glob("*/lock"):
        with suppress(OSError):
            _remove_if_alone(lock)


def _records(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.json"))


def _remove_if_alone(lock: Path) -> None:
    """Remove a repository's folder that holds nothing but its lock, unless somebody has that."""
    with lock.open("ab") as held:
        if (
            try_lock(held.fileno())
            and is_file_at(held.fileno(), lock)
            and list(lock.parent.iterdir()) == [lock]
        ):
            lock.unlink()
            lock.parent.rmdir()


async def _reclaimed(path: Path) -> Reclaimed | None:
    record = read_record(path)
    if record is None or is_owned(record):
        return None
    try:
        rescue_ref = await reclaim(path)
    except (WorkerError, OSError) as error:
        return Reclaimed(root=record.root, repository=record.common, problem=redacted(str(error)))
    return Reclaimed(root=record.root, repository=record.common, rescue_ref=rescue_ref)
