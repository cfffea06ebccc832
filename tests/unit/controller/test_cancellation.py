"""System 3, cancellation: what must stop, or whose time is up, ends with all below it."""

from datetime import timedelta

from tests.unit.controller.cast import (
    SILENCE,
    START,
    deep,
    directive,
    does_it,
    flat,
    progress_of,
    result_of,
    saying,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_core.actor import Timer
from vsm_core.channel import Channel
from vsm_core.facts import CancelRequested
from vsm_core.genome import OrganizationalGenome
from vsm_core.payloads.control import Cancel, CancelScope, TimerPurpose
from vsm_core.payloads.jobs import SurveyReport
from vsm_core.task import FailureClass, Outcome

STOP = Cancel(scope=CancelScope.DIRECTIVE, subject="d-1", reason="not needed any more")
IN_AN_HOUR = START + timedelta(hours=1)


def working(genome: OrganizationalGenome, **changes: object) -> Play:
    play = Play(genome, answer=saying(lint=SILENCE))
    play.give(directive(**changes))
    return play


def test_a_cancelled_directive_ends_with_all_its_tasks_and_its_client_is_told() -> None:
    # given
    play = working(flat())
    # when
    play.give(STOP)
    # then
    assert play.outcome() == (Outcome.CANCELLED, "not needed any more")
    assert play.ends() == [Outcome.CANCELLED] * 2
    assert play.payloads("directive_report")[-1].outcome is Outcome.CANCELLED
    assert (play.timers, play.open_jobs) == ({}, [])
    over(play)


def test_a_leaf_that_works_is_told_to_stop_and_others_are_not() -> None:
    # given
    play = working(flat())
    (packet,) = play.packets("linter")
    # when
    decision = play.give(STOP)
    # then
    told = [each for each in decision.sends if each.payload_type == "cancel"]
    assert [(each.target, each.channel) for each in told] == [("linter", Channel.COMMAND)]
    assert told[0].payload == Cancel(scope=CancelScope.TASK, subject=packet.id, reason=STOP.reason)


def test_a_packet_nobody_has_admitted_is_cancelled_too() -> None:
    # given
    play = Play(flat())
    play.held.add("linter")
    play.give(directive())
    # when
    decision = play.give(STOP)
    # then
    assert [each.target for each in decision.sends if each.payload_type == "cancel"] == ["linter"]
    assert play.timers == {}


def test_a_cancel_cascades_through_every_level() -> None:
    # given
    play = working(deep())
    # when
    play.give(STOP)
    # then
    assert play.ends("engineering") == [Outcome.CANCELLED] * 2
    assert [cancel.scope for cancel in play.payloads("cancel", "linter")] == [CancelScope.TASK]
    assert play.outcome()[0] is Outcome.CANCELLED
    (late,) = play.of("ResultLate", "root")
    assert (late.node, late.outcome) == ("engineering", Outcome.CANCELLED)
    over(play)


def test_a_cancel_without_a_reason_has_one() -> None:
    # given
    play = working(flat())
    # when
    play.give(STOP.model_copy(update={"reason": ""}))
    # then
    assert play.outcome() == (Outcome.CANCELLED, "cancelled")


def test_a_directive_that_is_still_surveyed_can_be_cancelled() -> None:
    # given
    play = Play(flat())
    play.held.add("survey")
    play.give(directive())
    (job,) = play.open_jobs
    # when
    play.give(STOP)
    late = play.finish(job, SurveyReport(inventory={}))
    # then
    assert play.outcome() == (Outcome.CANCELLED, "not needed any more")
    assert late.facts == ()
    over(play)


def test_a_cancel_of_something_unknown_or_over_is_recorded_and_nothing_more() -> None:
    # given
    play = Play(flat())
    play.give(directive())
    # when
    decision = play.give(STOP)
    # then
    assert [each.fact.kind for each in decision.facts] == ["CancelRequested"]
    assert play.outcome()[0] is Outcome.COMPLETED


def test_the_cancel_of_a_subtree_ends_all_mandates_and_raises_its_epoch() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    for number in (1, 2):
        play.give(directive(id=f"d-{number}"))
    # when
    play.give(Cancel(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=4))
    # then
    assert {fact.outcome for fact in play.of("DirectiveFinished")} == {Outcome.CANCELLED}
    assert play.states["root"].cancel_epoch == 4
    over(play)


def test_packets_that_leave_after_a_cancelled_subtree_carry_the_new_epoch() -> None:
    # given
    play = Play(flat())
    play.give(Cancel(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=4))
    # when
    play.give(directive())
    # then
    sent = [each for each in play.sent if each.payload_type == "task_packet"]
    assert {(each.cancel_epoch, each.payload.cancel_epoch) for each in sent} == {(4, 4)}


def test_what_a_cancelled_leaf_still_sends_is_late_and_without_effect() -> None:
    # given
    play = working(flat())
    (packet,) = play.packets("linter")
    play.give(STOP)
    # when
    play.hear(progress_of(packet), packet)
    play.hear(result_of(packet, **does_it(packet)), packet)
    # then
    assert len(play.of("ResultLate")) == 1
    assert play.payloads("lease_revoked", "linter")
    assert play.refs == {}
    over(play)


def test_a_branch_that_is_being_moved_when_its_directive_is_cancelled_is_moved_and_recorded() -> None:
    # given
    play = Play(flat())
    play.held.add("move_ref")
    play.give(directive())
    # when
    play.give(STOP)
    play.held.clear()
    play.run()
    # then
    assert play.outcome()[0] is Outcome.CANCELLED
    (moved,) = play.of("BranchMoved")
    assert play.refs == {moved.ref: moved.commit}
    over(play)


def test_a_merge_that_is_under_way_when_its_directive_is_cancelled_comes_to_nothing() -> None:
    # given
    play = Play(flat())
    play.held.add("merge")
    play.give(directive())
    # when
    play.give(STOP)
    play.held.clear()
    play.run()
    # then
    assert play.outcome()[0] is Outcome.CANCELLED
    assert play.of("TaskIntegrated") == []
    over(play)


def test_work_integrated_before_a_cancel_stays_on_the_branch() -> None:
    # given
    play = Play(flat(), answer=saying(modernise=SILENCE))
    play.give(directive())
    # when
    play.give(STOP)
    # then
    assert play.ends() == [Outcome.COMPLETED, Outcome.CANCELLED]
    assert play.outcome()[0] is Outcome.CANCELLED
    assert play.payloads("directive_report")[-1].branch == "vsm/d-1"
    over(play)


def test_a_directive_whose_deadline_passes_times_out_at_every_level() -> None:
    # given
    play = working(deep(), deadline=IN_AN_HOUR)
    (packet,) = play.packets("linter")
    for _ in range(119):  # the leaf lives and works, and does not end
        play.pass_time(30)
        play.hear(progress_of(packet), packet)
    # when
    play.pass_time(30)
    # then
    assert play.outcome() == (Outcome.TIMED_OUT, "its deadline passed (--timeout)")
    assert play.ends("engineering") == [Outcome.CANCELLED] * 2
    (ended,) = play.of("TaskConcluded", "root")
    assert (ended.outcome, ended.failure_class) == (Outcome.TIMED_OUT, FailureClass.TIMEOUT)
    over(play)


def test_a_survey_that_takes_too_long_times_out() -> None:
    # given
    play = Play(flat())
    play.held.add("survey")
    play.give(directive(deadline=IN_AN_HOUR))
    # when
    play.pass_time(3_600)
    # then
    assert play.outcome()[0] is Outcome.TIMED_OUT
    over(play)


def test_a_directive_that_ends_in_time_leaves_no_deadline_behind() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive(deadline=IN_AN_HOUR))
    # then
    assert play.timers == {}
    assert play.outcome()[0] is Outcome.COMPLETED


