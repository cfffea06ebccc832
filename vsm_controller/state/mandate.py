"""A mandate: what a metasystem was asked to do - a directive at the root, a task packet below it."""

from enum import StrEnum

from pydantic import NonNegativeInt

from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.payloads.jobs import RepositoryInventory
from vsm_core.payloads.work import Directive, TaskPacket
from vsm_core.task import AcceptanceCriterion, Outcome
from vsm_core.value import Instant, Value


class Phase(StrEnum):
    """Where a mandate stands."""

    SURVEYING = "surveying"
    WORKING = "working"
    CLOSING = "closing"


class MandateState(Value):
    """One mandate with its plan and its integrator's tip."""

    id: Id
    directive_id: NodeId
    directive: Directive | None = None
    packet: TaskPacket | None = None
    execution_id: Id | None = None  # of a packet: this metasystem's own admission
    phase: Phase = Phase.SURVEYING
    inventory: RepositoryInventory | None = None
    acceptance: tuple[AcceptanceCriterion, ...] = ()
    base: CommitId | None = None
    tip: CommitId | None = None  # None: nothing is integrated yet
    verified_tip: CommitId | None = None  # the newest tip that somebody saw hold
    published: CommitId | None = None  # where the branch points
    task_ids: tuple[Id, ...] = ()
    open_tasks: NonNegativeInt = 0
    merging: Id | None = None  # the task that holds the serial merge queue
    stopped: Outcome | None = None  # it was told to end so, whatever its tasks came to
    outcome: Outcome | None = None
    reason: str = ""
    accepted_at: Instant | None = None

    @property
    def is_root(self) -> bool:
        """Whether this mandate came from the environment."""
        return self.directive is not None

    @property
    def ground(self) -> CommitId | None:
        """The commit that new work stands on: the tip, or the base while there is none."""
        return self.tip or self.base
