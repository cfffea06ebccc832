"""Facts: what happened, in the past tense; the ledger's alphabet.

State is a fold of facts, so a fact carries all that its evolver needs. ``kind`` is the class name. A kind without an
evolver is history: it is recorded for people and views, and changes no actor's state.
"""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, NonNegativeInt, PositiveInt

from vsm_core.ids import CommitId, Id, NodeId, Sha256
from vsm_core.payloads.control import CancelScope
from vsm_core.payloads.jobs import RepositoryInventory
from vsm_core.payloads.work import Directive, TaskPacket, TaskResult
from vsm_core.task import (
    AcceptanceCriterion,
    Arm,
    Evidence,
    FailureClass,
    Outcome,
    TaskTrace,
    Usage,
    WorkerFact,
)
from vsm_core.value import Instant, Text, Value


class DirectiveAccepted(Value):
    """The root took a directive on."""

    kind: Literal["DirectiveAccepted"] = "DirectiveAccepted"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    directive: Directive


class RepositorySurveyed(Value):
    """The repository's inventory at the base commit is known."""

    kind: Literal["RepositorySurveyed"] = "RepositorySurveyed"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    inventory: RepositoryInventory
    acceptance: tuple[AcceptanceCriterion, ...] = ()


class TaskPlanned(Value):
    """System 3 put a task into its plan; ``verifies`` names the task whose result it judges."""

    kind: Literal["TaskPlanned"] = "TaskPlanned"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    mandate_id: Id  # what this metasystem was asked: a directive at the root, a task below
    packet: TaskPacket
    verifies: Id | None = None
    combination: bool = False  # it judges a merge, not the author's own commit


class TaskAssigned(Value):
    """A task was given to a child, with a new fencing token; recorded before its packet leaves."""

    kind: Literal["TaskAssigned"] = "TaskAssigned"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    child: NodeId
    attempt: PositiveInt
    fencing_token: PositiveInt
    genome_id: Sha256
    base_commit: CommitId | None = None
    assigned_at: Instant
    admit_by: Instant
    arm: Arm = Arm.CHAMPION
    trial_id: Id | None = None
    propensity: float = 1.0
    leased_paths: tuple[str, ...] = ()
    reason: Text = ""
    rejected_children: tuple[tuple[NodeId, Text], ...] = ()


class TaskDeferred(Value):
    """A ready task could not be assigned yet; recorded once for each new reason."""

    kind: Literal["TaskDeferred"] = "TaskDeferred"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    check: str
    reason: Text


class TaskAdmitted(Value):
    """An execution of an attempt began; a metasystem's own admission holds the packet it took on."""

    kind: Literal["TaskAdmitted"] = "TaskAdmitted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    attempt: PositiveInt
    fencing_token: PositiveInt
    execution_id: Id
    node: NodeId
    process: Id
    packet: TaskPacket | None = None


class TaskRefused(Value):
    """A packet was not admitted."""

    kind: Literal["TaskRefused"] = "TaskRefused"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    node: NodeId
    attempt: PositiveInt
    failure_class: FailureClass
    reason: Text


class TaskFinished(Value):
    """An attempt ended with a result."""

    kind: Literal["TaskFinished"] = "TaskFinished"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    result: TaskResult


class AttemptLost(Value):
    """An assignment ended without a result; an interruption on request is not counted against the task."""

    kind: Literal["AttemptLost"] = "AttemptLost"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    node: NodeId
    attempt: PositiveInt
    fencing_token: PositiveInt
    counted: bool
    reason: Text


class ResultLate(Value):
    """A result came from an execution that no longer holds its task; it has no effect, its usage is settled."""

    kind: Literal["ResultLate"] = "ResultLate"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    execution_id: Id
    node: NodeId
    outcome: Outcome
    usage: Usage = Usage()


class TaskVerified(Value):
    """Somebody other than the author saw the result hold."""

    kind: Literal["TaskVerified"] = "TaskVerified"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    verifier_task_id: Id
    verifier_node: NodeId
    evidence: tuple[Evidence, ...] = ()


class TaskRejected(Value):
    """Somebody other than the author saw the result break what held before."""

    kind: Literal["TaskRejected"] = "TaskRejected"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    verifier_task_id: Id
    verifier_node: NodeId
    reason: Text
    evidence: tuple[Evidence, ...] = ()


class TaskUnverified(Value):
    """Nobody could say whether the result holds."""

    kind: Literal["TaskUnverified"] = "TaskUnverified"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    reason: Text
    evidence: tuple[Evidence, ...] = ()


class MergeStarted(Value):
    """The serial merge queue took a task's result up."""

    kind: Literal["MergeStarted"] = "MergeStarted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    job_id: Id
    onto: CommitId


class MergePrepared(Value):
    """A merge commit exists that nobody has verified yet; no ref points at it."""

    kind: Literal["MergePrepared"] = "MergePrepared"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    commit: CommitId
    fast_forward: bool


class MergeConflicted(Value):
    """A result does not merge onto the tip."""

    kind: Literal["MergeConflicted"] = "MergeConflicted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    paths: tuple[str, ...]


class PublishingStarted(Value):
    """The branch is being moved to a task's verified merge."""

    kind: Literal["PublishingStarted"] = "PublishingStarted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    job_id: Id
    commit: CommitId


