"""Facts: what happened, in the past tense; the ledger's alphabet.

State is a fold of facts, so a fact carries all that its evolver needs. ``kind`` is the class name. A kind without an
evolver is history: it is recorded for people and views, and changes no actor's state.
"""

from typing import Annotated, get_args

from pydantic import Field

from vsm_core.facts.judgement import (
    BranchMoved,
    MergeConflicted,
    MergePrepared,
    MergeStarted,
    PublishingStarted,
    TaskIntegrated,
    TaskRejected,
    TaskUnverified,
    TaskVerified,
    WorkKept,
)
from vsm_core.facts.organization import (
    CancelRequested,
    ClosingStarted,
    DirectiveAccepted,
    DirectiveFinished,
    EnvelopeRefused,
    GenomeAdopted,
    ProcessStarted,
    ProcessStopping,
    RepositorySurveyed,
)
from vsm_core.facts.tasks import (
    AttemptLost,
    DependencyReleased,
    ExecutionRevoked,
    ResultAcknowledged,
    ResultLate,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskDeferred,
    TaskFinished,
    TaskPlanned,
    TaskRefused,
    TaskTraced,
    WorkerFactRecorded,
)
from vsm_core.ids import Id, Sha256
from vsm_core.value import Instant, Value

__all__ = [
    "FACT_CLASSES",
    "AnyFact",
    "AttemptLost",
    "BranchMoved",
    "CancelRequested",
    "ClosingStarted",
    "DependencyReleased",
    "DirectiveAccepted",
    "DirectiveFinished",
    "EnvelopeRefused",
    "ExecutionRevoked",
    "Fact",
    "GenomeAdopted",
    "MergeConflicted",
    "MergePrepared",
    "MergeStarted",
    "ProcessStarted",
    "ProcessStopping",
    "PublishingStarted",
    "RecordedFact",
    "RepositorySurveyed",
    "ResultAcknowledged",
    "ResultLate",
    "TaskAdmitted",
    "TaskAssigned",
    "TaskConcluded",
    "TaskDeferred",
    "TaskFinished",
    "TaskIntegrated",
    "TaskPlanned",
    "TaskRefused",
    "TaskRejected",
    "TaskTraced",
    "TaskUnverified",
    "TaskVerified",
    "WorkKept",
    "WorkerFactRecorded",
]

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
