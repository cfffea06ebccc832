"""Facts: what happened, in the past tense; the ledger's alphabet.

State is a fold of facts, so a fact carries all that its evolver needs. ``kind`` is the class name. A kind without an
evolver is history: it is recorded for people and views, and changes no actor's state.
"""

from dataclasses import dataclass
from datetime import datetime
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
    AlgedonicReceived,
    CancelRequested,
    ClosingStarted,
    DirectiveAccepted,
    DirectiveFinished,
    EnvelopeRefused,
    GenomeAdopted,
    OutcomeAdjusted,
    ProcessStarted,
    ProcessStopping,
    RepositorySurveyed,
    TextRedacted,
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

__all__ = [
    "FACT_CLASSES",
    "AlgedonicReceived",
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
    "OutcomeAdjusted",
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
    "TextRedacted",
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
    | AlgedonicReceived
    | GenomeAdopted
    | ProcessStarted
    | ProcessStopping
    | OutcomeAdjusted
    | TextRedacted
)
Fact = Annotated[AnyFact, Field(discriminator="kind")]
FACT_CLASSES = {cls.__name__: cls for cls in get_args(AnyFact)}


@dataclass(frozen=True, slots=True)
class RecordedFact:
    """A fact with what the journal adds: its identity, its time and its cause.

    A plain record, not a value of the wire: it is made by a sealed decision or read from a verified row, so there is
    nothing left to validate, and a busy controller makes a score of them per task.
    """

    id: str
    fact: Fact
    occurred_at: datetime
    genome_id: str
    correlation_id: str
    causation_id: str
