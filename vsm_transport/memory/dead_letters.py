"""Dead letters of the in-memory adapter, kept in order, bounded, and sent again as new envelopes."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.ids import derive_id
from vsm_transport.errors import DeadLetterError
from vsm_transport.memory.queue import Letter, Queue
from vsm_transport.protocol import DeadLetter, OutgoingEnvelope

DEAD_LIMIT = 10_000  # dead letters kept; the oldest go first

Publish = Callable[[Sequence[OutgoingEnvelope]], Awaitable[None]]
Now = Callable[[], datetime]


class MemoryDeadLetters:
    """The dead letters of one in-memory transport."""

    def __init__(self, publish: Publish, now: Now) -> None:
        self._publish = publish
        self._now = now
        self._kept: dict[str, DeadLetter] = {}

    def bury(self, queue: Queue, letter: Letter, reason: str) -> None:
        """Keep a letter that nobody will handle, with the reason; the oldest makes room for it."""
        envelope = letter.outgoing.envelope
        if len(self._kept) >= DEAD_LIMIT:
            del self._kept[next(iter(self._kept))]
        self._kept[envelope.id] = DeadLetter(
            id=envelope.id,
            node=queue.node,
            lane=queue.lane,
            reason=reason,
            attempts=letter.attempts,
            at=self._now(),
            envelope=envelope,
        )

    async def list(self, limit: int) -> tuple[DeadLetter, ...]:
        """Return the oldest, at most ``limit``."""
        return tuple(self._kept.values())[:limit]

    async def show(self, letter_id: str) -> DeadLetter:
        """Return one; raise DeadLetterError where there is none of that id."""
        found = self._kept.get(letter_id)
        if found is None:
            raise DeadLetterError(letter_id, "there is none of that id")
        return found

    async def requeue(self, letter_id: str) -> str:
        """Send one again as a new envelope and return the new id; it stays dead until the new one is confirmed."""
        letter = await self.show(letter_id)
        if letter.envelope is None:
            raise DeadLetterError(letter_id, "its bytes are no envelope")
        renewed = renew(letter.envelope, self._now())
        await self._publish([OutgoingEnvelope(renewed)])
        self._kept.pop(letter_id, None)
        return renewed.id

    async def purge(self, letter_ids: Sequence[str] | None = None) -> int:
        """Forget these, or all; return how many went."""
        chosen = tuple(self._kept) if letter_ids is None else letter_ids
        return sum(self._kept.pop(letter_id, None) is not None for letter_id in chosen)


def renew(envelope: Envelope, now: datetime) -> Envelope:
    """Return a dead envelope as a new one: a derived id, caused by the old, with a full lifetime."""
    return envelope.model_copy(
        update={
            "id": derive_id("env", envelope.target, envelope.id),
            "causation_id": envelope.id,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
    )
