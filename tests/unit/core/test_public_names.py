"""The public surface of vsm_core: pinned, lazy and light."""

import subprocess
import sys

import pytest

import vsm_core

PINNED = [
    "AUTHORITY",
    "AcceptanceCriterion",
    "Actor",
    "AddChild",
    "AdoptGenome",
    "AlgedonicAck",
    "AlgedonicSignal",
    "AnyFact",
    "Arm",
    "Assignment",
    "AuditReport",
    "AuditRequest",
    "AuditSample",
    "AuthorityError",
    "AuthorityLink",
    "Batch",
    "Budget",
    "Cancel",
    "CanonicalError",
    "Capability",
    "Channel",
    "ChannelConfig",
    "Channels",
    "Claimed",
    "Command",
    "Commit",
    "Context",
    "Contract",
    "CoordinationSignal",
    "CoreError",
    "Decay",
    "Decision",
    "Directive",
    "DirectiveQuery",
    "DirectiveReport",
    "Effect",
    "Envelope",
    "EnvelopeError",
    "EnvironmentSignal",
    "Evidence",
    "FACT_CLASSES",
    "Fact",
    "FailureClass",
    "Fenced",
    "GeneSuggestion",
    "GenomeError",
    "GenomePatch",
    "GuardMode",
    "Handoff",
    "HomeostatSignal",
    "HostStarted",
    "HostStopping",
    "JobFinished",
    "LANES",
    "LEAF_ONLY",
    "Lane",
    "LeafOperation",
    "LeaseGranted",
    "LeaseRevoked",
    "Limits",
    "Loaded",
    "LogEntry",
    "METASYSTEM_ONLY",
    "ManagementDirective",
    "ModelSpec",
    "Money",
    "Needs",
    "NewerVersionError",
    "NodeId",
    "NodeSummary",
    "OrganizationalGenome",
    "Outcome",
    "Owner",
    "PAYLOAD_CLASSES",
    "PatchError",
    "Payload",
    "PermissionSpec",
    "Planner",
    "Priority",
    "PromoteLeafToMetasystem",
    "PromptComponent",
    "PromptGenome",
    "RecordedFact",
    "RemoveSubtree",
    "RepositoryRef",
    "ResourceAllocation",
    "ResourceBargain",
    "Risk",
    "Role",
    "RoutingRules",
    "SHARED",
    "Send",
    "SenderRelation",
    "SetNodeStatus",
    "Snapshot",
    "StaticPredicates",
    "Status",
    "Step",
    "System2Config",
    "System3Config",
    "System3StarConfig",
    "System4Config",
    "System5Policy",
    "TaskPacket",
    "TaskProgress",
    "TaskResult",
    "TaskResultAck",
    "TaskTrace",
    "Text",
    "Timer",
    "TimerFired",
    "ToolSpec",
    "TrialMode",
    "Unroutable",
    "Usage",
    "Value",
    "ViableNode",
    "Weights",
    "WideningError",
    "add_child",
    "ancestors",
    "apply",
    "attribute",
    "authority_chain",
    "canonical_bytes",
    "capabilities_of",
    "capabilities_of_chain",
    "check_sender",
    "complexity",
    "decode_envelope",
    "derive_id",
    "digest",
    "is_environment",
    "is_metasystem",
    "lane_of",
    "narrow",
    "narrow_budget",
    "narrow_deadline",
    "new_genome",
    "node_of",
    "remove_subtree",
    "replace_node",
    "score_trace",
    "seal",
    "subtree",
    "validate",
    "wire_bytes",
    "working_children",
]
HEAVY = {"numpy", "networkx", "sqlalchemy", "structlog", "rich", "typer"}


def test_the_public_names_are_these() -> None:
    assert sorted(vsm_core.__all__) == PINNED
    assert dir(vsm_core) == PINNED


@pytest.mark.parametrize("name", PINNED)
def test_each_name_loads_from_its_home(name: str) -> None:
    loaded = getattr(vsm_core, name)
    assert vsm_core.__dict__[name] is loaded


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Manager'"):
        vsm_core.Manager  # noqa: B018


def loaded_by(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return set(printed.split())


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = loaded_by("import vsm_core")
    assert {name for name in loaded if name.startswith("vsm_core.")} == {"vsm_core.lazy"}
    assert not loaded & {"pydantic", *HEAVY}


def test_the_whole_domain_loads_no_heavy_library() -> None:
    loaded = loaded_by("from vsm_core import *")
    assert "vsm_core.fitness" in loaded
    assert not loaded & HEAVY


def test_using_an_envelope_loads_no_more_than_it_needs() -> None:
    assert "vsm_core.fitness" not in loaded_by("from vsm_core import Envelope, ViableNode, new_genome")
