"""The viable node: one recursion level of the organization, as data.

A leaf does work by its operation; a metasystem holds Systems 2 to 5 for its children. The same class serves both,
because a node becomes a metasystem by gaining a child, not by being another type.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, PositiveInt

from vsm_core.capability import (
    NOTHING,
    AuthorityLink,
    Capabilities,
    Capability,
    PermissionSpec,
)
from vsm_core.ids import Id, NodeId
from vsm_core.task import Budget, Risk
from vsm_core.value import Text, Value

Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]


class Status(StrEnum):
    """Where a node stands in its life; a retired one neither works nor counts as a child."""

    SHADOW = "shadow"
    PROBATION = "probation"
    ACTIVE = "active"
    RETIRED = "retired"


class Effect(StrEnum):
    """What a tool leaves behind: changed files, or words."""

    EDIT = "edit"
    REPORT = "report"


class LeafOperation(Value):
    """What a leaf does, and the capabilities that this kind of work needs."""

    kind: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
    capabilities: Capabilities = NOTHING

    @classmethod
    def of(cls, kind: str) -> "LeafOperation":
        """Return the operation of a standard kind; raise KeyError for an unknown one."""
        return cls(kind=kind, capabilities=OPERATIONS[kind])

    @classmethod
    def coding(cls) -> "LeafOperation":
        """Return the operation that writes code and may run tests."""
        return cls.of("coding")

    @classmethod
    def testing(cls) -> "LeafOperation":
        """Return the operation that runs tests and never writes."""
        return cls.of("testing")

    @classmethod
    def reviewing(cls) -> "LeafOperation":
        """Return the operation that reviews and may run tests."""
        return cls.of("reviewing")

    @classmethod
    def research(cls) -> "LeafOperation":
        """Return the operation that reads and reports."""
        return cls.of("research")


OPERATIONS = {
    "coding": frozenset(
        {
            Capability.WRITE_CODE,
            Capability.RUN_TESTS,
            Capability.READ_FILESYSTEM,
            Capability.WRITE_FILESYSTEM,
        }
    ),
    "testing": frozenset({Capability.RUN_TESTS, Capability.READ_FILESYSTEM}),
    "reviewing": frozenset({Capability.REVIEW, Capability.RUN_TESTS, Capability.READ_FILESYSTEM}),
    "research": frozenset({Capability.RESEARCH, Capability.READ_FILESYSTEM}),
    "integration": frozenset({Capability.INTEGRATE, Capability.READ_FILESYSTEM}),
    "documentation": frozenset(
        {Capability.READ_FILESYSTEM, Capability.WRITE_FILESYSTEM, Capability.WRITE_CODE}
    ),
    "planning": frozenset({Capability.RESEARCH, Capability.READ_FILESYSTEM}),
}


class System2Config(Value):
    """Coordination: how long a path lease stands, how oscillation is damped, in which order results merge."""

    path_lease_seconds: PositiveInt = 3_600
    damping_window_seconds: PositiveInt = 300
    merge_queue_order: Annotated[str, Field(pattern="^(arrival|smallest_first)$")] = "arrival"


class Planner(StrEnum):
    """Who decomposes: fixed rules, or a model whose plan is validated."""

    RULES = "rules"
    MODEL = "model"


class System3Config(Value):
    """Control of the here and now: what this node's System 3 may do, and how much at once."""

    may_allocate: bool = True
    may_decompose: bool = True
    may_command: bool = True
    may_integrate: bool = True
    span_of_control: PositiveInt = 8  # children working at once
    tokens_per_epoch: PositiveInt | None = None
    messages_per_epoch: PositiveInt | None = None
    epoch_seconds: PositiveInt = 3_600
    planner: Planner = Planner.RULES


class System3StarConfig(Value):
    """Sporadic audit: how often, over how long a window, and whether findings become genes."""

    audits_per_100_tasks: Annotated[float, Field(ge=0, le=100)] = 5.0
    window_tasks: PositiveInt = 50
    suggests_genes: bool = True
    randomised_gaps: bool = True


