"""Snapshots of one actor's state: taken now and then behind its commits, and tried first when it stands up.

A snapshot is a cache. One that can't be written is not missed, and one that can't be read is left for the facts.
"""

import asyncio

import structlog

from vsm_core.actor import Loaded, Snapshot
from vsm_system.journal import Journal
from vsm_system.role import Role

SNAPSHOT_FACTS = 1_000  # between two of one stream: folding so many again takes a fraction of a second

log = structlog.get_logger(__name__)


class Snapshots:
    """Takes the snapshots of one host's state."""

    def __init__(self, role: Role, journal: Journal) -> None:
        self._node = role.node_id
        self._actor = role.actor
        self._freezer = role.freezer
        self._journal = journal
        self._newest = 0  # the version of the newest one
        self._keeping: asyncio.Task[None] | None = None

    async def load(self) -> tuple[Loaded, object]:
        """Return what the journal has, and the state it comes to."""
        freezer = self._freezer
        loaded = await self._journal.load(self._node, freezer.state_schema if freezer else None)
        if freezer is not None and loaded.snapshot is not None:
            try:
                state = freezer.thawed(loaded.snapshot.body)
                self._newest = loaded.snapshot.version
                return loaded, self._folded(state, loaded)
            except ValueError as error:
                log.warning("snapshot_unreadable", node=self._node, error=str(error))
                loaded = await self._journal.load(self._node)
        return loaded, self._folded(self._actor.initial(), loaded)

    def _folded(self, state: object, loaded: Loaded) -> object:
        for recorded in loaded.facts:
            state = self._actor.evolve(state, recorded.fact)
        return state

    def consider(self, state: object, version: int) -> None:
        """Take a snapshot if one is due; nobody waits for it."""
        freezer, since = self._freezer, version - self._newest
        if freezer is None or self._keeping is not None or since < SNAPSHOT_FACTS:
            return
        self._newest = version
        snapshot = Snapshot(
            stream=self._node,
            version=version,
            state_schema=freezer.state_schema,
            body=freezer.frozen(state),
        )
        self._keeping = asyncio.create_task(self._keep(snapshot), name=f"snapshot of {self._node}")

    async def _keep(self, snapshot: Snapshot) -> None:
        try:
            await self._journal.keep_snapshot(snapshot)
        except Exception as error:  # noqa: BLE001 - the facts are there; the next one may succeed
            log.warning("snapshot_lost", node=self._node, error=str(error))
        finally:
            self._keeping = None

    async def stop(self) -> None:
        """Let one that is being written finish."""
        if self._keeping is not None:
            await asyncio.gather(self._keeping, return_exceptions=True)
