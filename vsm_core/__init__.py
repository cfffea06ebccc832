"""The pure domain of a self-evolving organization: values, rules and the wire format; no I/O and no clock.

The names below are the public surface. They load on first use, so that importing the package stays fast.
"""

from vsm_core.lazy import loader, names_in

_HOMES = {
    "actor": "Actor Claimed Commit Context Decision Fenced Limits Loaded LogEntry Owner Send Snapshot Step Timer seal",
    "authority": "check_sender is_environment",
    "capability": "AuthorityLink Capability LEAF_ONLY METASYSTEM_ONLY PermissionSpec SHARED capabilities_of_chain",
    "channel": "AUTHORITY Channel ChannelConfig Channels Lane LANES SenderRelation lane_of",
    "codec": "canonical_bytes digest wire_bytes",
    "envelope": "Envelope Priority decode_envelope",
    "errors": (
        "AuthorityError CanonicalError CoreError EnvelopeError GenomeError NewerVersionError PatchError WideningError"
    ),
    "facts": "AnyFact FACT_CLASSES Fact RecordedFact",
    "fitness": "Decay NodeSummary Weights attribute score_trace",
    "genome": (
        "OrganizationalGenome add_child ancestors authority_chain capabilities_of complexity is_metasystem "
        "new_genome node_of remove_subtree replace_node subtree working_children"
    ),
    "ids": "NodeId derive_id",
    "narrowing": "Contract narrow narrow_budget narrow_deadline",
    "node": (
        "Effect LeafOperation ModelSpec Planner PromptComponent PromptGenome RoutingRules Status System2Config "
        "System3Config System3StarConfig System4Config System5Policy ToolSpec ViableNode"
    ),
    "patch": "AddChild Batch GenomePatch PromoteLeafToMetasystem RemoveSubtree SetNodeStatus apply",
    "payloads": (
        "AdoptGenome AlgedonicAck AlgedonicSignal AuditReport AuditRequest AuditSample Cancel Command "
        "CoordinationSignal Directive DirectiveQuery DirectiveReport EnvironmentSignal GeneSuggestion Handoff "
        "HomeostatSignal HostStarted HostStopping JobFinished LeaseGranted LeaseRevoked ManagementDirective "
        "PAYLOAD_CLASSES Payload ResourceAllocation ResourceBargain TaskPacket TaskProgress TaskResult "
        "TaskResultAck TimerFired Unroutable"
    ),
    "payloads.audit": "TrialMode",
    "payloads.work": "Assignment",
    "task": (
        "AcceptanceCriterion Arm Budget Evidence FailureClass GuardMode Needs Outcome RepositoryRef Risk Role "
        "StaticPredicates TaskTrace Usage"
    ),
    "validation": "validate",
    "value": "Money Text Value",
}

__all__ = names_in(_HOMES)  # noqa: PLE0605 - the table above is the list
__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
