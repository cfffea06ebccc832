"""A host's timers: counted on the steady clock, so that no step of a wall clock makes one early or late."""

from datetime import timedelta

from tests.unit.system.letters import START
from vsm_core.actor import Limits, Timer
from vsm_core.payloads.control import TimerPurpose
from vsm_system.timers import Timers, recovered


def timer(name: str, purpose: TimerPurpose = TimerPurpose.AUDIT, *, in_seconds: float = 0.0) -> Timer:
    due = START + timedelta(seconds=in_seconds)
    return Timer(id=name, node="root", due_at=due, purpose=purpose, subject="x")


def pending(*due: tuple[str, float]) -> Timers:
    timers = Timers()
    for name, at in due:
        timers.set(timer(name), at)
    return timers


def test_those_due_come_earliest_first_and_once() -> None:
    timers = pending(("b", 2.0), ("a", 1.0), ("c", 9.0))
    assert [each.id for each in timers.take_due(2.0)] == ["a", "b"]
    assert timers.take_due(2.0) == ()
    assert timers.next_due() == 9.0


def test_those_of_one_moment_come_in_the_order_of_their_ids() -> None:
    assert [each.id for each in pending(("c", 1.0), ("a", 1.0), ("b", 1.0)).take_due(1.0)] == ["a", "b", "c"]


def test_a_timer_set_again_is_moved() -> None:
    timers = pending(("a", 1.0), ("a", 9.0))
    assert timers.next_due() == 9.0
    assert timers.take_due(2.0) == ()
    assert [each.id for each in timers.take_due(9.0)] == ["a"]


def test_a_timer_moved_to_and_fro_fires_once() -> None:
    timers = pending(("a", 1.0), ("a", 9.0), ("a", 1.0))
    assert [each.id for each in timers.take_due(9.0)] == ["a"]
    assert timers.next_due() is None


def test_a_cancelled_timer_is_gone() -> None:
    timers = pending(("a", 1.0))
    timers.cancel("a")
    timers.cancel("nobody")
    assert timers.next_due() is None


def test_what_is_left_after_a_restart_counts_from_now() -> None:
    timers = recovered([timer("a", in_seconds=7.0), timer("late", in_seconds=-7.0)], START, 100.0, Limits())
    assert [each.id for each in timers.take_due(100.0)] == ["late"]
    assert timers.next_due() == 107.0


def test_a_clock_that_was_put_back_does_not_stretch_a_lease() -> None:
    limits = Limits(lease_seconds=60)
    old = timer("lease", TimerPurpose.TASK_LEASE, in_seconds=3_600.0)
    assert recovered([old], START, 100.0, limits).next_due() == 160.0
