"""Payloads that inform: the environment's, the homeostat's and the algedonic channel's."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt

from vsm_core.ids import CommitId, Id, NodeId
from vsm_core.task import Evidence, Outcome, Role, Usage
from vsm_core.value import Instant, Text, Value

Severity = Annotated[int, Field(ge=0, le=10)]


class DirectiveQuery(Value):
    """A client asks how a directive stands."""

    payload_type: Literal["directive_query"] = "directive_query"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId


class DirectiveState(StrEnum):
    """Where a directive stands."""

    ACCEPTED = "accepted"
    WORKING = "working"
    FINISHED = "finished"
    UNKNOWN = "unknown"


class TaskReport(Value):
    """One task of a directive, as its user sees it."""

    id: Id
    role: Role
    node: NodeId | None = None
    title: Text = ""
    state: str = "planned"
    outcome: Outcome | None = None
    attempts: NonNegativeInt = 0
    commit: CommitId | None = None
    files_touched: tuple[str, ...] = ()
    reason: Text = ""


class DirectiveReport(Value):
    """What a user is told of a directive: its state, and in the end its result."""

    payload_type: Literal["directive_report"] = "directive_report"
    schema_version: ClassVar[int] = 1
    directive_id: NodeId
    state: DirectiveState
    outcome: Outcome | None = None
    reason: Text = ""
    branch: str | None = None
    commit: CommitId | None = None
    base: CommitId | None = None
    tasks: tuple[TaskReport, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    usage: Usage = Usage()
    counts: Mapping[str, int] = Field(default_factory=dict)  # task state -> how many


class EnvironmentKind(StrEnum):
    """What was seen outside."""

    RISK = "risk"
    OPPORTUNITY = "opportunity"
    DEPENDENCY_CHANGE = "dependency_change"
    OBSERVATION = "observation"


class EnvironmentSignal(Value):
    """Something outside changed, with the evidence for it."""

    payload_type: Literal["environment_signal"] = "environment_signal"
    schema_version: ClassVar[int] = 1
    kind: EnvironmentKind
    subject: Text
    detail: Text = ""
    evidence_refs: tuple[Id, ...] = ()
    horizon_seconds: NonNegativeFloat | None = None


class HomeostatSide(StrEnum):
    """Who presses on the 3-4 homeostat."""

    SYSTEM_3 = "system_3"
    SYSTEM_4 = "system_4"


class HomeostatSignal(Value):
    """Present constraint against future risk or opportunity, with its weight."""

    payload_type: Literal["homeostat_signal"] = "homeostat_signal"
    schema_version: ClassVar[int] = 1
    side: HomeostatSide
    subject: Text
    pressure: Annotated[float, Field(ge=0, le=1)]
    detail: Text = ""


class Valence(StrEnum):
    """Pain or pleasure."""

    PAIN = "pain"
    PLEASURE = "pleasure"


class Override(StrEnum):
    """What a raiser of an algedonic signal asks to be done at once."""

    PAUSE_SUBTREE = "pause_subtree"
    RESUME_SUBTREE = "resume_subtree"
    FREEZE_MUTATION = "freeze_mutation"
    ESCALATE_TO_ROOT = "escalate_to_root"
    REQUIRE_HUMAN_CONFIRMATION = "require_human_confirmation"


class AlgedonicSignal(Value):
    """Pain or pleasure that must not wait: it climbs past every queue until somebody answers."""

    payload_type: Literal["algedonic_signal"] = "algedonic_signal"
    schema_version: ClassVar[int] = 1
    signal_id: Id
    valence: Valence
    severity: Severity
    raised_by: NodeId
    subject: Text
    detail: Text = ""
    task_id: Id | None = None
    override: Override | None = None
    repeats: NonNegativeInt = 0
    raised_at: Instant


class AlgedonicAck(Value):
    """A level has taken the signal and says what it did."""

    payload_type: Literal["algedonic_ack"] = "algedonic_ack"
    schema_version: ClassVar[int] = 1
    signal_id: Id
    acknowledged_by: NodeId
    action: Text = ""
