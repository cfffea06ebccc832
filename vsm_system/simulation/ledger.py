"""One process's way to the simulated ledger: synchronous, checked at every commit, and faulty as a disk is.

What is written is what the production contract says is written; what fails, fails before anything is written, except an
fsync error, after which nobody knows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from vsm_core.actor import Commit, Loaded, Owner, Snapshot
from vsm_core.envelope import Envelope
from vsm_ledger.errors import LedgerLocked, LedgerUnavailable
from vsm_ledger.memory import MemoryJournal, MemoryLedger
from vsm_system.simulation.chances import Chances, Fault
from vsm_system.simulation.life import Life

ADDRESS = "the simulated ledger"


@dataclass(slots=True)
class Disk:
    """The disk and the lock that all processes share."""

    now: Callable[[], float]
    full_until: float = 0.0
    locked_until: float = 0.0

    def check(self) -> None:
        """Raise what a full disk or a held lock makes of a write."""
        if self.now() < self.full_until:
            raise LedgerUnavailable(ADDRESS, "no space left on device")
        if self.now() < self.locked_until:
            raise LedgerLocked(ADDRESS, 1.0)


@dataclass(slots=True)
class ProcessJournal:
    """Fits the journal port for one life; reads work on a full disk, writes don't."""

    life: Life
    inner: MemoryJournal
    chances: Chances
    disk: Disk | None = None  # None: in the process's own memory
    committed: Callable[[Life, Commit], None] = field(default=lambda _life, _commit: None)

    @property
    def ledger(self) -> MemoryLedger:
        """What all processes share."""
        return self.inner.ledger

    async def claim(self, node: str, owner: Owner, ttl_seconds: float) -> int:
        """Claim, where the disk lets it be written."""
        self._check_write()
        return await self.inner.claim(node, owner, ttl_seconds)

    async def renew(self, node: str, epoch: int, ttl_seconds: float) -> None:
        """Renew, where the disk lets it be written."""
        self._check_write()
        await self.inner.renew(node, epoch, ttl_seconds)

    async def release(self, node: str, epoch: int) -> None:
        """Release, where the disk lets it be written."""
        self._check_write()
        await self.inner.release(node, epoch)

    async def was_left(self, node: str) -> bool:
        """Say whether the last owner never gave it up."""
        self.life.check()
        return await self.inner.was_left(node)

    async def attempt(self, node: str, epoch: int, envelope_id: str) -> int:
        """Note an attempt, where the disk lets it be written."""
        self._check_write()
        return await self.inner.attempt(node, epoch, envelope_id)

    async def load(self, stream: str, state_schema: str | None = None) -> Loaded:
        """Load."""
        self.life.check()
        return await self.inner.load(stream, state_schema)

    async def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot, where the disk lets it be written."""
        self._check_write()
        await self.inner.keep_snapshot(snapshot)

    async def seen(self, stream: str, envelope_ids: Sequence[str]) -> frozenset[str]:
        """Say which were handled."""
        self.life.check()
        return await self.inner.seen(stream, envelope_ids)

    async def commit(self, commit: Commit) -> None:
        """Commit; after an fsync error it is written all the same, and the writer is told that nobody knows."""
        self._check_write()
        await self.inner.commit(commit)
        self.committed(self.life, commit)
        if self.disk is not None and self.chances.strikes(Fault.FSYNC_ERROR):
            raise LedgerUnavailable(ADDRESS, "fsync failed")

    async def to_send(self, node: str) -> tuple[Envelope, ...]:
        """Return what is not marked as sent."""
        self.life.check()
        return await self.inner.to_send(node)

    async def unhandled(self, node: str) -> tuple[Envelope, ...]:
        """Return what was sent and not handled."""
        self.life.check()
        return await self.inner.unhandled(node)

    async def mark_sent(self, envelope_ids: Sequence[str]) -> None:
        """Mark, where the disk lets it be written."""
        self._check_write()
        await self.inner.mark_sent(envelope_ids)

    async def close(self) -> None:
        """Nothing is open."""

    def _check_write(self) -> None:
        self.life.check()
        if self.disk is not None:
            self.disk.check()
