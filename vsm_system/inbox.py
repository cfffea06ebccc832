"""What a host remembers of its inbox, so that the journal is asked only about envelopes it may not know of.

An envelope made after this host took its node over can only have been handled by this host. Where a clock elsewhere is
wrong the commit still refuses a second handling: this memory saves questions, it decides nothing.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_system.journal import Journal

REMEMBERED = 50_000  # envelopes
CLOCK_DOUBT = timedelta(seconds=60)  # how far another machine's clock may be ahead
NO_DOUBT = timedelta(0)  # within one process there is one clock


class InboxMemory:
    """The envelopes one host has handled since it took its node over."""

    def __init__(self, stream: str, journal: Journal, since: datetime) -> None:
        """``since`` is the time before which an envelope may be known to the journal alone."""
        self._stream = stream
        self._journal = journal
        self._horizon = since
        self._handled: OrderedDict[str, datetime] = OrderedDict()

    async def seen(self, envelopes: Sequence[Envelope]) -> set[str]:
        """Return the ids among these that were handled before."""
        known = {each.id for each in envelopes if each.id in self._handled}
        doubtful = [each.id for each in envelopes if each.id not in known and self._is_doubtful(each)]
        if doubtful:
            known |= await self._journal.seen(self._stream, doubtful)
        return known

    def _is_doubtful(self, envelope: Envelope) -> bool:
        """A host's own envelopes are made anew after a restart, under the ids they had."""
        return envelope.created_at <= self._horizon or envelope.channel is Channel.INTERNAL

    def remember(self, envelopes: Iterable[Envelope]) -> None:
        """Note envelopes as handled; the oldest are left to the journal when there are too many."""
        for envelope in envelopes:
            self._handled[envelope.id] = envelope.created_at
        while len(self._handled) > REMEMBERED:
            _, made = self._handled.popitem(last=False)
            self._horizon = max(self._horizon, made)
