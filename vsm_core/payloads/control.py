"""Payloads that steer: bargains, commands, leases, cancels, and what a host tells its own actor."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from vsm_core.ids import Address, Id, NodeId, Sha256
from vsm_core.patch import GenomePatch
from vsm_core.payloads.jobs import JobOutcome, JobReport
from vsm_core.task import Budget, FailureClass
from vsm_core.value import Instant, Text, Value


class BargainStep(StrEnum):
    """Where a resource bargain stands."""

    OFFER = "offer"
    COUNTER = "counter"
    ACCEPT = "accept"
    SETTLE = "settle"


class ResourceBargain(Value):
    """One move of the bargain between a parent and a child over what a task may cost."""

    payload_type: Literal["resource_bargain"] = "resource_bargain"
    schema_version: ClassVar[int] = 1
    bargain_id: Id
    task_id: Id
    step: BargainStep
    budget: Budget
    reason: Text = ""


class ResourceAllocation(Value):
    """A parent grants a child a budget for an epoch."""

    payload_type: Literal["resource_allocation"] = "resource_allocation"
    schema_version: ClassVar[int] = 1
    budget: Budget
    epoch: NonNegativeInt
    expires_at: Instant


class CommandKind(StrEnum):
    """What a parent may command."""

    PAUSE = "pause"
    RESUME = "resume"
    START_NODE = "start_node"
    STOP_NODE = "stop_node"
    DRAIN = "drain"


class Command(Value):
    """A parent orders a child; kept apart from bargaining so that loss of autonomy can be measured."""

    payload_type: Literal["command"] = "command"
    schema_version: ClassVar[int] = 1
    kind: CommandKind
    node: NodeId
    reason: Text = ""


class AdoptGenome(Value):
    """The champion changed: take over this organization between two decisions."""

    payload_type: Literal["adopt_genome"] = "adopt_genome"
    schema_version: ClassVar[int] = 1
    genome_id: Sha256
    replaces: Sha256
    patch: GenomePatch | None = None


class CancelScope(StrEnum):
    """What a cancel names."""

    DIRECTIVE = "directive"
    TASK = "task"
    SUBTREE = "subtree"


class Cancel(Value):
    """Stop work: a directive or task becomes terminal, a subtree's cancel epoch rises."""

    payload_type: Literal["cancel"] = "cancel"
    schema_version: ClassVar[int] = 1
    scope: CancelScope
    subject: Id
    cancel_epoch: NonNegativeInt = 0
    reason: Text = ""


class CoordinationKind(StrEnum):
    """What System 2 has to say."""

    BLOCKED = "blocked"
    READY = "ready"
    CONTENTION = "contention"
    OSCILLATION = "oscillation"
    LEASE_WANTED = "lease_wanted"


class CoordinationSignal(Value):
    """System 2 damps: it informs and never commands."""

    payload_type: Literal["coordination_signal"] = "coordination_signal"
    schema_version: ClassVar[int] = 1
    kind: CoordinationKind
    task_id: Id | None = None
    paths: tuple[str, ...] = ()
    detail: Text = ""


class LeaseGranted(Value):
    """System 2 lets a task write (or read) these path trees until a time."""

    payload_type: Literal["lease_granted"] = "lease_granted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    paths: tuple[str, ...]
    exclusive: bool = True
    fencing_token: PositiveInt
    expires_at: Instant


class LeaseOf(StrEnum):
    """What a lease was for."""

    PATH = "path"
    TASK = "task"


class LeaseRevoked(Value):
    """A lease no longer holds: stop the execution that relied on it."""

    payload_type: Literal["lease_revoked"] = "lease_revoked"
    schema_version: ClassVar[int] = 1
    of: LeaseOf
    task_id: Id
    execution_id: Id | None = None
    fencing_token: NonNegativeInt = 0
    reason: Text = ""


class TimerPurpose(StrEnum):
    """Why an actor wanted to be woken."""

    ADMIT_BY = "admit_by"
    TASK_LEASE = "task_lease"
    TASK_DEADLINE = "task_deadline"
    DIRECTIVE_DEADLINE = "directive_deadline"
    HEARTBEAT = "heartbeat"
    RESEND_RESULT = "resend_result"
    RETRY = "retry"
    AUDIT = "audit"
    PROBE = "probe"
    TRIAL = "trial"


class TimerFired(Value):
    """A durable message to oneself has come due."""

    payload_type: Literal["timer_fired"] = "timer_fired"
    schema_version: ClassVar[int] = 1
    timer_id: Id
    purpose: TimerPurpose
    subject: Id
    token: NonNegativeInt = 0  # a timer for an older attempt is ignored


class JobFinished(Value):
    """Long work outside the actor has ended."""

    payload_type: Literal["job_finished"] = "job_finished"
    schema_version: ClassVar[int] = 1
    job_id: Id
    subject: Id
    outcome: JobOutcome
    failure_class: FailureClass | None = None
    reason: Text = ""
    report: Annotated[JobReport, Field(discriminator="kind")] | None = None


class HostStarted(Value):
    """This process now runs these nodes: whatever they ran in an earlier process is over."""

    payload_type: Literal["host_started"] = "host_started"
    schema_version: ClassVar[int] = 1
    process: Id
    nodes: tuple[NodeId, ...]


class HostStopping(Value):
    """This process stops on request: open work of its nodes is interrupted, not failed."""

    payload_type: Literal["host_stopping"] = "host_stopping"
    schema_version: ClassVar[int] = 1
    process: Id
    nodes: tuple[NodeId, ...]


class Unroutable(Value):
    """An envelope could not be delivered: its target takes nothing from here."""

    payload_type: Literal["unroutable"] = "unroutable"
    schema_version: ClassVar[int] = 1
    envelope_id: Id
    target: Address
    reason: Text
