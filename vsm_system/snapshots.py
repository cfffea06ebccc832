"""Snapshots of one actor's state: taken now and then behind its commits, and tried first when it stands up.

A snapshot is a cache. One that can't be written is not missed, and one that can't be read is left for the facts.
"""

import asyncio

import structlog

from vsm_core.actor import Actor, Loaded, Snapshot
from vsm_system.journal import Journal

SNAPSHOT_FACTS = 1_000  # between two of one stream: folding so many again takes a fraction of a second

log = structlog.get_logger(__name__)


class Snapshots:
    """Takes the snapshots of one host's state."""

    def __init__(self, node: str, actor: Actor[object], journal: Journal) -> None:
        self._node = node
        self._actor = actor
        self._journal = journal
        self._newest = 0  # the version of the newest one
        self._keeping: asyncio.Task[None] | None = None

    async def load(self) -> tuple[Loaded, object]:
        """Return what the journal has, and the state it comes to."""
        loaded = await self._journal.load(self._node, self._actor.state_schema)
        if loaded.snapshot is not None:
            try:
                state = self._actor.thawed(loaded.snapshot.body)
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
        schema = self._actor.state_schema
        if schema is None or self._keeping is not None or version - self._newest < SNAPSHOT_FACTS:
            return
        self._newest = version
        body = self._actor.frozen(state)
        snapshot = Snapshot(stream=self._node, version=version, state_schema=schema, body=body)
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