class System4Config(Value):
    """Intelligence: what is watched outside, how often, how far ahead."""

    probe_enabled: bool = False
    probe_interval_seconds: PositiveInt = 3_600
    watched_environments: tuple[str, ...] = ()
    horizon_seconds: PositiveInt = 2_592_000


class ApprovalRule(Value):
    """Work at or above a risk needs a human's approval."""

    at_risk: Risk
    effect: Annotated[str, Field(pattern="^(assign|integrate|apply)$")] = "assign"


class System5Policy(Value):
    """Policy: identity, values, and the limits that nothing below may widen."""

    identity: Text = ""
    values: tuple[Text, ...] = ()
    non_negotiable_constraints: tuple[Text, ...] = ()
    denied_capabilities: Capabilities = NOTHING
    approval_rules: tuple[ApprovalRule, ...] = ()
    protected_paths: tuple[str, ...] = ()


class ModelSpec(Value):
    """Which provider does the work, and with which model."""

    provider: Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,39}$")] = "auto"
    model: str | None = None
    effort: str | None = None
    max_context_tokens: PositiveInt | None = None
    fallbacks: tuple[str, ...] = ()


class PromptComponent(Value):
    """One gene of a prompt."""

    id: Id
    text: Text
    tags: tuple[str, ...] = ()
    origin: str = "author"
    active: bool = True


class PromptGenome(Value):
    """A prompt as genes: parts that can be added, removed and recombined one by one."""

    base_identity: tuple[PromptComponent, ...] = ()
    behavior_rules: tuple[PromptComponent, ...] = ()
    domain_hints: tuple[PromptComponent, ...] = ()
    codebase_conventions: tuple[PromptComponent, ...] = ()
    negative_constraints: tuple[PromptComponent, ...] = ()
    output_contract: tuple[PromptComponent, ...] = ()


class ToolSpec(Value):
    """A tool as a command line, run without a shell.

    ``defaults`` are added only in a repository that does not configure the tool itself: where none of the files in
    ``configured_by`` is there (``pyproject.toml#tool.ruff`` means that table of that file).
    """

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_-]{0,39}$")]
    argv: tuple[str, ...] = ()
    effect: Effect = Effect.EDIT
    task_class: str | None = None
    defaults: tuple[str, ...] = ()
    configured_by: tuple[str, ...] = ()
    success_codes: tuple[int, ...] = (0,)
    timeout_seconds: PositiveInt = 600


class ContextPolicy(Value):
    """What of the repository a leaf is shown, and whether the repository's own instructions to tools count."""

    max_files: PositiveInt = 200
    max_bytes: PositiveInt = 1_000_000
    honour_repository_instructions: bool = False


class RoutingRules(Value):
    """Which classes of task a node is meant for, and how strongly it is preferred."""

    task_classes: tuple[str, ...] = ()
    weight: Annotated[float, Field(gt=0, le=1_000)] = 1.0


class ViableNode(Value):
    """A node of the organization; ids never change, names may."""

    id: NodeId
    name: Name = ""  # set to the id where left out
    parent_id: NodeId | None = None
    children: tuple[NodeId, ...] = ()
    operation: LeafOperation | None = None
    system_2: System2Config = System2Config()
    system_3: System3Config = System3Config()
    system_3_star: System3StarConfig = System3StarConfig()
    system_4: System4Config = System4Config()
    system_5: System5Policy = System5Policy()
    model: ModelSpec = ModelSpec()
    prompt: PromptGenome = PromptGenome()
    tools: tuple[ToolSpec, ...] = ()
    context: ContextPolicy = ContextPolicy()
    permissions: PermissionSpec = PermissionSpec()
    routing: RoutingRules = RoutingRules()
    budget: Budget = Budget()
    status: Status = Status.ACTIVE

    def model_post_init(self, _context: object, /) -> None:
        """Name a node after its id where no name was given."""
        if not self.name:
            self.__dict__["name"] = self.id

    def as_link(self, *, has_children: bool) -> AuthorityLink:
        """Return what this node contributes to an authority chain."""
        return AuthorityLink(
            id=self.id,
            has_children=has_children,
            operation_capabilities=self.operation.capabilities if self.operation else None,
            denied_capabilities=self.system_5.denied_capabilities,
            permissions=self.permissions,
        )
