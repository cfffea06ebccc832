"""Dispatch and the actor: one row for each payload, nothing from a sender that may not send it, the same twice."""

import pytest

from tests.unit.controller.cast import (
    CLIENT,
    SILENCE,
    deep,
    directive,
    failed,
    flat,
    plan,
    result_of,
    saying,
    task,
)
from tests.unit.controller.play import Play
from vsm_controller import actor
from vsm_controller.actor import ControllerActor
from vsm_controller.dispatch import HANDLERS, IGNORED, Handler
from vsm_controller.state.controller import ControllerState, Seat
from vsm_controller.state.frozen import MEANING, state_schema
from vsm_core.actor import Context, Decision, Step
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.facts import AlgedonicReceived, CancelRequested
from vsm_core.payloads import PAYLOAD_CLASSES, AnyPayload
from vsm_core.payloads.control import (
    Cancel,
    CancelScope,
    CoordinationKind,
    CoordinationSignal,
    JobFinished,
    TimerFired,
    TimerPurpose,
)
from vsm_core.payloads.jobs import JobOutcome
from vsm_core.payloads.signals import AlgedonicSignal, DirectiveQuery, Valence
from vsm_core.payloads.work import TaskResultAck

UP = Channel.MANAGEMENT_TO_OPERATION
ALL_HANDLERS = [handler for row in HANDLERS.values() for handler in row]


def test_every_payload_has_a_row_or_is_ignored_and_never_both() -> None:
    assert not set(HANDLERS) & IGNORED
    assert set(HANDLERS) | IGNORED == set(PAYLOAD_CLASSES)


def test_no_handler_stands_in_two_rows() -> None:
    assert len(set(ALL_HANDLERS)) == len(ALL_HANDLERS)


