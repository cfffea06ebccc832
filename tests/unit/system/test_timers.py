"""A host's timers: counted on the steady clock, so that no step of a wall clock makes one early or late."""

from datetime import timedelta

from tests.unit.system.letters import START
from vsm_core.actor import Limits, Timer
from vsm_core.payloads.control import TimerPurpose
from vsm_system.timers import Timers, recovered

LEASE_SECONDS = 60


def timer(name: str, purpose: TimerPurpose = TimerPurpose.AUDIT, *, in_seconds: float = 0.0) -> Timer:
    due = START + timedelta(seconds=in_seconds)
    return Timer(id=name, node="root", due_at=due, purpose=purpose, subject="x")


def pending(*due: tuple[str, float]) -> Timers:
    timers = Timers(LEASE_SECONDS)
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


def lease(*, in_seconds: float = 0.0) -> Timer:
    return timer("lease", TimerPurpose.TASK_LEASE, in_seconds=in_seconds)


def test_a_lease_that_ran_out_while_the_host_was_down_is_armed_once_more() -> None:
    timers = recovered([lease(in_seconds=-7.0)], START, 100.0, Limits(lease_seconds=LEASE_SECONDS))
    assert timers.take_due(100.0) == ()
    assert timers.next_due() == 160.0
    assert [each.id for each in timers.take_due(300.0)] == ["lease"]


def test_a_lease_more_than_its_length_behind_is_armed_once_more() -> None:
    timers = Timers(LEASE_SECONDS)
    timers.set(lease(), 10.0)
    assert timers.take_due(10.0 + LEASE_SECONDS + 1) == ()
    assert [each.id for each in timers.take_due(1_000.0)] == ["lease"]
    assert timers.next_due() is None


def test_a_lease_a_little_behind_has_run_out() -> None:
    timers = Timers(LEASE_SECONDS)
    timers.set(lease(), 10.0)
    assert [each.id for each in timers.take_due(10.0 + LEASE_SECONDS)] == ["lease"]


def test_a_lease_that_was_renewed_may_be_armed_again_another_time() -> None:
    timers = Timers(LEASE_SECONDS)
    for due in (10.0, 1_000.0):
        timers.set(lease(), due)
        assert timers.take_due(due + LEASE_SECONDS + 1) == ()


def test_another_timer_that_is_far_behind_fires() -> None:
    timers = Timers(LEASE_SECONDS)
    timers.set(timer("audit"), 10.0)
    assert [each.id for each in timers.take_due(1_000.0)] == ["audit"]
