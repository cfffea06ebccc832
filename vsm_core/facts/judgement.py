"""Who saw a result hold, and how it became part of the whole."""

from typing import ClassVar, Literal

from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.task import Evidence
from vsm_core.value import Text, Value


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


class WorkKept(Value):
    """Work that nobody could verify, or that was rejected, was kept and marked; None: it does not merge."""

    kind: Literal["WorkKept"] = "WorkKept"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    tip: CommitId | None = None


class BranchMoved(Value):
    """A ref was moved by compare-and-swap."""

    kind: Literal["BranchMoved"] = "BranchMoved"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    ref: str
    commit: CommitId
    previous: CommitId | None = None
