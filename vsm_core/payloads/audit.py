"""Payloads of System 3*: what an auditor asks, sees, finds and suggests."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, NonNegativeFloat

from vsm_core.ids import CommitId, Id, NodeId, Sha256
from vsm_core.patch import GenomePatch
from vsm_core.task import Evidence, Outcome, Risk
from vsm_core.value import Text, Value


class TrialMode(StrEnum):
    """How a candidate organization meets real work."""

    SHADOW = "shadow"
    CANARY = "canary"
    PROBATION = "probation"
    DIRECT = "direct"


class SuggestionSource(StrEnum):
    """Which part of the organization had the idea."""

    SYSTEM_3_STAR = "system_3_star"
    SYSTEM_4 = "system_4"
    SYSTEM_2 = "system_2"
    SYSTEM_1 = "system_1"
    ALGEDONIC = "algedonic"
    BREEDING = "breeding"
    DIAGNOSIS = "diagnosis"
    HUMAN = "human"


class AuditRequest(Value):
    """An auditor wants to see a task's raw artefacts, past the reports."""

    payload_type: Literal["audit_request"] = "audit_request"
    schema_version: ClassVar[int] = 1
    audit_id: Id
    task_id: Id | None = None
    reason: Text = ""


class AuditSample(Value):
    """The raw artefacts of one task, as its operation holds them."""

    payload_type: Literal["audit_sample"] = "audit_sample"
    schema_version: ClassVar[int] = 1
    audit_id: Id
    task_id: Id
    claimed: Outcome
    commit: CommitId | None = None
    artifact_digests: tuple[Sha256, ...] = ()


class FindingKind(StrEnum):
    """What the rule-based auditors look for."""

    FAILURE_RATIO = "failure_ratio"
    REPORT_INFLATION = "report_inflation"
    TOKEN_PRESSURE = "token_pressure"
    SPECIALIST_MISSING = "specialist_missing"
    IDLE_LEAF = "idle_leaf"
    WIDE_SPAN = "wide_span"
    COMMAND_SHARE = "command_share"
    CANARY_MISSED = "canary_missed"


class AuditFinding(Value):
    """One thing an audit found, with the facts that prove it."""

    kind: FindingKind
    node: NodeId
    measured: float
    limit: float
    fact_ids: tuple[Id, ...] = ()
    detail: Text = ""


class AuditReport(Value):
    """What an audit found; it goes to System 3 and changes nothing by itself."""

    payload_type: Literal["audit_report"] = "audit_report"
    schema_version: ClassVar[int] = 1
    audit_id: Id
    node: NodeId
    task_id: Id | None = None
    confirmed: bool | None = None
    findings: tuple[AuditFinding, ...] = ()
    evidence: tuple[Evidence, ...] = ()


class SafetyLimits(Value):
    """How far a trial may go at most."""

    max_tasks: Annotated[int, Field(gt=0)] = 1_000
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    max_files_touched: Annotated[int, Field(gt=0)] | None = None
    allowed_task_classes: tuple[str, ...] = ()
    traffic_share_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 2_000
    requires_approval: bool = False


class GeneSuggestion(Value):
    """A patch somebody believes in; only the promotion gate can make it live."""

    payload_type: Literal["gene_suggestion"] = "gene_suggestion"
    schema_version: ClassVar[int] = 1
    suggestion_id: Id
    source: SuggestionSource
    suggested_by: NodeId
    base_genome_id: Sha256
    patch: GenomePatch
    mode: TrialMode = TrialMode.CANARY
    limits: SafetyLimits = SafetyLimits()
    hypothesis: Text = ""
    evidence_refs: tuple[Id, ...] = ()
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    risk: Risk = Risk.LOW
    expected_gain: NonNegativeFloat | None = None
