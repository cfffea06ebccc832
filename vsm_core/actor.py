"""The actor pattern's types: what a decision is given, what it may return, and what the journal commits.

Theory of operation. An actor is three pure functions: ``initial(node)``, ``decide(state, envelope, context)`` and
``evolve(state, fact)``. Everything that is not a function of the past - the time, the process, the number of the
delivery - comes in through Context. Effects are data in a Decision; the host commits all of it in one transaction and
only then acknowledges, publishes, sets timers and starts jobs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Annotated, Protocol, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt

from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, PATH_LIMIT, Envelope, Priority
from vsm_core.errors import CoreError
from vsm_core.facts import AnyFact, RecordedFact
from vsm_core.ids import Id, NodeId, derive_id
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import TimerPurpose
from vsm_core.payloads.jobs import Job
from vsm_core.value import Instant, Value


class Limits(Value):
    """The bounds every decision keeps; each is named with its unit."""

    attempts_per_task: PositiveInt = 3
    crashes_per_task: PositiveInt = 10  # processes that may die while they run one task
    tasks_per_directive: PositiveInt = 10_000
    work_in_progress: PositiveInt = 256  # open assignments of one controller
    admit_seconds: PositiveInt = 600
    lease_seconds: PositiveInt = 60
    heartbeat_seconds: PositiveInt = 10
    result_resend_seconds: PositiveInt = 15
    task_seconds: PositiveInt = 3_600
    job_seconds: PositiveInt = 3_600
    merge_attempts: PositiveInt = 3
    report_interval_seconds: Annotated[float, Field(gt=0)] = 0.5


@dataclass(frozen=True, slots=True)
class Context:
    """All that a decision may know besides its state and its envelope."""

    now: datetime
    cause_id: str
    seed: int
    limits: Limits
    process: str
    delivery_attempt: int = 1


@dataclass(frozen=True, slots=True)
class Send:
    """An envelope to be: who gets what on which channel; its id and story are added when the decision is sealed."""

    target: str
    channel: Channel
    payload: AnyPayload
    priority: Priority = Priority.NORMAL
    correlation_id: str | None = None  # None: the story of the envelope that caused it
    expires_at: datetime | None = None
    cancel_epoch: int = 0


class Timer(Value):
    """A durable message to oneself later; a timer with the same id replaces the old one."""

    id: Id
    node: NodeId
    due_at: Instant
    purpose: TimerPurpose
    subject: Id
    token: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What one handler wants: facts, envelopes, timers and jobs; steps add up."""

    facts: tuple[AnyFact, ...] = ()
    sends: tuple[Send, ...] = ()
    timers: tuple[Timer, ...] = ()
    timers_cancelled: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    jobs_cancelled: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Say whether anything follows."""
        return bool(
            self.facts
            or self.sends
            or self.timers
            or self.timers_cancelled
            or self.jobs
            or self.jobs_cancelled
        )

    def __add__(self, other: "Step") -> "Step":
        """Return both steps as one, in order."""
        return total((self, other))


def total(steps: Iterable[Step]) -> Step:
    """Return several steps as one, in order."""
    whole = [each for each in steps if each]
    if not whole:
        return NOTHING
    if len(whole) == 1:
        return whole[0]
    return Step(
        tuple(chain.from_iterable(each.facts for each in whole)),
        tuple(chain.from_iterable(each.sends for each in whole)),
        tuple(chain.from_iterable(each.timers for each in whole)),
        tuple(chain.from_iterable(each.timers_cancelled for each in whole)),
        tuple(chain.from_iterable(each.jobs for each in whole)),
        tuple(chain.from_iterable(each.jobs_cancelled for each in whole)),
    )


NOTHING = Step()  # most questions come to nothing, and are asked at every decision


@dataclass(frozen=True, slots=True)
class Decision:
    """A sealed step, ready to be committed; ``refusal`` sends the envelope that caused it to dead letters.

    ``state`` spares the host a second fold where deciding has folded the facts already; it is that fold, or None.
    """

    facts: tuple[RecordedFact, ...] = ()
    sends: tuple[Envelope, ...] = ()
    timers: tuple[Timer, ...] = ()
    timers_cancelled: tuple[str, ...] = ()
    jobs: tuple[Job, ...] = ()
    jobs_cancelled: tuple[str, ...] = ()
    refusal: str | None = None
    state: object | None = field(default=None, compare=False, repr=False)


StateT = TypeVar("StateT")


class Actor(Protocol[StateT]):
    """Three pure functions; the host owns the state and performs the effects."""

    def initial(self) -> StateT:
        """Return the state before the first fact."""
        ...

    def decide(self, state: StateT, envelope: Envelope, context: Context) -> Decision:
        """Return what follows from an envelope; never raise for bad input, refuse it."""
        ...

    def evolve(self, state: StateT, fact: AnyFact) -> StateT:
        """Return the state after a fact."""
        ...


class Freezer(Protocol[StateT]):
    """Writes an actor's state down for snapshots, and reads it again."""

    @property
    def state_schema(self) -> str:
        """The name of the form and meaning of a frozen state; under another name none is found."""
        ...

    def frozen(self, state: StateT) -> bytes:
        """Return a state as bytes."""
        ...

    def thawed(self, body: bytes) -> StateT:
        """Return the state that ``frozen`` wrote; raise ValueError where it can't be read."""
        ...


