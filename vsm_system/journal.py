"""The journal as the host needs it: the port whose adapters live in vsm_ledger.

Contract. ``commit`` is atomic and returns when the commit is durable; it raises Fenced, for that stream alone, when the
stream's version is not ``expected_version`` or the node's epoch is not ``epoch``. An envelope id that is already in a
stream's inbox is never entered twice. Any other exception means that nothing was written.
"""

from collections.abc import Sequence
from typing import Protocol

from vsm_core.actor import Commit, Loaded, Owner, Snapshot
from vsm_core.envelope import Envelope


class Journal(Protocol):
    """The write side of a ledger."""

    async def claim(self, node: str, owner: Owner, ttl_seconds: float) -> int:
        """Return a new, higher epoch for the node; raise Claimed while another live owner holds it."""
        ...

    async def renew(self, node: str, epoch: int, ttl_seconds: float) -> None:
        """Keep a claim for another ttl; raise Fenced if the epoch is no longer the newest."""
        ...

    async def release(self, node: str, epoch: int) -> None:
        """Give a claim up; a claim that is no longer ours is left alone."""
        ...

    async def was_left(self, node: str) -> bool:
        """Say whether whoever held the node last never gave it up: it may have been killed by what waits for it."""
        ...

    async def attempt(self, node: str, epoch: int, envelope_id: str) -> int:
        """Note durably that an envelope is about to be handled, and return for which time; raise Fenced.

        The count goes on until the node is given up in good order.
        """
        ...

    async def load(self, stream: str, state_schema: str | None = None) -> Loaded:
        """Return the stream's past, its pending timers and its open jobs.

        Where a snapshot in ``state_schema`` is kept, the past is that and the facts after it; otherwise all facts.
        """
        ...

    async def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a folded state for later loads; it is a cache and may be lost."""
        ...

    async def seen(self, stream: str, envelope_ids: Sequence[str]) -> frozenset[str]:
        """Return which of the envelopes this stream has already handled."""
        ...

    async def commit(self, commit: Commit) -> None:
        """Write a commit; return when it is durable."""
        ...

    async def to_send(self, node: str) -> tuple[Envelope, ...]:
        """Return the node's outgoing envelopes that are not marked as sent, in the order of their commits."""
        ...

    async def unhandled(self, node: str) -> tuple[Envelope, ...]:
        """Return sent, unexpired envelopes of a node whose target has a stream here but has not handled them.

        A transport that forgets at a restart has lost them; they are published again.
        """
        ...

    async def mark_sent(self, envelope_ids: Sequence[str]) -> None:
        """Record that a transport has confirmed these envelopes."""
        ...

    async def close(self) -> None:
        """Let what is being written finish, and close."""
        ...
