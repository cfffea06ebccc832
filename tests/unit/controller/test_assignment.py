"""The one door: an ordered list of checks, and the packet that follows from passing all of them."""

from datetime import timedelta

import pytest

from tests.unit.controller.cast import (
    BASE,
    NOTHING_TO_DO,
    SILENCE,
    START,
    crew,
    directive,
    flat,
    leaf,
    organization,
    plan,
    result_of,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.assignment import CHECKS, GLOBAL
from vsm_core.actor import Limits
from vsm_core.channel import Channel
from vsm_core.genome import authority_chain, replace_node
from vsm_core.node import System3Config
from vsm_core.task import Budget, Outcome

FIVE = tuple(task(f"t-{number}", f"f{number}.py") for number in range(5))


def silent(count: int, limits: Limits | None = None, **system_3: object) -> Play:
    return Play(crew(count, **system_3), answer=saying(implement=SILENCE), limits=limits or Limits())


def test_the_checks_that_hold_all_tasks_back_come_first() -> None:
    names = [name for name, _, _ in CHECKS]
    assert set(names[: len(GLOBAL)]) == GLOBAL
    assert len(set(names)) == len(names)


def test_a_packet_carries_all_that_its_worker_needs() -> None:
    # given
    play = silent(1)
    # when
    play.begin(*plan(task("t")))
    # then
    (fact,), (packet,) = play.of("TaskAssigned"), play.packets()
    assignment = packet.assignment
    assert assignment.node == play.genome.nodes["coder-0"]
    assert assignment.authority == authority_chain(play.genome, "coder-0")
    assert assignment.genome_id == fact.genome_id == play.genome.id
    assert (assignment.attempt, assignment.fencing_token) == (fact.attempt, fact.fencing_token) == (1, 1)
    assert (assignment.routed_by, assignment.reason) == ("root", fact.reason)
    assert assignment.lease_seconds == play.limits.lease_seconds
    assert packet.base_commit == fact.base_commit == BASE


@pytest.mark.parametrize(
    ("non_negotiable", "channel"), [(False, Channel.RESOURCE_BARGAINING), (True, Channel.COMMAND)]
)
def test_only_what_is_not_negotiable_is_a_command(non_negotiable: bool, channel: Channel) -> None:
    # given
    play = silent(1)
    # when
    play.begin(*plan(task("t", non_negotiable=non_negotiable)))
    # then
    assert [each.channel for each in play.sent if each.target == "coder-0"] == [channel]


def test_the_fact_comes_with_the_packet_in_one_decision() -> None:
    # given
    play = silent(1)
    play.record("root", *plan(task("t")))
    # when
    decision = play.give(directive())
    # then
    assert "TaskAssigned" in [each.fact.kind for each in decision.facts]
    assert "task_packet" in [each.payload_type for each in decision.sends]


def test_tokens_rise_with_every_assignment() -> None:
    # given
    play = silent(5)
    # when
    play.begin(*plan(*FIVE))
    # then
    assert [fact.fencing_token for fact in play.of("TaskAssigned")] == [1, 2, 3, 4, 5]


def test_so_many_tasks_are_in_progress_at_most_and_the_next_follows_when_one_ends() -> None:
    # given
    play = silent(5, Limits(work_in_progress=2))
    play.begin(*plan(*FIVE))
    assert len(play.packets()) == 2
    # when
    first = play.packets()[0]
    play.hear(result_of(first, **NOTHING_TO_DO), first)
    # then
    assert len(play.packets()) == 3


def test_so_many_children_work_at_once_at_most() -> None:
    # when
    play = silent(5, span_of_control=2)
    play.begin(*plan(*FIVE))
    # then
    assert {fact.child for fact in play.of("TaskAssigned")} == {"coder-0", "coder-1"}


def test_what_only_one_child_more_could_do_waits_for_the_span() -> None:
    # given
    reader, finder = leaf("a", "spelling", kind="research"), leaf("b", "dead_code", kind="research")
    genome = organization(a=reader, b=finder)
    narrow = genome.nodes["root"].model_copy(update={"system_3": System3Config(span_of_control=1)})
    genome = replace_node(genome, narrow)
    play = Play(genome, answer=saying(report=SILENCE))
    # when
    play.give(directive("Find typos; find dead code"))
    # then
    assert [fact.child for fact in play.of("TaskAssigned")] == ["a"]
    (deferred,) = play.of("TaskDeferred")
    assert deferred.reason == "1 children are working, which is the span of control"


def test_within_a_span_of_one_everything_is_done_in_the_end() -> None:
    # given
    play = Play(crew(5, span_of_control=1))
    # when
    play.begin(*plan(*FIVE))
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
    over(play)


def test_a_task_whose_deadline_has_passed_is_not_begun() -> None:
    # given
    play = silent(1)
    # when
    play.begin(*plan(task("t", deadline=START)))
    # then
    assert play.packets() == []
    assert play.outcome() == (Outcome.TIMED_OUT, "its deadline has passed")
    over(play)


def test_a_task_with_time_left_is_begun() -> None:
    # given
    play = silent(1)
    # when
    play.begin(*plan(task("t", deadline=START + timedelta(seconds=1))))
    # then
    assert len(play.packets()) == 1


def test_a_task_that_may_not_be_tried_at_all_fails() -> None:
    # given
    play = silent(1)
    # when
    play.begin(*plan(task("t", budget=Budget(attempts=0))))
    # then
    assert play.outcome() == (Outcome.FAILED, "its 0 attempts are used up")


def test_a_larger_budget_of_attempts_does_not_widen_the_bound() -> None:
    # given
    play = silent(1)
    play.begin(*plan(task("t", budget=Budget(attempts=50))))
    # when
    for _ in range(10):
        play.pass_time(play.limits.lease_seconds)
    # then
    assert len(play.packets()) == play.limits.attempts_per_task


def test_while_one_task_waits_others_pass_it() -> None:
    # given
    play = silent(3)
    # when
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "a.py"), task("t-3", "b.py")))
    # then
    assert [packet.id for packet in play.packets()] == ["t-1", "t-3"]


def test_several_directives_work_side_by_side() -> None:
    # given
    play = Play(flat(), answer=saying(lint=NOTHING_TO_DO))
    # when
    for number in range(3):
        play.give(directive("Fix the lint errors", id=f"d-{number}"))
    # then
    assert {fact.outcome for fact in play.of("DirectiveFinished")} == {Outcome.NO_CHANGE}
    over(play)


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_a_full_span_still_lets_a_busy_child_have_more() -> None:
    # given: only the first child may work, and it is preferred
    play = silent(3, span_of_control=1)
    # when
    play.begin(*plan(*FIVE[:2]))
    # then
    assert [fact.child for fact in play.of("TaskAssigned")] == ["coder-0", "coder-0"]
