"""Payloads that carry work down and results up: the resource bargain's and the report line's."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from vsm_core.capability import NOTHING, AuthorityChain, Capabilities, Capability
from vsm_core.ids import Address, CommitId, Id, NodeId, Sha256
from vsm_core.node import ViableNode
from vsm_core.task import (
    AcceptanceCriterion,
    Arm,
    Artifact,
    Budget,
    DiffSize,
    Evidence,
    ExecutionOptions,
    FailureClass,
    Isolation,
    Needs,
    Outcome,
    RepositoryRef,
    Risk,
    Role,
    StaticPredicates,
    Usage,
    WorkerFact,
)
from vsm_core.value import Instant, Text, Value

Probability = Annotated[float, Field(gt=0, le=1)]
Level = Literal["low", "normal", "high", "critical", "interrupt"]


class Directive(Value):
    """What a user asks of the organization, about one repository or about none."""

    payload_type: Literal["directive"] = "directive"
    schema_version: ClassVar[int] = 1
    id: NodeId
    origin: str = "user"
    reply_to: Address | None = None
    title: Text
    body: Text = ""
    repository: RepositoryRef | None = None
    desired_state: Text = ""
    constraints: tuple[Text, ...] = ()
    acceptance: tuple[AcceptanceCriterion, ...] = ()
    options: ExecutionOptions = ExecutionOptions()
    risk: Risk = Risk.LOW
    priority: Level = "normal"
    deadline: Instant | None = None
    budget: Budget = Budget()
    required_capability: Capability | None = None
    needs: Needs = Needs()
    labels: Mapping[str, str] = Field(default_factory=dict)


class Assignment(Value):
    """Who does a task, with which authority, under which organization, until when."""

    node: ViableNode  # as routed
    authority: AuthorityChain
    genome_id: Sha256
    attempt: PositiveInt
    fencing_token: PositiveInt
    admit_by: Instant
    lease_seconds: PositiveInt
    arm: Arm = Arm.CHAMPION
    trial_id: Id | None = None
    propensity: Probability = 1.0
    routed_by: NodeId
    reason: Text = ""


class TaskPacket(Value):
    """A task with all that its worker needs; a worker has no ledger to look anything up in."""

    payload_type: Literal["task_packet"] = "task_packet"
    schema_version: ClassVar[int] = 1
    id: Id
    directive_id: NodeId
    parent_task_id: Id | None = None
    role: Role = Role.IMPLEMENT
    task_class: str | None = None
    title: Text
    goal: Text = ""
    target_state: Text = ""
    scope: tuple[str, ...] = (".",)
    repository: RepositoryRef | None = None
    base_commit: CommitId | None = None
    subject_commit: CommitId | None = None  # of test and review tasks: what is to be judged
    author_node: NodeId | None = None  # of test and review tasks: who made it
    constraints: tuple[Text, ...] = ()
    context_refs: tuple[Id, ...] = ()
    authority_refs: tuple[Id, ...] = ()
    dependencies: tuple[Id, ...] = ()
    acceptance: tuple[AcceptanceCriterion, ...] = ()
    options: ExecutionOptions = ExecutionOptions()
    risk: Risk = Risk.LOW
    predicates: StaticPredicates = StaticPredicates()
    required_capabilities: Capabilities = NOTHING
    budget: Budget = Budget()
    deadline: Instant | None = None
    cancel_epoch: NonNegativeInt = 0
    non_negotiable: bool = False
    needs: Needs = Needs()
    assignment: Assignment | None = None


class TaskProgress(Value):
    """A sign of life of one execution; the first one is its admission."""

    payload_type: Literal["task_progress"] = "task_progress"
    schema_version: ClassVar[int] = 1
    task_id: Id
    attempt: PositiveInt
    fencing_token: PositiveInt
    execution_id: Id
    produced_by: NodeId
    process: Id
    doing: Text = ""
    worker_facts: tuple[WorkerFact, ...] = ()


class TaskResult(Value):
    """How one execution ended: what was observed, apart from what its author says of it."""

    payload_type: Literal["task_result"] = "task_result"
    schema_version: ClassVar[int] = 1
    task_id: Id
    attempt: PositiveInt
    fencing_token: PositiveInt
    execution_id: Id
    produced_by: NodeId
    outcome: Outcome
    failure_class: FailureClass | None = None
    reason: Text = ""  # one line for a human: why not completed, and what would mend it
    summary: Text = ""
    commit: CommitId | None = None
    verified: bool = False  # by the producer's own testing leaf; its parent verifies again
    files_touched: tuple[str, ...] = ()
    diff: DiffSize = DiffSize()
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = Usage()
    artifacts: tuple[Artifact, ...] = ()
    isolation: Isolation = Isolation.NONE
    worker_facts: tuple[WorkerFact, ...] = ()
    narration: Text = ""


class TaskResultAck(Value):
    """The controller has recorded a result; the worker may forget it."""

    payload_type: Literal["task_result_ack"] = "task_result_ack"
    schema_version: ClassVar[int] = 1
    task_id: Id
    execution_id: Id


class Handoff(Value):
    """A sibling passes a question or a finding to a sibling through their parent."""

    payload_type: Literal["handoff"] = "handoff"
    schema_version: ClassVar[int] = 1
    task_id: Id
    from_node: NodeId
    to_node: NodeId
    subject: Text
    context_refs: tuple[Id, ...] = ()


class ManagementDirective(Value):
    """A parent's standing instruction to a child about how work is reported."""

    payload_type: Literal["management_directive"] = "management_directive"
    schema_version: ClassVar[int] = 1
    subject: Text
    report_every_seconds: NonNegativeFloat | None = None
