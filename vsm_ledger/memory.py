"""The journal in memory: what a worker keeps, and what simulations and tests run on.

A MemoryLedger is what survives a host; each MemoryJournal is one host's way to it. It answers at once, and keeps
values by reference: nothing is encoded. A worker's keeps only what is open, so that it does not grow with its work.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from vsm_core.actor import Commit, Fenced, Loaded, LogEntry, Owner, Snapshot, Timer
from vsm_core.envelope import Envelope
from vsm_core.facts import RecordedFact, ResultAcknowledged
from vsm_core.payloads.jobs import Job
from vsm_ledger.claims import Claim, check_claim, utc_now

PendingT = TypeVar("PendingT", Timer, Job)
HANDLED_IDS = 20_000  # envelope ids one stream remembers when only what is open is kept


class Keep(Enum):
    """What a memory ledger holds on to.

    OPEN forgets what is over: sent envelopes, log entries, envelope ids beyond HANDLED_IDS, and the facts of an
    execution once its ResultAcknowledged is recorded (the worker may forget it then). Versions go on counting.
    """

    ALL = "all"
    OPEN = "open"


@dataclass(slots=True)
class _Stream:
    version: int = 0
    epoch: int = 0
    claim: Claim | None = None
    facts: list[RecordedFact] = field(default_factory=list)
    log: list[LogEntry] = field(default_factory=list)
    handled: "OrderedDict[str, None]" = field(default_factory=OrderedDict)
    unsent: dict[str, Envelope] = field(default_factory=dict)
    sent: dict[str, Envelope] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    timers: dict[str, Timer] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)  # by state schema


class MemoryLedger:
    """What the journals of one organization share, for as long as the process lives."""

    def __init__(self, keep: Keep = Keep.ALL) -> None:
        self.keep = keep
        self.streams: dict[str, _Stream] = {}
        self.senders: dict[str, _Stream] = {}  # of the envelopes that are not sent yet

    def facts(self, stream: str) -> tuple[RecordedFact, ...]:
        """Return the facts that are kept of a stream, oldest first."""
        found = self.streams.get(stream)
        return tuple(found.facts) if found else ()

    def log(self, stream: str) -> tuple[LogEntry, ...]:
        """Return the inbox log that is kept of a stream, in the order of its decisions."""
        found = self.streams.get(stream)
        return tuple(found.log) if found else ()


class MemoryJournal:
    """The write side of a memory ledger; with none given, of a new one."""

    def __init__(
        self, ledger: MemoryLedger | None = None, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.ledger = ledger if ledger is not None else MemoryLedger()
        self._clock = clock

    async def claim(self, node: str, owner: Owner, ttl_seconds: float) -> int:
        """Return a new, higher epoch for the node; raise Claimed while another live owner holds it."""
        stream = self.ledger.streams.setdefault(node, _Stream())
        now = self._clock()
        check_claim(node, stream.claim, owner, now)
        stream.claim = Claim(owner, now + timedelta(seconds=ttl_seconds))
        stream.epoch += 1
        return stream.epoch

    async def renew(self, node: str, epoch: int, ttl_seconds: float) -> None:
        """Keep a claim for another ttl; raise Fenced if the epoch is no longer the newest."""
        stream = self.ledger.streams.get(node)
        if stream is None or stream.epoch != epoch or stream.claim is None:
            raise Fenced(node, f"epoch {epoch} no longer holds it")
        stream.claim = Claim(stream.claim.owner, self._clock() + timedelta(seconds=ttl_seconds))

    async def release(self, node: str, epoch: int) -> None:
        """Give a claim up; a claim that is no longer ours is left alone."""
        stream = self.ledger.streams.get(node)
        if stream is not None and stream.epoch == epoch:
            stream.claim = None
            stream.attempts.clear()

    async def was_left(self, node: str) -> bool:
        """Say whether whoever held the node last never gave it up."""
        stream = self.ledger.streams.get(node)
        return stream is not None and stream.claim is not None

    async def attempt(self, node: str, epoch: int, envelope_id: str) -> int:
        """Note that an envelope is about to be handled, and return for which time; raise Fenced."""
        stream = self.ledger.streams.get(node)
        if stream is None or stream.epoch != epoch:
            raise Fenced(node, f"epoch {epoch} no longer holds it")
        stream.attempts[envelope_id] += 1
        return stream.attempts[envelope_id]

    async def load(self, stream: str, state_schema: str | None = None) -> Loaded:
        """Return the stream's past, its pending timers and its open jobs; the past from its snapshot on, if asked."""
        found = self.ledger.streams.get(stream)
        if found is None:
            return Loaded(version=0)
        snapshot = found.snapshots.get(state_schema) if state_schema is not None else None
        return Loaded(
            version=found.version,
            facts=tuple(found.facts[snapshot.version if snapshot else 0 :]),
            snapshot=snapshot,
            timers=tuple(sorted(found.timers.values(), key=lambda timer: (timer.due_at, timer.id))),
            jobs=tuple(sorted(found.jobs.values(), key=lambda job: (job.started_at, job.id))),
        )

    async def keep_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a folded state in place of an older one; a ledger that forgets facts needs none."""
        found = self.ledger.streams.get(snapshot.stream)
        if found is None or self.ledger.keep is Keep.OPEN or not 0 < snapshot.version <= found.version:
            return
        kept = found.snapshots.get(snapshot.state_schema)
        if kept is None or kept.version <= snapshot.version:
            found.snapshots[snapshot.state_schema] = snapshot

    async def seen(self, stream: str, envelope_ids: Sequence[str]) -> frozenset[str]:
        """Return which of the envelopes this stream has already handled."""
        found = self.ledger.streams.get(stream)
        return frozenset(each for each in envelope_ids if each in found.handled) if found else frozenset()

    async def commit(self, commit: Commit) -> None:
        """Write a commit, all of it or nothing; raise Fenced where the stream moved on or the epoch is over."""
        stream = _checked(self.ledger.streams.get(commit.stream), commit)
        for envelope in commit.sends:
            envelope.encoded()  # over the limit here as in every ledger
        stream.version += len(commit.facts)
        stream.facts.extend(commit.facts)
        for entry in commit.entries:
            stream.handled[entry.envelope.id] = None
        for envelope in commit.sends:
            stream.unsent[envelope.id] = envelope
            self.ledger.senders[envelope.id] = stream
        _settle(stream.timers, commit.timers_done, {timer.id: timer for timer in commit.timers})
        _settle(stream.jobs, commit.jobs_done, {job.id: job for job in commit.jobs})
        if self.ledger.keep is Keep.ALL:
            stream.log.extend(commit.entries)
        else:
            _forget(stream, commit)

    async def to_send(self, node: str) -> tuple[Envelope, ...]:
        """Return the node's outgoing envelopes that are not marked as sent, in the order of their commits."""
        found = self.ledger.streams.get(node)
        return tuple(found.unsent.values()) if found else ()

    async def unhandled(self, node: str) -> tuple[Envelope, ...]:
        """Return sent, unexpired envelopes of a node whose target has a stream here but has not handled them."""
        found = self.ledger.streams.get(node)
        now = self._clock()
        return tuple(
            envelope
            for envelope in (found.sent.values() if found else ())
            if envelope.expires_at > now
            and (target := self.ledger.streams.get(envelope.target)) is not None
            and envelope.id not in target.handled
        )

    async def mark_sent(self, envelope_ids: Sequence[str]) -> None:
        """Record that a transport has confirmed these envelopes."""
        for envelope_id in envelope_ids:
            sender = self.ledger.senders.pop(envelope_id, None)
            if sender is None:
                continue
            envelope = sender.unsent.pop(envelope_id)
            if self.ledger.keep is Keep.ALL:
                sender.sent[envelope_id] = envelope

    async def close(self) -> None:
        """Nothing is pending: every commit was done when it returned."""


