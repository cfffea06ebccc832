"""Timers in memory: earliest first, one per id, gone when cancelled or taken."""

from datetime import timedelta

from tests.unit.system.letters import START, timer
from vsm_system.timers import Timers

SOON, LATER = START + timedelta(seconds=1), START + timedelta(seconds=2)


def test_due_timers_are_taken_once_and_earliest_first() -> None:
    timers = Timers([timer("b", SOON), timer("a", START), timer("c", LATER)])
    assert [each.id for each in timers.take_due(SOON)] == ["a", "b"]
    assert timers.take_due(SOON) == ()
    assert timers.next_due() == LATER


def test_those_due_at_once_come_in_the_order_of_their_ids() -> None:
    timers = Timers([timer("c"), timer("a"), timer("b")])
    assert [each.id for each in timers.take_due(START)] == ["a", "b", "c"]


def test_a_moved_timer_is_due_at_its_new_time_alone() -> None:
    timers = Timers([timer("a", START)])
    timers.set(timer("a", LATER))
    assert timers.next_due() == LATER
    assert timers.take_due(SOON) == ()
    assert timers.take_due(LATER) == (timer("a", LATER),)


def test_a_timer_moved_forth_and_back_is_due_once() -> None:
    timers = Timers([timer("a", START), timer("a", LATER), timer("a", START)])
    assert timers.take_due(LATER) == (timer("a", START),)
    assert timers.next_due() is None


def test_a_cancelled_timer_is_gone_and_an_unknown_one_no_error() -> None:
    timers = Timers([timer("a")])
    timers.cancel("a")
    timers.cancel("b")
    assert timers.next_due() is None
    assert timers.take_due(LATER) == ()
