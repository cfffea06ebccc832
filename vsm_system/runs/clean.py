"""What runs have left on this machine, with its size: work trees of dead processes, refs, and the state folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from vsm_system.errors import UserError
from vsm_system.repository.identity import OpenRepository
from vsm_system.runs.apply import OWN_REFS, remove_refs
from vsm_system.runs.checkpoint import ref_of
from vsm_system.runs.git import refs_below
from vsm_system.runs.ledger import FINISHED, reading
from vsm_system.runs.state import State, live_owner
from vsm_worker.artifacts import default_cache_folder
from vsm_worker.janitor import Reclaimed, reconcile
from vsm_worker.workspace import plain

DIRECTIVES_READ = 1_000_000
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
    from vsm_ledger.connect import ledger_path

    if not ledger_path(state.ledger).exists():
        return frozenset()
    async with reading(state.ledger) as history:
        rows = await history.directives(limit=DIRECTIVES_READ)
    return frozenset(row.directive_id for row in rows if row.state == FINISHED)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; links count as nothing."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)


async def clean_worktrees() -> tuple[Reclaimed, ...]:
    """Take away every work tree whose process is dead; its work is saved first."""
    return await reconcile(default_cache_folder())


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