@pytest.mark.parametrize("handler", ALL_HANDLERS, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_a_handler_leaves_alone_what_is_not_its_own(handler: Handler) -> None:
    # given
    play = Play(flat())
    foreign = play.envelope(TaskResultAck(task_id="t", execution_id="x"), "root", "linter", UP)
    # when, then
    assert handler(play.states["root"], foreign, play.context(foreign)) == Step()


def test_an_ignored_payload_has_no_effect() -> None:
    # given
    play = Play(flat())
    blocked = CoordinationSignal(kind=CoordinationKind.BLOCKED, task_id="t")
    assert blocked.payload_type in IGNORED
    # when, then
    assert play.give(blocked, source="linter", channel=Channel.COORDINATION) == Decision()


def test_pain_from_below_is_recorded() -> None:
    # given
    play = Play(flat())
    hurt = AlgedonicSignal(
        signal_id="s",
        valence=Valence.PAIN,
        severity=3,
        raised_by="linter",
        subject="it hurts",
        raised_at=play.now,
    )
    # when
    decision = play.give(hurt, source="linter", channel=Channel.ALGEDONIC)
    # then
    assert [recorded.fact for recorded in decision.facts] == [AlgedonicReceived(signal=hurt)]


def test_pain_from_above_is_refused() -> None:
    # given
    play = Play(deep())
    hurt = AlgedonicSignal(
        signal_id="s",
        valence=Valence.PAIN,
        severity=3,
        raised_by="root",
        subject="it hurts",
        raised_at=play.now,
    )
    target = next(node for node in play.actors if node != "root")
    # when
    decision = play.give(hurt, target=target, source="root", channel=Channel.ALGEDONIC)
    # then
    assert decision.refusal is not None


def working(play: Play) -> None:
    play.answer = saying(lint=SILENCE)
    play.give(directive())


FORGED: list[tuple[AnyPayload, str, Channel]] = [
    (Cancel(scope=CancelScope.DIRECTIVE, subject="d-1"), "linter", Channel.COMMAND),
    (Cancel(scope=CancelScope.DIRECTIVE, subject="d-1"), "linter", Channel.OPERATION_TO_ENVIRONMENT),
    (Cancel(scope=CancelScope.DIRECTIVE, subject="d-1"), "stranger", Channel.COMMAND),
    (directive(id="d-2"), "linter", Channel.OPERATION_TO_ENVIRONMENT),
    (directive(id="d-2"), CLIENT, Channel.COMMAND),
    (task("t"), "linter", Channel.RESOURCE_BARGAINING),
    (
        TimerFired(timer_id="t", purpose=TimerPurpose.DIRECTIVE_DEADLINE, subject="d-1"),
        "linter",
        Channel.INTERNAL,
    ),
    (JobFinished(job_id="j", subject="d-1", outcome=JobOutcome.DONE), CLIENT, Channel.INTERNAL),
]


@pytest.mark.parametrize(("payload", "source", "channel"), FORGED)
def test_a_forged_sender_is_refused_and_recorded_and_nothing_is_done(
    payload: AnyPayload, source: str, channel: Channel
) -> None:
    # given
    play = Play(flat())
    working(play)
    before = play.states["root"]
    # when
    decision = play.give(payload, source=source, channel=channel)
    # then
    (refused,) = (recorded.fact for recorded in decision.facts)
    assert (refused.kind, refused.source, refused.payload_type) == (
        "EnvelopeRefused",
        source,
        payload.payload_type,
    )
    assert decision.refusal == refused.reason != ""
    assert decision == Decision(facts=decision.facts, refusal=decision.refusal)
    assert play.states["root"] == before


def test_a_result_from_a_sibling_of_the_owner_is_late_and_one_from_a_grandchild_is_refused() -> None:
    # given
    play = Play(flat())
    working(play)
    (packet,) = play.packets("linter")
    # when
    stolen = play.give(result_of(packet), source="moderniser", channel=UP)
    refused = play.give(result_of(packet), source=CLIENT, channel=UP)
    # then
    assert [each.fact.kind for each in stolen.facts] == ["ResultLate"]
    assert refused.refusal
    assert play.states["root"].tasks[packet.id].open


def decided(play: Play, envelope: Envelope) -> Decision:
    return play.actors["root"].decide(play.states["root"], envelope, play.context(envelope))


def test_a_repeated_envelope_makes_the_same_ids_and_another_one_others() -> None:
    # given
    play = Play(flat())
    first, second = (
        play.envelope(directive(), "root", CLIENT, Channel.OPERATION_TO_ENVIRONMENT) for _ in range(2)
    )
    # when
    once, again, other = decided(play, first), decided(play, first), decided(play, second)
    # then
    assert once == again
    assert once.jobs[0].id == again.jobs[0].id
    assert not {fact.id for fact in once.facts} & {fact.id for fact in other.facts}
    assert not {each.id for each in once.sends} & {each.id for each in other.sends}


def test_all_ids_of_a_play_are_different() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive())
    # then
    for ids in ([each.id for each in play.sent], [job.id for job in play.jobs]):
        assert len(set(ids)) == len(ids)


def test_what_follows_is_bounded_within_one_decision_and_goes_on_with_the_next() -> None:
    # given: each task waits for the one before it, more of them than one decision asks its questions
    chain = [task("t-0"), *(task(f"t-{n}", after=(f"t-{n - 1}",)) for n in range(1, 100))]
    play = Play(flat(), answer=saying(implement=failed()))
    # when
    play.begin(*plan(*chain))
    play.give(DirectiveQuery(directive_id="d-1"))
    # then
    assert len(play.of("TaskConcluded")) == 100
    assert len(play.of("DirectiveFinished")) == 1


def test_what_follows_is_asked_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    # given a question to which there is always an answer
    play = Play(flat())
    asked: list[int] = []

    def endless(state: ControllerState, _context: Context) -> Step:
        asked.append(state.next_token)
        return Step(facts=(CancelRequested(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=1),))

    monkeypatch.setattr(actor, "STANDING", (endless,))
    monkeypatch.setattr(actor, "ROUNDS", 3)
    # when
    play.give(DirectiveQuery(directive_id="d"), source=CLIENT)
    # then: twice as often as the bound, because each decision is made twice to see that it is the same
    assert len(asked) == 6


def test_a_state_is_frozen_under_the_name_of_its_form() -> None:
    seat = Seat("root", "demo", flat())
    assert ControllerActor(seat).state_schema == state_schema()
    assert state_schema().startswith(f"controller-{MEANING}-")