class TaskIntegrated(Value):
    """A result is part of the integrator's tip."""

    kind: Literal["TaskIntegrated"] = "TaskIntegrated"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    tip: CommitId
    verified: bool = True


class DependencyReleased(Value):
    """A task's dependency is done."""

    kind: Literal["DependencyReleased"] = "DependencyReleased"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    dependency: Id


class TaskConcluded(Value):
    """A task reached its one terminal state."""

    kind: Literal["TaskConcluded"] = "TaskConcluded"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    outcome: Outcome
    failure_class: FailureClass | None = None
    reason: Text = ""


class WorkKept(Value):
    """Work that nobody could verify, or that was rejected, was kept and marked; None: it does not merge."""

    kind: Literal["WorkKept"] = "WorkKept"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    tip: CommitId | None = None


class ClosingStarted(Value):
    """All tasks of a mandate are terminal: what it leaves behind is being gathered under one ref."""

    kind: Literal["ClosingStarted"] = "ClosingStarted"
    schema_version: ClassVar[int] = 1
    mandate_id: Id
    directive_id: NodeId
    outcome: Outcome
    reason: Text = ""


class BranchMoved(Value):
    """A ref was moved by compare-and-swap."""

    kind: Literal["BranchMoved"] = "BranchMoved"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    ref: str
    commit: CommitId
    previous: CommitId | None = None


class DirectiveFinished(Value):
    """A directive reached its one terminal state."""

    kind: Literal["DirectiveFinished"] = "DirectiveFinished"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    outcome: Outcome
    reason: Text = ""
    branch: str | None = None
    commit: CommitId | None = None
    base: CommitId | None = None


class TaskTraced(Value):
    """One attempt, as attribution reads it."""

    kind: Literal["TaskTraced"] = "TaskTraced"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    trace: TaskTrace


class WorkerFactRecorded(Value):
    """A worker observed something of itself."""

    kind: Literal["WorkerFactRecorded"] = "WorkerFactRecorded"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    execution_id: Id
    node: NodeId
    worker_fact: WorkerFact


class ResultAcknowledged(Value):
    """The controller has recorded a worker's result; the worker may forget it."""

    kind: Literal["ResultAcknowledged"] = "ResultAcknowledged"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    execution_id: Id


class ExecutionRevoked(Value):
    """A worker stops an execution because its controller no longer wants it."""

    kind: Literal["ExecutionRevoked"] = "ExecutionRevoked"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    execution_id: Id
    reason: Text = ""


class CancelRequested(Value):
    """Somebody with the authority to do so asked that work stop."""

    kind: Literal["CancelRequested"] = "CancelRequested"
    schema_version: ClassVar[int] = 1
    scope: CancelScope
    subject: Id
    cancel_epoch: NonNegativeInt
    reason: Text = ""


class EnvelopeRefused(Value):
    """An envelope came from a sender, or on a channel, that the authority table does not grant."""

    kind: Literal["EnvelopeRefused"] = "EnvelopeRefused"
    schema_version: ClassVar[int] = 1
    envelope_id: Id
    source: str
    channel: str
    payload_type: str
    reason: Text


class GenomeAdopted(Value):
    """This node works under this organization from now on."""

    kind: Literal["GenomeAdopted"] = "GenomeAdopted"
    schema_version: ClassVar[int] = 1
    genome_id: Sha256
    replaces: Sha256 | None = None


class ProcessStarted(Value):
    """A host process runs this node now."""

    kind: Literal["ProcessStarted"] = "ProcessStarted"
    schema_version: ClassVar[int] = 1
    process: Id
    nodes: tuple[NodeId, ...]


class ProcessStopping(Value):
    """A host process that runs this node stops on request."""

    kind: Literal["ProcessStopping"] = "ProcessStopping"
    schema_version: ClassVar[int] = 1
    process: Id
    nodes: tuple[NodeId, ...]


AnyFact = (
    DirectiveAccepted
    | RepositorySurveyed
    | TaskPlanned
    | TaskAssigned
    | TaskDeferred
    | TaskAdmitted
    | TaskRefused
    | TaskFinished
    | AttemptLost
    | ResultLate
    | TaskVerified
    | TaskRejected
    | TaskUnverified
    | MergeStarted
    | MergePrepared
    | MergeConflicted
    | PublishingStarted
    | TaskIntegrated
    | DependencyReleased
    | TaskConcluded
    | WorkKept
    | ClosingStarted
    | BranchMoved
    | DirectiveFinished
    | TaskTraced
    | WorkerFactRecorded
    | ResultAcknowledged
    | ExecutionRevoked
    | CancelRequested
    | EnvelopeRefused
    | GenomeAdopted
    | ProcessStarted
    | ProcessStopping
)
Fact = Annotated[AnyFact, Field(discriminator="kind")]
FACT_CLASSES = {cls.__name__: cls for cls in get_args(AnyFact)}


class RecordedFact(Value):
    """A fact with what the journal adds: its identity, its time and its cause."""

    id: Id
    fact: Fact
    occurred_at: Instant
    genome_id: Sha256
    correlation_id: Id
    causation_id: Id
