"""System 2, path leases: two operations never write the same tree at once, and no task waits for ever."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.controller.cast import (
    BASE,
    NOTHING_TO_DO,
    SILENCE,
    crew,
    directive,
    flat,
    plan,
    result_of,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Outcome, RepositoryRef, Role

TREES = (".", "src", "src/a", "src/a/b.py", "src/ab", "docs", "docs/i.md", "setup.py")


def holders(play: Play) -> list[str]:
    return [fact.task_id for fact in play.of("TaskAssigned")]


def silent(count: int = 4) -> Play:
    return Play(crew(count), answer=lambda _packet: SILENCE)


@pytest.mark.parametrize(
    ("one", "other"), [("src", "src/a.py"), ("src/a.py", "src"), (".", "x.py"), ("a.py", "a.py")]
)
def test_overlapping_edits_wait_for_one_another_and_the_reason_is_recorded(one: str, other: str) -> None:
    # given
    play = silent()
    # when
    play.begin(*plan(task("t-1", one), task("t-2", other)))
    # then
    assert holders(play) == ["t-1"]
    (deferred,) = play.of("TaskDeferred")
    assert (deferred.task_id, deferred.check) == ("t-2", "path_lease")
    assert deferred.reason == f"{other} is leased to t-1"


def test_a_reason_that_stays_is_recorded_once() -> None:
    # given
    play = silent()
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "a.py")))
    # when
    for _ in range(3):
        play.begin()
    # then
    assert len(play.of("TaskDeferred")) == 1


def test_edits_of_different_files_go_out_at_once() -> None:
    # given
    play = silent()
    # when
    play.begin(*plan(task("t-1", "src/a.py"), task("t-2", "src/ab.py", "docs"), task("t-3", "src/a")))
    # then
    assert holders(play) == ["t-1", "t-2", "t-3"]


def test_what_only_reads_needs_no_lease() -> None:
    # given
    play = silent()
    readers = (task(f"t-{role}", role=role) for role in (Role.REPORT, Role.RESEARCH, Role.REVIEW))
    # when
    play.begin(*plan(task("t-1"), *readers))
    # then
    assert len(holders(play)) == 4


def test_work_without_a_repository_needs_no_lease() -> None:
    # given
    play = silent()
    # when
    play.begin(*plan(*(task(name, repository=None) for name in ("t-1", "t-2"))))
    # then
    assert len(holders(play)) == 2


def test_two_directives_share_the_leases_of_a_repository_and_not_of_another() -> None:
    # given
    elsewhere = RepositoryRef(identity="other", location="other", base_commit=BASE)
    play = Play(flat(), answer=saying(lint=SILENCE))
    # when
    for number, changes in enumerate(({}, {}, {"repository": elsewhere})):
        play.give(directive("Fix the lint errors", id=f"d-{number}", **changes))
    # then
    assert [fact.directive_id for fact in play.of("TaskAssigned")] == ["d-0", "d-2"]


def test_a_lease_is_held_until_the_work_is_integrated() -> None:
    # given
    play = Play(crew(2))
    play.held.add("merge")
    # when
    play.begin(*plan(task("t-1"), task("t-2")))
    # then
    assert [each for each in holders(play) if each.startswith("t-")] == ["t-1"]
    play.held.clear()
    play.run()
    assert {"t-1", "t-2"} <= set(holders(play))
    assert play.outcome()[0] is Outcome.COMPLETED


def test_a_lost_task_gives_its_paths_to_whoever_waits() -> None:
    # given
    play = silent(1)
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "a.py")))
    # when
    play.pass_time(play.limits.lease_seconds)
    # then
    assert len(holders(play)) == 2


@dataclass(frozen=True)
class Ends:
    """In which order leaves end, and how."""

    order: list[int]
    how: list[str]


HOW = {
    "done": lambda packet: {},
    "nothing": lambda packet: NOTHING_TO_DO,
    "crash": lambda packet: {"outcome": Outcome.FAILED, "failure_class": FailureClass.CRASH},
    "fail": lambda packet: {"outcome": Outcome.FAILED, "failure_class": FailureClass.MODEL_ERROR},
}
SCOPES = st.lists(
    st.lists(st.sampled_from(TREES), min_size=1, max_size=3, unique=True), min_size=1, max_size=7
)
ENDS = st.builds(
    Ends,
    order=st.lists(st.integers(0, 50), min_size=1, max_size=20),
    how=st.lists(st.sampled_from(sorted(HOW)), min_size=1, max_size=12),
)


def waiting(play: Play) -> list[TaskPacket]:
    """Return the newest packets of the tasks a leaf holds."""
    newest = {packet.id: packet for packet in play.packets()}
    tasks = play.states["root"].tasks
    return [packet for task_id, packet in newest.items() if task_id in tasks and tasks[task_id].leased_paths]


@given(scopes=SCOPES, ends=ENDS)
def test_whatever_leaves_edit_and_in_whatever_order_they_end(scopes: list[list[str]], ends: Ends) -> None:
    # given
    play = silent(3)
    tasks = [task(f"t-{number}", *scope) for number, scope in enumerate(scopes)]
    play.begin(*plan(*tasks))
    # when: one leaf after another ends somehow
    for step in range(10 * len(tasks)):
        held = waiting(play)
        if not held:
            break
        packet = held[ends.order[step % len(ends.order)] % len(held)]
        said = HOW[ends.how[step % len(ends.how)]](packet)
        play.hear(result_of(packet, **said), packet)
    # then: leases never overlapped, every task has ended once, and so has the directive
    over(play)
    assert len(play.of("TaskConcluded")) == len(tasks)
    assert len(play.of("DirectiveFinished")) == 1
