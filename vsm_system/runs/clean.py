"""What runs have left on this machine, with its size: work trees of dead processes, refs, and the state folder."""

import asyncio
import os
import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vsm_system.errors import UserError
from vsm_system.repository.identity import OpenRepository
from vsm_system.runs.apply import OWN_REFS, remove_refs
from vsm_system.runs.checkpoint import ref_of
from vsm_system.runs.git import refs_below
from vsm_system.runs.ledger import FINISHED, is_there, reading
from vsm_system.runs.state import State, live_owner
from vsm_worker.artifacts import default_cache_folder
from vsm_worker.janitor import Reclaimed, reconcile
from vsm_worker.workspace import PROBE, is_abandoned, plain, remove_tree

DIRECTIVES_READ = 1_000_000
PROBE_SECONDS = 86_400.0  # after which a probe that names no owner has none any more
UNOWNED, OWNED = "[a-z0-9_]{8}", r"\d+-[A-Za-z0-9_-]+"  # what follows "probe-"
DIRECTIVE_PART = 3  # of refs/vsm/attempts/<directive>/...


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What could be taken away."""

    worktrees: Path  # the folder of this repository's work trees
    worktrees_bytes: int
    refs: dict[str, str]  # of directives that are over
    state: Path
    state_bytes: int


async def leftovers_of(state: State, repository: OpenRepository) -> Leftovers:
    """Return what there is to clean."""
    folder = default_cache_folder() / plain(repository.identity)
    refs = await refs_below(repository.common, *OWN_REFS)
    over = await _finished(state)
    return Leftovers(
        worktrees=folder,
        worktrees_bytes=size_of(folder),
        refs={ref: target for ref, target in refs.items() if ref.split("/")[DIRECTIVE_PART] in over},
        state=state.folder,
        state_bytes=size_of(state.folder),
    )


async def _finished(state: State) -> frozenset[str]:
    if not await is_there(state.ledger):
        return frozenset()
    async with reading(state.ledger) as history:
        rows = await history.directives(limit=DIRECTIVES_READ)
    return frozenset(row.directive_id for row in rows if row.state == FINISHED)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; links count as nothing."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


async def clean_worktrees() -> tuple[Reclaimed, ...]:
    """Take away every work tree whose process is dead, its work saved first, and the probes of dead processes."""
    cache = default_cache_folder()
    await asyncio.to_thread(_sweep_probes, cache)
    return await reconcile(cache)


def _sweep_probes(cache: Path) -> None:
    """Remove probes from the cache folder itself, where earlier versions put them and the janitor has none."""
    for probed in cache.glob(f"{PROBE}*"):
        with suppress(OSError):
            if _is_left(probed):
                remove_tree(probed)


def _is_left(probed: Path) -> bool:
    """Say whether a folder is a probe of ours that nobody uses: its owner is dead, or it names none and is old."""
    known = probed.lstat()
    if known.st_uid != os.getuid():
        return False
    if re.fullmatch(UNOWNED, probed.name.removeprefix(PROBE)):
        return known.st_mtime < time.time() - PROBE_SECONDS
    return re.fullmatch(OWNED, probed.name.removeprefix(PROBE)) is not None and is_abandoned(probed)


async def clean_refs(repository: OpenRepository, found: Leftovers) -> int:
    """Delete the attempt and rescue refs of directives that are over."""
    return await remove_refs(repository, found.refs)


async def clean_state(state: State, repository: OpenRepository) -> None:
    """Delete the state folder, ledger and all, and the repository's copy of its checkpoints.

    Raise UserError while a run holds it.
    """
    owner = live_owner(state)
    if owner is not None:
        raise UserError(f"{owner} runs on this state: stop that first")
    shutil.rmtree(state.folder, ignore_errors=True)
    copies = ref_of(state, repository.common)
    await remove_refs(repository, await refs_below(repository.common, copies))