def seal(step: Step, node: str, genome_id: str, cause: Envelope, context: Context) -> Decision:
    """Return the decision a step stands for: ids, story and times filled in from the cause."""
    return Decision(
        facts=tuple(_recorded(step.facts, node, genome_id, cause, context)),
        sends=tuple(_sealed(step.sends, node, genome_id, cause, context)),
        timers=step.timers,
        timers_cancelled=step.timers_cancelled,
        jobs=step.jobs,
        jobs_cancelled=step.jobs_cancelled,
    )


def _recorded(
    facts: tuple[AnyFact, ...], node: str, genome_id: str, cause: Envelope, context: Context
) -> list[RecordedFact]:
    return [
        RecordedFact(
            id=derive_id("fact", node, cause.id, ordinal),
            fact=fact,
            occurred_at=context.now,
            genome_id=genome_id,
            correlation_id=getattr(fact, "directive_id", cause.correlation_id),
            causation_id=cause.id,
        )
        for ordinal, fact in enumerate(facts)
    ]


def _sealed(
    sends: tuple[Send, ...], node: str, genome_id: str, cause: Envelope, context: Context
) -> list[Envelope]:
    path = (*cause.path, node)[-PATH_LIMIT:]
    return [
        Envelope(
            id=derive_id("env", node, cause.id, ordinal),
            schema_version=send.payload.schema_version,
            organization=cause.organization,
            genome_id=genome_id,
            channel=send.channel,
            source=node,
            target=send.target,
            payload_type=send.payload.payload_type,
            payload=send.payload,
            correlation_id=send.correlation_id or cause.correlation_id,
            causation_id=cause.id,
            priority=send.priority,
            created_at=context.now,
            expires_at=send.expires_at or context.now + LIFETIME,
            cancel_epoch=send.cancel_epoch,
            path=path,
        )
        for ordinal, send in enumerate(sends)
    ]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One decision as the inbox log keeps it: enough to decide again and compare."""

    envelope: Envelope
    now: datetime
    seed: int
    limits: Limits
    process: str
    delivery_attempt: int
    facts: int  # how many facts and envelopes of the commit this entry made
    sends: int
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """What one host writes in one transaction; it fails as Fenced if the stream moved or the node was claimed."""

    stream: str
    epoch: int
    expected_version: int
    entries: tuple[LogEntry, ...] = ()
    facts: tuple[RecordedFact, ...] = ()
    sends: tuple[Envelope, ...] = ()
    timers: tuple[Timer, ...] = ()
    timers_done: tuple[str, ...] = ()  # fired or cancelled
    jobs: tuple[Job, ...] = ()
    jobs_done: tuple[str, ...] = ()  # finished or cancelled


class Snapshot(Value):
    """A cached fold, valid for one (stream, version, state schema)."""

    stream: NodeId
    version: NonNegativeInt
    state_schema: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a host needs to stand up an actor: its past, its timers and its open jobs."""

    version: int
    facts: tuple[RecordedFact, ...] = ()
    snapshot: Snapshot | None = None
    timers: tuple[Timer, ...] = ()
    jobs: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """A live host: where it runs and since when, so that a dead one on this machine can be told from a slow one."""

    host: str
    pid: int
    started: str  # the operating system's start time of that pid
    process: str  # the id this process gave itself
    labels: Mapping[str, str] = field(default_factory=dict)


class Fenced(CoreError):
    """This host lost its node: the stream moved on, or a higher epoch claimed it. It must stop that actor at once."""

    def __init__(self, stream: str, detail: str) -> None:
        super().__init__(f"{stream}: {detail}")
        self.stream = stream


class Claimed(CoreError):
    """Another live host holds the node; ``owner`` says which."""

    def __init__(self, node: str, owner: Owner) -> None:
        super().__init__(f"{node} is held by process {owner.pid} on {owner.host}")
        self.node = node
        self.owner = owner
