"""System 1, results: what a child reports counts once, from the one who holds the task; failures are tried again."""

import pytest

from tests.unit.controller.cast import (
    BASE,
    REJECTS,
    SILENCE,
    Answer,
    commit_of,
    crew,
    directive,
    does_it,
    failed,
    flat,
    plan,
    progress_of,
    result_of,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.task import TaskStatus
from vsm_controller.system_1.results import RETRIES
from vsm_core.actor import Limits
from vsm_core.channel import Channel
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Budget, FailureClass, Outcome, Usage, WorkerFact

LINT = directive("Fix the lint errors")
NO_RETRY = sorted(set(FailureClass) - {each for each in RETRIES if each})


def silent(**limits: int) -> Play:
    play = Play(flat(), answer=saying(lint=SILENCE), limits=Limits(**limits))
    play.give(LINT)
    return play


def failing_at_first(times: int, failure: FailureClass) -> Answer:
    left = [times]

    def answer(packet: TaskPacket) -> dict[str, object]:
        left[0] -= 1
        return failed(failure) if left[0] >= 0 else does_it(packet)

    return answer


@pytest.mark.parametrize(("failure", "retries"), RETRIES.items())
def test_a_failure_that_may_pass_is_tried_again_as_often_as_its_class_allows(
    failure: FailureClass, retries: int
) -> None:
    # given
    play = Play(flat(), answer=saying(lint=failed(failure)))
    # when
    play.give(LINT)
    # then
    attempts = [packet.assignment.attempt for packet in play.packets("linter")]
    assert attempts == list(range(1, retries + 2))
    assert play.outcome() == (Outcome.FAILED, "it broke")
    assert len(play.of("TaskTraced")) == retries + 1
    over(play)


@pytest.mark.parametrize("failure", [*NO_RETRY, None])
def test_a_failure_that_will_not_pass_ends_the_task_at_once(failure: FailureClass | None) -> None:
    # given
    play = Play(flat(), answer=saying(lint=failed(failure)))
    # when
    play.give(LINT)
    # then
    assert len(play.packets("linter")) == 1
    (ended,) = play.of("TaskConcluded")
    assert (ended.outcome, ended.failure_class, ended.reason) == (Outcome.FAILED, failure, "it broke")


def test_a_second_attempt_that_goes_well_completes_the_task() -> None:
    # given
    play = Play(flat())
    good = play.answer
    flaky = failing_at_first(1, FailureClass.CRASH)
    play.answer = lambda packet: flaky(packet) if packet.task_class == "lint" else good(packet)
    # when
    play.give(LINT)
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")
    first, second = play.packets("linter")
    assert first.id == second.id
    assert first.assignment.fencing_token < second.assignment.fencing_token
    (lost,) = play.of("AttemptLost")
    assert (lost.counted, lost.attempt, lost.reason) == (True, 1, "it broke")
    over(play)


@pytest.mark.parametrize("bound", [1, 2])
def test_retries_stay_within_the_tasks_own_bound(bound: int) -> None:
    # given
    play = Play(
        flat(), answer=saying(lint=failed(FailureClass.CRASH)), limits=Limits(attempts_per_task=bound)
    )
    # when
    play.give(LINT)
    # then
    assert len(play.packets("linter")) == bound
    assert play.outcome()[0] is Outcome.FAILED


def test_a_budget_of_attempts_bounds_them_too() -> None:
    # given
    play = Play(flat(), answer=saying(lint=failed(FailureClass.CRASH)))
    # when
    play.give(directive("Fix the lint errors", budget=Budget(attempts=2)))
    # then
    assert len(play.packets("linter")) == 2
    assert play.outcome()[0] is Outcome.FAILED


@pytest.mark.parametrize("outcome", sorted(set(Outcome) - {Outcome.COMPLETED}))
def test_every_other_end_of_an_attempt_without_work_is_the_tasks_and_the_directives_end(
    outcome: Outcome,
) -> None:
    # given
    play = Play(flat(), answer=saying(lint={"outcome": outcome, "reason": "so it is"}))
    # when
    play.give(LINT)
    # then
    assert play.ends() == [outcome]
    assert play.outcome() == (outcome, "so it is")
    over(play)


def test_a_task_completed_without_a_commit_needs_no_verification_and_moves_nothing() -> None:
    # given
    play = Play(flat(), answer=saying(lint={"outcome": Outcome.COMPLETED, "summary": "all is well"}))
    # when
    play.give(LINT)
    # then
    assert play.outcome() == (Outcome.COMPLETED, "all is well")
    assert (play.packets("tester"), play.refs) == ([], {})
    over(play)


def test_without_a_reason_a_result_is_told_by_its_summary() -> None:
    # given
    play = Play(flat(), answer=saying(lint=failed(reason="", summary="1 file could not be parsed")))
    # when
    play.give(LINT)
    # then
    assert play.outcome() == (Outcome.FAILED, "1 file could not be parsed")


def test_every_result_is_acknowledged_even_a_late_one() -> None:
    # given
    play = silent()
    (packet,) = play.packets("linter")
    # when
    play.hear(result_of(packet, **failed()), packet)
    play.hear(result_of(packet, execution_id="other"), packet)
    # then
    acks = play.payloads("task_result_ack", "linter")
    assert [ack.execution_id for ack in acks] == [result_of(packet).execution_id, "other"]


def test_a_result_of_another_execution_is_late_and_its_usage_is_settled() -> None:
    # given
    play = silent()
    (packet,) = play.packets("linter")
    spent = Usage(input_tokens=7)
    # when
    play.hear(result_of(packet, execution_id="other", usage=spent), packet)
    # then
    (late,) = play.of("ResultLate")
    assert (late.execution_id, late.node, late.outcome, late.usage) == (
        "other",
        "linter",
        Outcome.COMPLETED,
        spent,
    )
    assert play.states["root"].tasks[packet.id].status is TaskStatus.ADMITTED


def test_a_result_under_an_old_fencing_token_has_no_effect() -> None:
    # given
    play = silent()
    (old,) = play.packets("linter")
    play.pass_time(play.limits.lease_seconds)
    _, new = play.packets("linter")
    # when
    play.hear(result_of(old, commit=commit_of("old")), old)
    # then
    (late,) = play.of("ResultLate")
    assert late.execution_id == result_of(old).execution_id
    assert play.states["root"].tasks[new.id].result is None
    assert not play.of("TaskFinished")


def test_a_result_under_an_old_token_has_no_effect_even_before_the_new_assignment_is_admitted() -> None:
    # given
    play = silent()
    (old,) = play.packets("linter")
    play.held.add("linter")
    play.pass_time(play.limits.lease_seconds)
    # when
    play.hear(result_of(old, commit=commit_of("old")), old)
    # then
    assert len(play.of("ResultLate")) == 1
    assert play.states["root"].tasks[old.id].status is TaskStatus.ASSIGNED


def test_a_late_result_never_ends_up_on_the_branch() -> None:
    # given
    play = silent()
    (old,) = play.packets("linter")
    play.answer = does_it
    play.pass_time(play.limits.lease_seconds)
    # when
    play.hear(result_of(old, commit=commit_of("old")), old)
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
    assert commit_of("old") not in {request.commit for request in play.requests("merge")}
    over(play)


def test_the_same_result_again_is_acknowledged_and_nothing_else() -> None:
    # given: the task goes on to its verification, which is not answered
    play = Play(flat(), answer=saying(test=SILENCE))
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    again = play.hear(result_of(packet, **does_it(packet)), packet)
    # then
    assert again.facts == ()
    assert [each.payload_type for each in again.sends] == ["task_result_ack"]


def test_a_result_of_a_directive_that_is_over_is_late() -> None:
    # given
    play = Play(flat())
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    play.hear(result_of(packet, execution_id="other"), packet)
    # then
    (late,) = play.of("ResultLate")
    assert (late.task_id, late.directive_id) == (packet.id, "d-1")


def test_a_result_that_names_a_finished_directive_as_its_task_is_nothing() -> None:
    # given
    play = Play(flat())
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    odd = play.hear(result_of(packet, task_id="d-1"), packet)
    # then
    assert odd.facts == ()


def test_a_result_may_overtake_the_first_sign_of_life() -> None:
    # given
    play = Play(flat())
    play.held.add("linter")
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    play.hear(result_of(packet, **does_it(packet)), packet)
    play.hear(progress_of(packet), packet)
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
    assert not play.timers
    over(play)


def test_what_a_worker_observed_is_recorded_with_its_execution() -> None:
    # given
    play = silent()
    (packet,) = play.packets("linter")
    seen = WorkerFact(kind="tool_missing", detail="ruff", occurred_at=play.now)
    # when
    play.hear(progress_of(packet, worker_facts=(seen,)), packet)
    play.hear(result_of(packet, worker_facts=(seen,), **failed()), packet)
    # then
    recorded = play.of("WorkerFactRecorded")
    assert [(each.worker_fact, each.node) for each in recorded] == [(seen, "linter")] * 2
    assert {each.execution_id for each in recorded} == {result_of(packet).execution_id}


def test_usage_of_the_newest_attempts_is_what_the_client_is_told() -> None:
    # given
    spent = Usage(input_tokens=3, output_tokens=2, tool_calls=1, worker_seconds=0.5)
    play = Play(flat(), answer=saying(lint=failed(usage=spent)))
    # when
    play.give(LINT)
    # then
    assert play.payloads("directive_report")[-1].usage == spent


def test_a_trace_says_who_did_what_under_whom() -> None:
    # given
    play = Play(flat(), answer=saying(test=REJECTS))
    # when
    play.give(LINT)
    # then
    author = next(each.trace for each in play.of("TaskTraced") if each.trace.node == "linter")
    assert (author.outcome, author.failure_class) == (Outcome.REJECTED, FailureClass.TESTS_FAILED)
    assert (author.ancestors, author.task_class) == (("root",), "lint")
    assert author.merged is False
    assert author.diff.lines_added == 1


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_a_result_that_overtook_its_admission_may_be_repeated_too() -> None:
    # given
    play = Play(flat(), answer=saying(test=SILENCE))
    play.held.add("linter")
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    for _ in range(2):
        play.hear(result_of(packet, **does_it(packet)), packet)
    # then
    assert play.of("ResultLate") == []


def test_a_result_is_settled_once_even_if_it_comes_again_after_the_retry() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    play.give(LINT)
    (packet,) = play.packets("linter")
    broken = result_of(packet, usage=Usage(input_tokens=7), **failed(FailureClass.CRASH))
    # when
    for _ in range(2):
        play.hear(broken, packet)
    # then
    settled = [*(each.result for each in play.of("TaskFinished")), *play.of("ResultLate")]
    assert sum(each.usage.input_tokens for each in settled) == 7


def test_a_result_in_another_nodes_name_has_no_effect() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    play.give(LINT)
    (packet,) = play.packets("linter")
    # when
    play.give(
        result_of(packet, produced_by="tester"), source="linter", channel=Channel.MANAGEMENT_TO_OPERATION
    )
    # then
    assert not play.of("TaskFinished")


def test_each_attempt_leaves_one_trace() -> None:
    # given
    play = Play(crew(1), conflicts=lambda _request: ("a.py",))
    # when
    play.begin(*plan(task("t", base_commit=BASE)))
    # then
    attempts = [packet.assignment.attempt for packet in play.packets("coder-0")]
    assert [each.trace.attempt for each in play.of("TaskTraced") if each.task_id == "t"] == attempts


def test_the_trace_of_rejected_work_says_that_its_tests_did_not_pass() -> None:
    # given
    play = Play(flat(), answer=saying(test=REJECTS))
    # when
    play.give(LINT)
    # then
    (author,) = (each.trace for each in play.of("TaskTraced") if each.trace.node == "linter")
    assert author.tests_passed is False
