"""A stage for one host: journals and transports that can be made to fail, a workshop for jobs, and a clock of our own.

The journals and the transport are real; what fails on purpose is a thin wrapper around a real one.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.unit.system.letters import (
    COMMIT_ID,
    GENOME,
    NODE,
    PEER,
    START,
    TTL_SECONDS,
    control,
    fact_of,
    name_of,
    owner,
)
from tests.unit.system.tally import Line, Tally, subject_of
from vsm_core.actor import Commit, Context, Limits, LogEntry, Step, seal
from vsm_core.channel import Lane
from vsm_core.envelope import Envelope
from vsm_core.payloads.control import HostStarted
from vsm_core.payloads.jobs import Job, JobReport, JobRequest, MergeReport
from vsm_ledger import MemoryJournal, MemoryLedger, SqlJournal
from vsm_system.crash import Crash, never
from vsm_system.host import Host
from vsm_system.jobs import Jobs, Runner
from vsm_system.role import Role, World
from vsm_transport.errors import TransportError
from vsm_transport.memory import MemoryTransport
from vsm_transport.protocol import DeadLetter, Hold, NodeKind, OutgoingEnvelope, Transport

PATIENCE_SECONDS = 5.0
TURNS = 100  # of the event loop: what would happen in memory has happened by then
AnyJournal = SqlJournal | MemoryJournal


class Clock:
    """Time that moves by a microsecond per look, and otherwise when told to."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


# ----------------------------------------------------------------------------------- what misbehaves on purpose


