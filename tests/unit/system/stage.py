"""A stage for one host: a scripted actor, journals and transports that can be made to fail, and a clock of our own.

The actor, the journals and the transport are real; what fails on purpose is a thin wrapper around a real one. A name
says what an envelope is about, and every decision records one fact with that name, so that facts can be counted.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from vsm_core.actor import Commit, Context, Decision, Limits, LogEntry, Owner, Send, Step, Timer, seal
from vsm_core.channel import Channel, Lane
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.facts import AnyFact, CancelRequested
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import Cancel, CancelScope, HostStarted, TimerPurpose
from vsm_core.payloads.jobs import ExecuteTask, Job, JobReport, JobRequest, MergeCommits, MergeReport
from vsm_core.payloads.work import Handoff, TaskPacket
from vsm_core.task import RepositoryRef
from vsm_ledger import MemoryJournal, MemoryLedger, SqlJournal
from vsm_ledger.claims import start_of
from vsm_system.crash import Crash, never
from vsm_system.host import Host, Role, World
from vsm_system.jobs import Jobs, Runner
from vsm_transport.errors import TransportError
from vsm_transport.memory import MemoryTransport
from vsm_transport.protocol import DeadLetter, Hold, NodeKind, OutgoingEnvelope, Transport

NODE, PEER, USER = "root", "peer", "_user-ada"
GENOME, COMMIT_ID = "a" * 64, "c" * 40
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATIENCE_SECONDS = 5.0
TURNS = 100  # of the event loop: what would happen in memory has happened by then
TTL_SECONDS = 15.0
AnyJournal = SqlJournal | MemoryJournal
State = tuple[str, ...]


class Clock:
    """Time that moves by a microsecond per look, and otherwise when told to."""

    def __init__(self) -> None:
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(microseconds=1)
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


# ------------------------------------------------------------------------------------------------ what travels


def made(name: str, payload: AnyPayload, at: datetime, source: str, target: str) -> Envelope:
    return Envelope(
        id=f"env_{name}",
        schema_version=payload.schema_version,
        organization="demo",
        genome_id=GENOME,
        channel=Channel.COMMAND,
        source=source,
        target=target,
        payload_type=payload.payload_type,
        payload=payload,
        correlation_id="story",
        causation_id=f"cause_{name}",
        created_at=at,
        expires_at=at + LIFETIME,
    )


def control(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    return made(name, Cancel(scope=CancelScope.TASK, subject=name), at, source, target)


def work(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    payload = Handoff(task_id=name, from_node=PEER, to_node=NODE, subject=name)
    return made(name, payload, at, source, target)


def timer(name: str, due_at: datetime = START) -> Timer:
    return Timer(id=name, node=NODE, due_at=due_at, purpose=TimerPurpose.RETRY, subject="task")


def merge_request() -> MergeCommits:
    where = RepositoryRef(identity="repository", location="somewhere", base_commit=COMMIT_ID)
    return MergeCommits(repository=where, onto=COMMIT_ID, commit=COMMIT_ID, subject="merge", moment=START)


def execute_request() -> ExecuteTask:
    packet = TaskPacket(id="task", directive_id="directive", title="do it")
    return ExecuteTask(packet=packet, execution_id="execution")


def job(name: str, request: JobRequest | None = None, *, seconds: int = 60) -> Job:
    return Job(
        id=name,
        node=NODE,
        subject="task",
        request=request or merge_request(),
        deadline_seconds=seconds,
        started_at=START,
        cause_id="env_cause",
        correlation_id="story",
    )


# --------------------------------------------------------------------------------------------------- the actor


def name_of(envelope: Envelope) -> str:
    """Say in a word what an envelope is about."""
    payload = envelope.payload
    match payload.payload_type:
        case "timer_fired":
            return f"fired:{payload.timer_id}"
        case "job_finished":
            return f"ended:{payload.job_id}"
        case "unroutable":
            return f"unroutable:{payload.target}"
        case "handoff":
            return payload.task_id
        case "cancel":
            return payload.subject
        case other:
            return other


Part = Callable[[State], Step]
Line = Step | str | Exception | Part


def sending(*targets: str, name: str = "sent") -> Step:
    payload = Cancel(scope=CancelScope.TASK, subject=name)
    return Step(sends=tuple(Send(target=each, channel=Channel.COMMAND, payload=payload) for each in targets))


@dataclass
class Tally:
    """An actor whose state is the names it has recorded; a script says what else follows from a name.

    A line is a step, a refusal (text), an error to raise, or a function of the state.
    """

    script: Mapping[str, Line] = field(default_factory=dict)
    decided: list[str] = field(default_factory=list)  # every decision, durable or not
    states: list[State] = field(default_factory=list)  # what each was decided on
    attempts: list[int] = field(default_factory=list)
    evolve_fails_on: str = ""

    def initial(self) -> State:
        return ()

    def decide(self, state: State, envelope: Envelope, context: Context) -> Decision:
        name = name_of(envelope)
        self.decided.append(name)
        self.states.append(state)
        self.attempts.append(context.delivery_attempt)
        line = self.script.get(name, Step())
        line = line(state) if callable(line) else line
        if isinstance(line, Exception):
            raise line
        if isinstance(line, str):
            return replace(seal(_noted(name), NODE, GENOME, envelope, context), refusal=line)
        return seal(_noted(name) + line, NODE, GENOME, envelope, context)

    def evolve(self, state: State, fact: AnyFact) -> State:
        if fact.subject == self.evolve_fails_on:
            raise RuntimeError(f"no evolver for {fact.subject}")
        return (*state, fact.subject)


def fact_of(name: str) -> CancelRequested:
    return CancelRequested(scope=CancelScope.TASK, subject=name, cancel_epoch=0)


def _noted(name: str) -> Step:
    return Step(facts=(fact_of(name),))


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
        self.commits.append(commit)

    async def load(self, stream: str) -> object:
        self._fail("load")
        return await self.inner.load(stream)

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


def owner(process: str = "process-1") -> Owner:
    """Return this very process, alive for as long as the test runs."""
    import os

    return Owner("here", os.getpid(), start_of(os.getpid()), process)


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

    def play(self, **script: Line) -> None:
        self.actor.script = {**self.actor.script, **script}

    def host(self, *, process: str = "process-1", crash: Crash = never) -> Host:
        role = Role(
            node_id=NODE,
            organization="demo",
            genome_id=GENOME,
            actor=self.actor,
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
        task = asyncio.create_task(host.run())
        try:
            await until(lambda: host.ready.is_set() or task.done())
            yield host
        finally:
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
        return [recorded.fact.subject for recorded in loaded.facts]

    async def until_recorded(self, *names: str) -> None:
        await until(lambda: self._recorded(names))

    async def _recorded(self, names: Sequence[str]) -> bool:
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
        decision = seal(_noted(name) + step, NODE, GENOME, cause, context)
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
