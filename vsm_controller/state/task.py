"""A task as the metasystem that planned it sees it: one row of its plan, from planned to concluded."""

from enum import StrEnum

from pydantic import NonNegativeInt

from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.payloads.work import TaskPacket, TaskResult
from vsm_core.task import Evidence, FailureClass, Outcome
from vsm_core.value import Instant, Value


class TaskStatus(StrEnum):
    """Where a task stands; only the last one is terminal."""

    WAITING = "waiting"  # for the tasks it depends on
    PLANNED = "planned"  # nothing but the one door is before it
    ASSIGNED = "assigned"
    ADMITTED = "admitted"
    FINISHED = "finished"  # a result is here, nobody has judged it
    VERIFYING = "verifying"
    QUEUED = "queued"  # judged; waits in the merge queue
    MERGING = "merging"
    COMBINING = "combining"  # a merge commit is being verified
    PREPARED = "prepared"  # a verified merge commit waits for the branch
    PUBLISHING = "publishing"  # the branch is being moved
    CONCLUDED = "concluded"


WITH_CHILD = frozenset({TaskStatus.ASSIGNED, TaskStatus.ADMITTED})


class TaskState(Value):
    """One planned task: what it asks, who has it, how it went."""

    packet: TaskPacket
    mandate_id: Id
    ordinal: NonNegativeInt
    verifies: Id | None = None
    combination: bool = False
    status: TaskStatus = TaskStatus.PLANNED
    child: NodeId | None = None
    base: CommitId | None = None  # of the newest assignment
    guard_base: CommitId | None = (
        None  # the last verified commit below it: what its verification compares with
    )
    counted_attempts: NonNegativeInt = 0  # assignments that ended and count against the task
    assignments: NonNegativeInt = 0
    fencing_token: NonNegativeInt = 0
    leased_paths: tuple[str, ...] = ()
    assigned_at: Instant | None = None
    execution_id: Id | None = None
    process: Id | None = None
    result: TaskResult | None = None
    settled: tuple[Id, ...] = ()  # executions whose results are recorded; one that comes again is no news
    on_tip: bool = False  # after a conflict it starts from the integrator's tip
    unverified: str | None = None  # why nobody could verify it; it is integrated all the same, and marked
    merge_commit: CommitId | None = None
    integrated: bool = False
    kept: bool = False  # its rejected work has been dealt with at closing
    evidence: tuple[Evidence, ...] = ()
    outcome: Outcome | None = None
    failure_class: FailureClass | None = None
    reason: str = ""
    deferred: str = ""  # why it could not be assigned when last tried

    @property
    def id(self) -> str:
        """The task's id."""
        return self.packet.id

    @property
    def attempt(self) -> int:
        """The number of the current or next attempt, from 1."""
        return self.counted_attempts + 1

    @property
    def done(self) -> bool:
        """Whether its work is there for others to stand on: it ended well, or unverified but integrated."""
        if self.outcome is Outcome.NEEDS_HUMAN:
            return self.integrated
        return self.outcome in (Outcome.COMPLETED, Outcome.NO_CHANGE)

    @property
    def open(self) -> bool:
        """Whether the task has not reached its terminal state."""
        return self.status is not TaskStatus.CONCLUDED
