"""The watch over a repository while a leaf works in a work tree of it.

Theory of operation. A work tree shares its common git directory with the user's checkout and with every other work
tree, and without a sandbox nothing keeps a leaf from writing there. So what is judged (see judging) is read before the
leaf begins and compared when its processes are dead, before the harness itself asks git anything: what came is put
back first, so that nothing planted ever runs for us or for the user. Executions that overlap in one repository share
what was there before the first of them; what one of them finds changed, every one that ran at that time is told,
because which of them did it can't be known.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vsm_core.payloads.jobs import GateKind, GateViolation
from vsm_worker.errors import GitError
from vsm_worker.git import readable
from vsm_worker.process import uninterrupted
from vsm_worker.watch.judging import (
    NOTES_LIMIT,
    Kept,
    Refs,
    Touched,
    moved_refs,
    other_settings,
    touched_refs,
)
from vsm_worker.watch.keeping import kept_of, mended, own_commits, refs_of
from vsm_worker.workspace import Workspace, head_of


@dataclass(slots=True)
class Watch:
    """One repository that is watched in this process, and what was found changed since the watch began."""

    before: Kept
    open: int = 0
    most: int = 0
    found: list[Touched] = field(default_factory=list)
    mending: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def mend(self, common: Path) -> Kept:
        """Put back what is judged and not as it was; return what was there instead."""
        async with self.mending:  # two that mend at once would set aside what the other has put back
            now = await kept_of(common)
            self.found += await mended(common, self.before, now)
            return now


_watches: dict[Path, Watch] = {}


@dataclass(slots=True)
class Sighting:
    """What one execution learns of its watch; empty until ``look`` was called."""

    made: Workspace
    watch: Watch
    refs: Refs
    since: int
    looked: bool = False
    violations: tuple[GateViolation, ...] = ()
    notes: tuple[str, ...] = ()

    async def look(self) -> None:
        """Compare, and put back what is judged; the leaf's processes are dead by now."""
        self.looked = True
        common, watch = self.made.common, self.watch
        if not common.is_dir():
            return
        now = await watch.mend(common)
        refs = await refs_of(common)
        own = await own_commits(common, self.made.site.commit, await head_of(self.made))
        touched = (*watch.found[self.since :], *touched_refs(self.refs, refs, own))
        self.violations = tuple(_violation(each, alone=watch.most == 1) for each in touched)
        self.notes = (*other_settings(watch.before, now), *moved_refs(self.refs, refs, own))[:NOTES_LIMIT]


async def settled(common: Path) -> None:
    """Put back what leaves that still work have planted by now; for an execution that is about to begin."""
    watch = _watches.get(common)
    if watch is not None:
        await watch.mend(common)


@asynccontextmanager
async def watched(made: Workspace) -> AsyncIterator[Sighting]:
    """Watch a work tree's repository for the length of the context; leaving it looks, whatever happened inside."""
    watch = _watches.get(made.common)
    if watch is None:
        before = await kept_of(made.common)
        watch = _watches.setdefault(made.common, Watch(before))
    watch.open += 1
    watch.most = max(watch.most, watch.open)
    try:
        sighting = Sighting(made, watch, await refs_of(made.common), len(watch.found))
        try:
            yield sighting
        finally:
            if not sighting.looked:
                await uninterrupted(_looked(sighting))
    finally:
        watch.open -= 1
        if not watch.open:
            _watches.pop(made.common, None)


async def _looked(sighting: Sighting) -> None:
    try:
        await sighting.look()
    except GitError:
        return  # on the way out of something worse; the work tree's removal will say what is wrong with git


def _violation(touched: Touched, *, alone: bool) -> GateViolation:
    whose = "" if alone else "; several executions ran here at that time, and one of them did it"
    detail = f"touched the repository's own git directory: {touched.detail}{whose}"
    return GateViolation(
        kind=GateKind.TOUCHED_REPOSITORY, path=readable(f".git/{touched.path}"), detail=detail
    )
