"""System 2, dependencies: who starts because another is done, and who never will."""

import pytest

from tests.unit.controller.cast import (
    CANNOT_TELL,
    NOTHING_TO_DO,
    REJECTS,
    SILENCE,
    crew,
    failed,
    plan,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.task import TaskStatus
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Needs, Outcome

CHAIN = (task("t-1", "a.py"), task("t-2", "b.py", after=("t-1",)), task("t-3", "c.py", after=("t-2",)))


def played(answer: dict[str, object], *tasks: TaskPacket) -> Play:
    play = Play(crew(2), answer=lambda packet: answer if packet.id == "t-1" else saying()(packet))
    play.begin(*plan(*(tasks or CHAIN)))
    return play


def test_a_task_waits_until_what_it_depends_on_is_done() -> None:
    # when
    play = played(SILENCE)
    # then
    assert [packet.id for packet in play.packets()] == ["t-1"]
    assert play.states["root"].tasks["t-2"].status is TaskStatus.WAITING


@pytest.mark.parametrize("end", [NOTHING_TO_DO, {"outcome": Outcome.COMPLETED}])
def test_a_good_end_releases_those_that_wait(end: dict[str, object]) -> None:
    # when
    play = played(end)
    # then
    released = play.of("DependencyReleased")
    assert [(each.task_id, each.dependency) for each in released] == [("t-2", "t-1"), ("t-3", "t-2")]
    assert play.outcome()[0] is Outcome.COMPLETED
    over(play)


def test_a_task_waits_for_all_that_it_depends_on() -> None:
    # given
    both = (task("t-1", "a.py"), task("t-2", "b.py"), task("t-3", "c.py", after=("t-1", "t-2")))
    # when
    play = played(SILENCE, *both)
    # then
    assert [each.task_id for each in play.of("DependencyReleased")] == ["t-3"]
    assert not any(packet.id == "t-3" for packet in play.packets())


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REFUSED, Outcome.NEEDS_HUMAN, Outcome.LOST])
def test_a_bad_end_cancels_all_that_wait_for_it_at_any_distance(outcome: Outcome) -> None:
    # when
    play = played({"outcome": outcome, "reason": "no"})
    # then
    assert play.ends() == [outcome, Outcome.CANCELLED, Outcome.CANCELLED]
    first, second = (each for each in play.of("TaskConcluded") if each.outcome is Outcome.CANCELLED)
    assert first.reason == f"it depends on 't-1', which ended as {outcome}"
    assert second.reason == "it depends on 't-2', which ended as cancelled"
    assert play.outcome() == (outcome, "no")
    over(play)


def test_rejected_work_cancels_its_dependents() -> None:
    # given
    play = Play(crew(2), answer=saying(test=REJECTS))
    # when
    play.begin(*plan(*CHAIN))
    # then
    assert play.ends() == [Outcome.REJECTED, Outcome.CANCELLED, Outcome.CANCELLED]
    assert play.outcome()[0] is Outcome.REJECTED
    over(play)


def test_unverified_work_that_was_integrated_lets_its_dependents_go_on() -> None:
    # given
    play = Play(crew(2), answer=saying(test=CANNOT_TELL))
    # when
    play.begin(*plan(*CHAIN))
    # then
    assert play.ends() == [Outcome.NEEDS_HUMAN] * 3
    assert len(play.of("TaskIntegrated")) == 3
    over(play)


def test_work_that_asks_for_no_integration_releases_its_dependents() -> None:
    # given
    alone = [each.model_copy(update={"needs": Needs(integration=False)}) for each in CHAIN]
    play = Play(crew(2))
    # when
    play.begin(*plan(*alone))
    # then
    assert play.ends() == [Outcome.COMPLETED] * 3
    assert play.requests("merge") == []


def test_the_end_of_one_task_is_nothing_to_those_that_do_not_wait_for_it() -> None:
    # when
    play = played(failed(FailureClass.AUTH), task("t-1", "a.py"), task("t-2", "b.py"))
    # then
    assert play.ends() == [Outcome.FAILED, Outcome.COMPLETED]