def test_a_deadline_of_a_directive_that_is_over_is_nothing() -> None:
    # given
    play = Play(flat())
    late = Timer(id="x", node="root", due_at=START, purpose=TimerPurpose.DIRECTIVE_DEADLINE, subject="d-1")
    # when, then
    assert play.fire(late).facts == ()


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_one_task_of_a_directive_can_be_cancelled() -> None:
    # given
    play = working(flat())
    (packet,) = play.packets("linter")
    # when
    play.give(Cancel(scope=CancelScope.TASK, subject=packet.id))
    # then
    assert play.ends() == [Outcome.CANCELLED] * 2
    assert play.payloads("cancel", "linter")


def test_a_directive_its_user_cancels_is_cancelled_whatever_its_tasks_came_to() -> None:
    # given: nobody can look for typos, and somebody works on the rest
    play = Play(flat(), answer=saying(lint=SILENCE))
    play.give(directive("Fix the lint errors; find typos"))
    # when
    play.give(STOP)
    # then
    assert play.outcome()[0] is Outcome.CANCELLED


def test_a_cancel_that_overtakes_its_packet_stops_the_subtree_all_the_same() -> None:
    # given: the survey is done, and the packet to the child is on its way
    play = Play(deep(), answer=saying(lint=SILENCE))
    play.held.add("survey")
    play.give(directive())
    play.held.clear()
    play.run(1)
    # when: what is sent last arrives first
    play.pick = lambda waiting: waiting - 1
    play.give(STOP)
    # then
    assert play.packets("engineering")
    over(play)


def test_a_packet_with_an_old_cancel_epoch_is_not_taken_on() -> None:
    # given
    play = Play(deep(), answer=saying(lint=SILENCE))
    asked = CancelRequested(scope=CancelScope.SUBTREE, subject="engineering", cancel_epoch=4)
    play.record("engineering", asked)
    # when
    play.give(directive())
    # then
    assert play.packets("engineering")
    assert not play.of("TaskAdmitted", "engineering")


def test_what_was_cancelled_below_is_not_tried_again() -> None:
    # given
    play = working(deep())
    (packet,) = play.packets("engineering")
    stop = Cancel(scope=CancelScope.TASK, subject=packet.id)
    # when
    play.give(stop, "engineering", "root", channel=Channel.COMMAND)
    # then
    assert len(play.packets("engineering")) == 1
    assert play.outcome()[0] is Outcome.CANCELLED
