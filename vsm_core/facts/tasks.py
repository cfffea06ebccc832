"""What became of a task, from plan to trace."""

from typing import ClassVar, Literal

from pydantic import PositiveInt

from vsm_core.ids import CommitId, Id, NodeId, Sha256
from vsm_core.payloads.work import TaskPacket, TaskResult
from vsm_core.task import Arm, FailureClass, Outcome, TaskTrace, Usage, WorkerFact
from vsm_core.value import Instant, Text, Value


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
    prompt_hash: Sha256 | None = None  # of all that its child's prompt is made of
    policy_hash: Sha256 | None = None  # of the authority it was given
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


class DependencyReleased(Value):
    """A task's dependency is done."""

    kind: Literal["DependencyReleased"] = "DependencyReleased"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    dependency: Id


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


class TaskConcluded(Value):
    """A task reached its one terminal state."""

    kind: Literal["TaskConcluded"] = "TaskConcluded"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    outcome: Outcome
    failure_class: FailureClass | None = None
    reason: Text = ""


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
