"""What was asked of the organization, and what became of its parts."""

from typing import ClassVar, Literal

from pydantic import NonNegativeInt

from vsm_core.ids import CommitId, Id, NodeId, Sha256
from vsm_core.payloads.control import CancelScope
from vsm_core.payloads.jobs import RepositoryInventory
from vsm_core.payloads.signals import AlgedonicSignal
from vsm_core.payloads.work import Directive
from vsm_core.task import AcceptanceCriterion, Outcome, OutcomeChange, TaskTrace
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


class ClosingStarted(Value):
    """All tasks of a mandate are terminal: what it leaves behind is being gathered under one ref."""

    kind: Literal["ClosingStarted"] = "ClosingStarted"
    schema_version: ClassVar[int] = 1
    mandate_id: Id
    directive_id: NodeId
    outcome: Outcome
    reason: Text = ""


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


class CancelRequested(Value):
    """Somebody with the authority to do so asked that work stop."""

    kind: Literal["CancelRequested"] = "CancelRequested"
    schema_version: ClassVar[int] = 1
    scope: CancelScope
    subject: Id
    cancel_epoch: NonNegativeInt
    outcome: Outcome = Outcome.CANCELLED  # or timed out
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


class AlgedonicReceived(Value):
    """Pain or pleasure from below reached this level."""

    kind: Literal["AlgedonicReceived"] = "AlgedonicReceived"
    schema_version: ClassVar[int] = 1
    signal: AlgedonicSignal


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


class OutcomeAdjusted(Value):
    """Later history changed what an attempt was worth: its commit was reverted, taken back in or mended."""

    kind: Literal["OutcomeAdjusted"] = "OutcomeAdjusted"
    schema_version: ClassVar[int] = 1
    task_id: Id
    directive_id: NodeId
    trace_id: Id  # the fact that traced the attempt
    traced_at: Instant
    trace: TaskTrace  # as it was traced
    change: OutcomeChange
    subject_commit: CommitId  # the attempt's
    commit: CommitId  # the later one
    author: Text
    reason: Text = ""


class TextRedacted(Value):
    """Somebody took free texts out of the ledger; the facts keep their digests, which are named here."""

    kind: Literal["TextRedacted"] = "TextRedacted"
    schema_version: ClassVar[int] = 1
    digests: tuple[Sha256, ...]
    envelopes: NonNegativeInt = 0  # of the log and the outbox, blanked or rewritten with them
    by: Text
    reason: Text