def _checked(stream: _Stream | None, commit: Commit) -> _Stream:
    """Return the stream a commit may be written to, or raise Fenced with nothing changed."""
    if stream is None or stream.epoch == 0:
        raise Fenced(commit.stream, "it was never claimed")
    if stream.epoch != commit.epoch:
        raise Fenced(commit.stream, f"epoch {commit.epoch} is over, {stream.epoch} holds it")
    if stream.version != commit.expected_version:
        raise Fenced(commit.stream, f"expected version {commit.expected_version}, found {stream.version}")
    entered = {entry.envelope.id for entry in commit.entries}
    if len(entered) < len(commit.entries) or any(each in stream.handled for each in entered):
        raise Fenced(commit.stream, "part of this commit was written before")
    return stream


def _settle(pending: dict[str, PendingT], done: Sequence[str], new: dict[str, PendingT]) -> None:
    for each in done:
        pending.pop(each, None)
    pending.update(new)


def _forget(stream: _Stream, commit: Commit) -> None:
    while len(stream.handled) > HANDLED_IDS:
        stream.handled.popitem(last=False)
    over = {each.fact.execution_id for each in commit.facts if isinstance(each.fact, ResultAcknowledged)}
    if over:
        stream.facts = [each for each in stream.facts if _execution_of(each) not in over]


def _execution_of(recorded: RecordedFact) -> str | None:
    fact = recorded.fact
    if fact.kind == "TaskFinished":
        return fact.result.execution_id
    return getattr(fact, "execution_id", None)
