"""What a run would do: the repository is looked at, and every System 3 plans for its own children; nothing runs."""

from collections.abc import Callable, Iterator

from vsm_controller.state.controller import ControllerState, Seat, initial_state
from vsm_controller.state.fold import fold
from vsm_controller.system_1.routing import route
from vsm_controller.system_3.decomposition import plan as decompose
from vsm_controller.system_3.directives import brief_of
from vsm_core.facts import DirectiveAccepted, RepositorySurveyed, TaskAdmitted, TaskPlanned
from vsm_core.genome import OrganizationalGenome, is_metasystem
from vsm_core.payloads.jobs import SurveyReport, SurveyRepository
from vsm_core.payloads.work import Directive, TaskPacket
from vsm_core.task import Role
from vsm_core.value import Value
from vsm_system.repository.survey import survey
from vsm_system.runs.known import check_known, is_over, recorded, worded
from vsm_system.runs.request import Prepared, Request, directive_of, prepare

PROCESS = "process_plan"
PLANNING = "planning"


class PlannedTask(Value):
    """One task of a plan, and what its metasystem would make of it."""

    title: str
    role: Role
    node: str | None
    reason: str
    task_classes: tuple[str, ...]
    waits_for: tuple[int, ...] = ()  # positions among its siblings
    tasks: tuple["PlannedTask", ...] = ()


class Plan(Value):
    """What a directive would become."""

    directive_id: str
    title: str
    organization: str
    base: str
    acceptance: tuple[tuple[str, ...], ...]
    python_files: int
    uncommitted_files: int
    tasks: tuple[PlannedTask, ...]


async def plan(request: Request, tell: Callable[[str], None] = lambda _line: None) -> Plan:
    """Return the plan of a request; raise what ``run`` raises before it does anything."""
    prepared = await worded(await prepare(request))
    await check_known(prepared, request.text)
    directive = await recorded(prepared, prepared.directive_id)
    if directive is not None:
        over = await is_over(prepared)
        doing = (
            "is over, and a run would only tell its outcome: --again does it anew"
            if over
            else "is open already"
        )
        tell(f"directive {prepared.directive_id} {doing}")
    return await _plan_of(prepared, directive or directive_of(prepared))


async def _plan_of(prepared: Prepared, directive: Directive) -> Plan:
    where = directive.repository or prepared.repository.ref
    report = await survey(SurveyRepository(repository=where))
    acceptance = directive.acceptance or report.acceptance
    return Plan(
        directive_id=prepared.directive_id,
        title=directive.title,
        organization=prepared.genome.root_id,
        base=where.base_commit,
        acceptance=tuple(each.verifier for each in acceptance),
        python_files=report.inventory.python_files,
        uncommitted_files=report.inventory.uncommitted_files,
        tasks=_of_directive(prepared.genome, directive, report),
    )


def _of_directive(
    genome: OrganizationalGenome, directive: Directive, report: SurveyReport
) -> tuple[PlannedTask, ...]:
    surveyed = RepositorySurveyed(
        directive_id=directive.id,
        inventory=report.inventory,
        acceptance=directive.acceptance or report.acceptance,
    )
    facts = (DirectiveAccepted(directive_id=directive.id, directive=directive), surveyed)
    state = fold(initial_state(Seat(genome.root_id, PLANNING, genome)), facts)
    mandate = state.mandates[directive.id]
    return _planned(state, mandate.id, brief_of(mandate, report.inventory))


def _of_packet(genome: OrganizationalGenome, node: str, packet: TaskPacket) -> tuple[PlannedTask, ...]:
    admitted = TaskAdmitted(
        task_id=packet.id,
        directive_id=packet.directive_id,
        attempt=1,
        fencing_token=1,
        execution_id=PROCESS,
        node=node,
        process=PROCESS,
        packet=packet,
    )
    state = fold(initial_state(Seat(node, PLANNING, genome)), (admitted,))
    return _planned(state, packet.id, packet)


def _planned(state: ControllerState, mandate_id: str, brief: TaskPacket) -> tuple[PlannedTask, ...]:
    facts = [
        each for each in decompose(state, state.mandates[mandate_id], brief) if isinstance(each, TaskPlanned)
    ]
    return tuple(_tasks(fold(state, facts), facts))


def _tasks(state: ControllerState, facts: list[TaskPlanned]) -> Iterator[PlannedTask]:
    positions = {fact.task_id: position for position, fact in enumerate(facts)}
    for fact in facts:
        way, packet = route(state, state.tasks[fact.task_id]), fact.packet
        divided = way.child is not None and is_metasystem(state.genome, way.child.id)
        yield PlannedTask(
            title=packet.title,
            role=packet.role,
            node=way.child.id if way.child else None,
            reason=way.reason,
            task_classes=packet.predicates.task_classes,
            waits_for=tuple(positions[each] for each in packet.dependencies if each in positions),
            tasks=_of_packet(state.genome, way.child.id, packet) if divided and way.child else (),
        )
