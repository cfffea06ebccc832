"""Projections: which rows of the read models each fact changes.

One literal table says it all: fact kind -> projections. A projection is a pure function from a fact and its origin to
changes, so the tables can be dropped and made again from the facts, with the same rows. Nothing here knows a database.
"""

from collections.abc import Callable, Mapping, Sequence

from vsm_core.facts import AnyFact
from vsm_ledger.projections import attempts, directives, organization, rollups, tasks
from vsm_ledger.projections.change import Cell, Change, Changes, Origin

__all__ = ["HISTORY_ONLY", "PROJECTIONS", "Cell", "Change", "Origin", "changes_of"]


def changes_of(fact: AnyFact, origin: Origin) -> Sequence[Change]:
    """Return what a fact changes in the read models; nothing for what is history only."""
    projections = PROJECTIONS.get(fact.kind, ())
    return [change for project in projections for change in project(fact, origin)]


PROJECTIONS: Mapping[str, tuple[Callable[..., Changes], ...]] = {
    "DirectiveAccepted": (directives.accepted,),
    "TaskPlanned": (tasks.planned,),
    "TaskAssigned": (tasks.assigned,),
    "TaskDeferred": (tasks.deferred,),
    "TaskAdmitted": (tasks.admitted,),
    "TaskRefused": (tasks.refused,),
    "TaskFinished": (tasks.finished, attempts.finished),
    "AttemptLost": (tasks.lost,),
    "ResultLate": (attempts.late,),
    "TaskVerified": (tasks.verified,),
    "TaskRejected": (tasks.judged,),
    "TaskUnverified": (tasks.judged,),
    "MergeStarted": (tasks.merging,),
    "MergePrepared": (tasks.merged,),
    "PublishingStarted": (tasks.publishing,),
    "TaskIntegrated": (tasks.integrated,),
    "WorkKept": (tasks.kept,),
    "TaskConcluded": (tasks.concluded,),
    "BranchMoved": (directives.moved,),
    "DirectiveFinished": (directives.finished,),
    "TaskTraced": (attempts.traced, rollups.traced),
    "OutcomeAdjusted": (rollups.adjusted,),
    "GenomeAdopted": (organization.adopted,),
    "EnvelopeRefused": (organization.refused,),
}
HISTORY_ONLY = frozenset(
    {
        "RepositorySurveyed",
        "MergeConflicted",
        "DependencyReleased",
        "ClosingStarted",
        "WorkerFactRecorded",
        "ResultAcknowledged",
        "ExecutionRevoked",
        "CancelRequested",
        "ProcessStarted",
        "ProcessStopping",
        "TextRedacted",
        "AlgedonicReceived",
    }
)
