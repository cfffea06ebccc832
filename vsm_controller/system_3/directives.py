"""System 3, intake: a directive at the root becomes a mandate with a plan.

Intake is idempotent by id. Nothing is planned before the repository has been surveyed.
"""

from vsm_controller.state.controller import ControllerState, Ending
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.system_3.decomposition import plan
from vsm_controller.system_3.predicates import predicates_of
from vsm_controller.system_3.reports import report_to
from vsm_core.actor import NOTHING, Context, Send, Step, Timer
from vsm_core.capability import Capability
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import (
    DirectiveAccepted,
    DirectiveFinished,
    RepositorySurveyed,
)
from vsm_core.ids import derive_id
from vsm_core.payloads.control import JobFinished, TimerPurpose
from vsm_core.payloads.jobs import Job, JobOutcome, RepositoryInventory, SurveyReport, SurveyRepository
from vsm_core.payloads.signals import DirectiveQuery, DirectiveReport, DirectiveState
from vsm_core.payloads.work import Directive, TaskPacket
from vsm_core.task import Outcome, StaticPredicates

SURVEY_SECONDS = 600


def accept(state: ControllerState, envelope: Envelope, context: Context) -> Step:
    """Take a directive on, or answer how it stands if it is known already."""
    directive = envelope.payload
    if not isinstance(directive, Directive):
        return NOTHING
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
        return NOTHING
    mandate = state.mandates.get(ended.subject)
    if mandate is None or mandate.phase is not Phase.SURVEYING or mandate.directive is None:
        return NOTHING
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


def answer(state: ControllerState, envelope: Envelope, _context: Context) -> Step:
    """Answer a client that asks how a directive stands."""
    query = envelope.payload
    if not isinstance(query, DirectiveQuery):
        return NOTHING
    return Step(sends=_answer(state, query.directive_id, envelope.source))


def _answer(state: ControllerState, directive_id: str, target: str | None) -> tuple[Send, ...]:
    if target is None:
        return ()
    mandate = state.mandates.get(directive_id)
    if mandate is not None:
        return report_to(mandate, DirectiveState.WORKING, target=target)
    return _told_again(directive_id, state.finished.get(directive_id), target)


def _told_again(directive_id: str, ending: Ending | None, target: str) -> tuple[Send, ...]:
    """Tell a client how a directive ended, without its tasks: they are history, and the ledger's to tell."""
    payload = DirectiveReport(directive_id=directive_id, state=DirectiveState.UNKNOWN)
    if ending is not None:
        known = {name: getattr(ending, name) for name in type(ending).model_fields}
        payload = payload.model_copy(update={"state": DirectiveState.FINISHED, **known})
    return (Send(target=target, channel=Channel.OPERATION_TO_ENVIRONMENT, payload=payload),)
