"""System 3, intake: a directive at the root, a task packet below it, become a mandate with a plan.

Intake is idempotent by id. Nothing is planned before the repository has been surveyed; a packet from above brings the
survey's predicates with it.
"""

from vsm_controller.state.controller import ControllerState
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.system_3.cancellation import stop_tasks
from vsm_controller.system_3.decomposition import plan
from vsm_controller.system_3.predicates import predicates_of
from vsm_controller.system_3.reports import report_to
from vsm_core.actor import Context, Send, Step, Timer
from vsm_core.capability import Capability
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    DirectiveAccepted,
    DirectiveFinished,
    RepositorySurveyed,
    TaskAdmitted,
    TaskFinished,
    TaskRefused,
)
from vsm_core.ids import derive_id
from vsm_core.payloads.control import JobFinished, TimerPurpose
from vsm_core.payloads.jobs import Job, JobOutcome, RepositoryInventory, SurveyReport, SurveyRepository
from vsm_core.payloads.signals import DirectiveQuery, DirectiveReport, DirectiveState
from vsm_core.payloads.work import Directive, TaskPacket, TaskProgress, TaskResult
from vsm_core.task import FailureClass, Outcome, StaticPredicates

SURVEY_SECONDS = 600


def accept(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take a directive on, or answer how it stands if it is known already."""
    directive = envelope.payload
    if not isinstance(directive, Directive):
        return Step()
    if directive.id in state.mandates or directive.id in state.finished:
        return Step(sends=_answer(state, directive.id, directive.reply_to))
    accepted = DirectiveAccepted(directive_id=directive.id, directive=directive)
    known = fold(state, (accepted,))
    mandate = known.mandates[directive.id]
    begun = Step(
        facts=(accepted,),
        sends=report_to(mandate, DirectiveState.ACCEPTED),
        timers=_deadline(state, directive),
    )
    if directive.repository is None:
        return begun + Step(facts=plan(known, mandate, brief_of(mandate, RepositoryInventory())))
    return begun + Step(jobs=(_survey(state, directive, envelope, context),))


def _deadline(state: ControllerState, directive: Directive) -> tuple[Timer, ...]:
    if directive.deadline is None:
        return ()
    return (
        Timer(
            id=f"{TimerPurpose.DIRECTIVE_DEADLINE}.{directive.id}",
            node=state.node_id,
            due_at=directive.deadline,
            purpose=TimerPurpose.DIRECTIVE_DEADLINE,
            subject=directive.id,
        ),
    )


def _survey(state: ControllerState, directive: Directive, envelope: Envelope, context: Context) -> Job:
    assert directive.repository is not None
    return Job(
        id=derive_id("job", state.node_id, envelope.id),
        node=state.node_id,
        subject=directive.id,
        request=SurveyRepository(repository=directive.repository),
        deadline_seconds=SURVEY_SECONDS,
        started_at=context.now,
        cause_id=envelope.id,
        correlation_id=directive.id,
    )


def surveyed(state: ControllerState, envelope: Envelope, _context: Context) -> Step:
    """Plan a directive once its repository is known; without a survey there is no plan."""
    ended = envelope.payload
    if not isinstance(ended, JobFinished):
        return Step()
    mandate = state.mandates.get(ended.subject)
    if mandate is None or mandate.phase is not Phase.SURVEYING or mandate.directive is None:
        return Step()
    if ended.outcome is not JobOutcome.DONE or not isinstance(ended.report, SurveyReport):
        return _unsurveyed(mandate, ended)
    acceptance = mandate.directive.acceptance or ended.report.acceptance
    known = RepositorySurveyed(
        directive_id=mandate.id, inventory=ended.report.inventory, acceptance=acceptance
    )
    after = fold(state, (known,))
    mandate = after.mandates[mandate.id]
    return Step(facts=(known, *plan(after, mandate, brief_of(mandate, ended.report.inventory))))


def _unsurveyed(mandate: MandateState, ended: JobFinished) -> Step:
    reason = f"the repository could not be surveyed: {ended.reason}"
    over = DirectiveFinished(
        directive_id=mandate.id, outcome=Outcome.FAILED, reason=reason, base=mandate.base
    )
    told = mandate.model_copy(update={"outcome": Outcome.FAILED, "reason": reason})
    return Step(facts=(over,), sends=report_to(told, DirectiveState.FINISHED))


def brief_of(mandate: MandateState, inventory: RepositoryInventory) -> TaskPacket:
    """Return what a mandate asks as one packet: the mould of every task planned for it."""
    if mandate.packet is not None:
        return mandate.packet
    directive = mandate.directive
    if directive is None:
        raise ValueError(f"mandate {mandate.id} has neither a directive nor a packet")
    predicates = predicates_of(directive, inventory) if directive.repository else StaticPredicates()
    return TaskPacket(
        id=mandate.id,
        directive_id=mandate.directive_id,
        title=directive.title,
        goal=directive.body,
        target_state=directive.desired_state,
        scope=predicates.likely_files or (".",),
        repository=directive.repository,
        base_commit=mandate.base,
        constraints=directive.constraints,
        acceptance=mandate.acceptance,
        options=directive.options,
        risk=directive.risk,
        predicates=predicates,
        required_capabilities=_needed(directive),
        budget=directive.budget,
        deadline=directive.deadline,
        needs=directive.needs,
    )


def _needed(directive: Directive) -> frozenset[Capability]:
    return (
        frozenset() if directive.required_capability is None else frozenset({directive.required_capability})
    )


def take_on(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take a parent's packet on: admit it, say so, and plan it for the own children.

    The same task assigned anew under a higher token takes the place of the older one, whose subtree is given up.
    """
    packet = envelope.payload
    if not isinstance(packet, TaskPacket) or packet.assignment is None:
        return Step()
    if packet.assignment.node.id != state.node_id:
        return Step()
    if packet.assignment.fencing_token <= state.taken.get(packet.id, 0):
        return Step()
    if packet.cancel_epoch < state.cancel_epoch:
        return _refused(state, envelope, packet, context)
    given_up = _give_up(state, packet, context)
    state = fold(state, given_up.facts)
    execution = _execution(state, envelope, context)
    admitted = TaskAdmitted(
        task_id=packet.id,
        directive_id=packet.directive_id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=execution,
        node=state.node_id,
        process=context.process,
        packet=packet,
    )
    known = fold(state, (admitted,))
    planned = plan(known, known.mandates[packet.id], packet)
    said = _progress(state, envelope, packet, execution, context)
    return given_up + Step(facts=(admitted, *planned), sends=(said,))


def _execution(state: ControllerState, envelope: Envelope, context: Context) -> str:
    return derive_id("execution", state.node_id, f"{context.process}/{envelope.id}", context.delivery_attempt)


def _give_up(state: ControllerState, packet: TaskPacket, context: Context) -> Step:
    older = state.mandates.get(packet.id)
    if older is None or older.packet is None or older.packet.assignment is None:
        return Step()
    stopped = stop_tasks(state, older, Outcome.CANCELLED, "it was assigned anew", context)
    over = TaskResult(
        task_id=packet.id,
        attempt=older.packet.assignment.attempt,
        fencing_token=older.packet.assignment.fencing_token,
        execution_id=older.execution_id or packet.id,
        produced_by=state.node_id,
        outcome=Outcome.CANCELLED,
        reason="it was assigned anew",
    )
    return stopped + Step(
        facts=(TaskFinished(task_id=packet.id, directive_id=packet.directive_id, result=over),)
    )


def _refused(state: ControllerState, envelope: Envelope, packet: TaskPacket, context: Context) -> Step:
    assert packet.assignment is not None
    reason = f"cancel epoch {packet.cancel_epoch} is older than this subtree's {state.cancel_epoch}"
    refused = TaskRefused(
        task_id=packet.id,
        directive_id=packet.directive_id,
        node=state.node_id,
        attempt=packet.assignment.attempt,
        failure_class=FailureClass.POLICY_DENIED,
        reason=reason,
    )
    result = TaskResult(
        task_id=packet.id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=_execution(state, envelope, context),
        produced_by=state.node_id,
        outcome=Outcome.REFUSED,
        failure_class=FailureClass.POLICY_DENIED,
        reason=reason,
    )
    send = Send(target=envelope.source, channel=Channel.MANAGEMENT_TO_OPERATION, payload=result)
    return Step(facts=(refused,), sends=(send,))


def _progress(
    state: ControllerState, envelope: Envelope, packet: TaskPacket, execution: str, context: Context
) -> Send:
    assert packet.assignment is not None
    payload = TaskProgress(
        task_id=packet.id,
        attempt=packet.assignment.attempt,
        fencing_token=packet.assignment.fencing_token,
        execution_id=execution,
        produced_by=state.node_id,
        process=context.process,
        doing=packet.title,
    )
    return Send(target=envelope.source, channel=Channel.MANAGEMENT_TO_OPERATION, payload=payload)


def answer(state: ControllerState, envelope: Envelope, _context: Context) -> Step:
    """Answer a client that asks how a directive stands."""
    query = envelope.payload
    if not isinstance(query, DirectiveQuery):
        return Step()
    return Step(sends=_answer(state, query.directive_id, envelope.source))


def _answer(state: ControllerState, directive_id: str, target: str | None) -> tuple[Send, ...]:
    if target is None:
        return ()
    mandate = state.mandates.get(directive_id)
    if mandate is not None:
        return report_to(mandate, DirectiveState.WORKING, target=target)
    outcome = state.finished.get(directive_id)
    standing = DirectiveState.FINISHED if outcome else DirectiveState.UNKNOWN
    payload = DirectiveReport(directive_id=directive_id, state=standing, outcome=outcome)
    return (Send(target=target, channel=Channel.OPERATION_TO_ENVIRONMENT, payload=payload),)