class TroubledJournal:
    """A journal whose named calls can be held back, or fail once for each error that waits."""

    def __init__(self, inner: AnyJournal) -> None:
        self.inner = inner
        self.held = asyncio.Event()  # set once something waits at a closed gate
        self.gate = asyncio.Event()
        self.gate.set()
        self.errors: dict[str, list[Exception]] = {}
        self.commits: list[Commit] = []

    async def commit(self, commit: Commit) -> None:
        if not self.gate.is_set():
            self.held.set()
            await self.gate.wait()
        self._fail("commit")
        await self.inner.commit(commit)
        self._fail("after_commit")
        self.commits.append(commit)

    async def load(self, stream: str, state_schema: str | None = None) -> object:
        self._fail("load")
        return await self.inner.load(stream, state_schema)

    async def release(self, node: str, epoch: int) -> None:
        self._fail("release")
        await self.inner.release(node, epoch)

    async def mark_sent(self, envelope_ids: Sequence[str]) -> None:
        self._fail("mark_sent")
        await self.inner.mark_sent(envelope_ids)

    def _fail(self, name: str) -> None:
        waiting = self.errors.get(name)
        if waiting:
            raise waiting.pop(0)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class WatchedTransport:
    """A transport that notes what it confirmed, and fails for some targets as often as told."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.features = inner.features
        self.sent: list[Envelope] = []
        self.failures: dict[str, int] = {}

    async def publish(self, envelopes: Sequence[OutgoingEnvelope]) -> None:
        for target in {each.envelope.target for each in envelopes}:
            if self.failures.get(target, 0) > 0:
                self.failures[target] -= 1
                raise TransportError(f"{target} can't be reached")
        await self.inner.publish(envelopes)
        self.sent += [each.envelope for each in envelopes]

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class Stopped(Exception):
    """A crash point was passed at which the test ends the host."""


def crash_at(name: str) -> Crash:
    """Return crash points of which one, passed for the first time, raises Stopped."""
    armed = [name]

    def crash(here: str) -> None:
        if here in armed:
            armed.remove(here)
            raise Stopped(here)

    return crash


# --------------------------------------------------------------------------------------------------- the stage


@dataclass
class Workshop:
    """What jobs do: each notes that it began, and ends when told to."""

    begun: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)
    at_once: bool = False

    def runners(self) -> dict[str, Runner]:
        return dict.fromkeys(("survey", "merge", "move_ref", "execute"), self.run)

    async def run(self, request: JobRequest) -> JobReport:
        self.begun.append(request.kind)
        if not self.at_once:
            await self.ends.setdefault(request.kind, asyncio.Event()).wait()
        return MergeReport(tip=COMMIT_ID)

    def finish(self, kind: str) -> None:
        self.ends.setdefault(kind, asyncio.Event()).set()


@dataclass
class Stage:
    """One node's surroundings, which outlive its hosts; made by the fixtures ``stage`` and ``on_memory``."""

    clock: Clock
    journal: TroubledJournal
    transport: WatchedTransport
    workshop: Workshop = field(default_factory=Workshop)
    slots: int = 64
    hold: Hold = Hold.UNTIL_SETTLED
    announcement: HostStarted | None = None
    actor: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.workshop.runners(), never)
        self.playing: asyncio.Task[None] | None = None

    def play(self, **script: Line) -> None:
        self.actor.script = {**self.actor.script, **script}

    def host(self, *, process: str = "process-1", crash: Crash = never) -> Host:
        role = Role(
            node_id=NODE,
            organization="demo",
            genome_id=GENOME,
            actor=self.actor,
            freezer=self.actor if self.actor.state_schema else None,
            slots=self.slots,
            hold=self.hold,
            announcement=self.announcement,
        )
        world = World(
            transport=self.transport,
            journal=self.journal,
            jobs=self.jobs,
            clock=self.clock,
            limits=Limits(),
            owner=owner(process),
            crash=crash,
            observe=lambda _node, _recorded: None,
        )
        return Host(role, world)

    @asynccontextmanager
    async def hosting(self, host: Host | None = None) -> AsyncIterator[Host]:
        """Run a host for the length of the context; what ended it early is raised at the end."""
        host = host or self.host()
        self.playing = task = asyncio.create_task(host.run())
        try:
            await until(lambda: host.ready.is_set() or task.done())
            yield host
        finally:
            self.playing = None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def breaks(self, host: Host) -> BaseException:
        """Run a host that ends by itself, and return the error that ended it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await host.run()
        except BaseExceptionGroup as group:
            return group.exceptions[0]
        raise AssertionError("it ended without an error")

    async def deliver(self, *envelopes: Envelope) -> None:
        await self.transport.inner.publish([OutgoingEnvelope(each) for each in envelopes])

    async def facts(self) -> list[str]:
        """Return the names that are durable, oldest first."""
        loaded = await self.journal.inner.load(NODE)
        return [subject_of(recorded.fact) for recorded in loaded.facts]

    async def until_recorded(self, *names: str) -> None:
        await until(lambda: self._recorded(names))

    async def _recorded(self, names: Sequence[str]) -> bool:
        if self.playing is not None and self.playing.done():
            self.playing.result()  # nobody will record anything any more: say why
        return set(names) <= set(await self.facts())

    async def dead(self) -> dict[str, DeadLetter]:
        return {name_of(each.envelope): each for each in await self.transport.dead_letters.list(100)}

    async def past(self, name: str = "past", step: Step = Step(), **jobs: Job) -> tuple[Envelope, ...]:  # noqa: B008
        """Write a decision of an earlier process, and return the envelopes that it sent."""
        journal = self.journal.inner
        epoch = await journal.claim(NODE, owner("process-0"), TTL_SECONDS)
        loaded = await journal.load(NODE)
        cause = control(name)
        context = Context(START, cause.id, 1, Limits(), "process-0")
        decision = seal(Step(facts=(fact_of(name),)) + step, NODE, GENOME, cause, context)
        entry = LogEntry(cause, START, 1, Limits(), "process-0", 1, len(decision.facts), len(decision.sends))
        await journal.commit(
            Commit(
                NODE,
                epoch,
                loaded.version,
                entries=(entry,),
                facts=decision.facts,
                sends=decision.sends,
                timers=decision.timers,
                jobs=(*decision.jobs, *jobs.values()),
            )
        )
        await journal.release(NODE, epoch)
        return decision.sends

    async def peer_handles(self, *envelopes: Envelope) -> None:
        """Give the peer a stream in this ledger, and let it have handled some envelopes."""
        journal = self.journal.inner
        epoch = await journal.claim(PEER, owner("process-0"), TTL_SECONDS)
        entries = tuple(LogEntry(each, START, 1, Limits(), "process-0", 1, 0, 0) for each in envelopes)
        await journal.commit(Commit(PEER, epoch, 0, entries=entries))
        await journal.release(PEER, epoch)


async def staged(journal: AnyJournal, clock: Clock, *, bound: int = 10_000) -> Stage:
    """Return a stage on a journal, with the node and its peer declared."""
    transport = WatchedTransport(MemoryTransport(now=clock.now, bound=bound))
    for node in (NODE, PEER):
        await transport.declare(node, NodeKind.CONTROLLER)
    return Stage(clock, TroubledJournal(journal), transport)


def memory_journal(clock: Clock) -> MemoryJournal:
    return MemoryJournal(MemoryLedger(), clock=clock.now)


# ----------------------------------------------------------------------------------------------------- waiting


async def until(holds: Callable[[], object]) -> None:
    """Return once something holds; it is looked at between turns of the event loop."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0)


async def turns() -> None:
    """Let everything happen that does not wait for something outside of memory."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


def waiting_in(transport: Transport, target: str = PEER) -> Callable[[], object]:
    """Return a question: how many envelopes wait on a node's control lane."""
    return lambda: transport.depth(target, Lane.CONTROL)
