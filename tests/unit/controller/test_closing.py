"""System 3, closing: what a plan came to, what it leaves behind, and that nothing is left of it in the state."""

from itertools import pairwise

import pytest

from tests.unit.controller.cast import (
    BASE,
    CLIENT,
    REJECTS,
    Answer,
    commit_of,
    crew,
    deep,
    directive,
    does_it,
    failed,
    flat,
    plan,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.controller import initial_state, with_mandate
from vsm_controller.state.mandate import MandateState, Phase
from vsm_controller.system_3.closing import PRECEDENCE, close, verdict
from vsm_core.actor import Step
from vsm_core.channel import Channel
from vsm_core.payloads.jobs import MergeMode, MoveReport
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import DiffSize, FailureClass, Outcome

LINT = directive("Fix the lint errors")
BRANCH = "refs/heads/vsm/d-1"
SOMEBODY_ELSES = commit_of("somebody else's")


def by_id(**lines: dict[str, object]) -> Answer:
    return lambda packet: lines.get(packet.id.replace("-", "_"), does_it(packet))


def test_every_end_of_a_task_has_its_rank() -> None:
    assert set(PRECEDENCE) == set(Outcome)
    assert len(PRECEDENCE) == len(set(PRECEDENCE))


@pytest.mark.parametrize(("worse", "better"), list(pairwise(PRECEDENCE)))
def test_the_worst_end_of_a_task_is_the_plans_end(worse: Outcome, better: Outcome) -> None:
    # given
    ends = [{"outcome": each, "summary": each.value} for each in (better, worse)]
    play = Play(crew(2), answer=by_id(t_1=ends[0], t_2=ends[1]))
    # when
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "b.py")))
    # then
    assert play.outcome() == (worse, worse.value)
    over(play)


def test_equal_reasons_are_told_once() -> None:
    # given
    play = Play(crew(2), answer=saying(implement=failed(FailureClass.AUTH, "log in first")))
    # when
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "b.py")))
    # then
    assert play.outcome() == (Outcome.FAILED, "log in first")


def test_the_end_of_a_verification_is_not_the_end_of_a_plan() -> None:
    # given: the verification crashes once, then holds
    verdicts = iter([failed(FailureClass.CRASH), None])

    def answer(packet: TaskPacket) -> dict[str, object]:
        return (packet.author_node and next(verdicts)) or does_it(packet)

    play = Play(flat(), answer=answer)
    # when
    play.give(LINT)
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")


def test_rejected_work_that_does_not_merge_is_left_out_and_said_so() -> None:
    # given
    play = Play(flat(), answer=saying(test=REJECTS), conflicts=lambda _request: ("a.py",))
    # when
    play.give(LINT)
    # then
    (kept,) = play.of("WorkKept")
    assert kept.tip is None
    assert play.refs == {}
    assert play.outcome()[0] is Outcome.REJECTED
    over(play)


def test_all_rejected_work_is_kept_one_upon_the_other() -> None:
    # given
    play = Play(crew(2), answer=saying(test=REJECTS))
    # when
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "b.py")))
    # then
    first, second = play.of("WorkKept")
    keeps = play.requests("merge")
    assert [each.mode for each in keeps] == [MergeMode.UNVERIFIED] * 2
    assert [each.onto for each in keeps] == [BASE, first.tip]
    assert play.refs[BRANCH] == second.tip
    over(play)


def test_work_that_policy_denies_is_not_kept() -> None:
    # given
    denied = {
        "outcome": Outcome.REJECTED,
        "failure_class": FailureClass.POLICY_DENIED,
        "commit": commit_of("x"),
    }
    play = Play(flat(), answer=saying(lint=denied))
    # when
    play.give(LINT)
    # then
    assert play.outcome()[0] is Outcome.REJECTED
    assert play.requests("merge") == []
    over(play)


def test_rejected_work_is_not_put_on_a_branch_that_is_somebody_elses() -> None:
    # given
    play = Play(flat(), answer=saying(test=REJECTS))
    play.refs[BRANCH] = SOMEBODY_ELSES
    # when
    play.give(LINT)
    # then
    assert play.outcome()[0] is Outcome.FAILED
    assert "which is not ours" in play.outcome()[1]
    assert play.refs[BRANCH] == SOMEBODY_ELSES
    over(play)


def test_a_child_whose_ref_cannot_be_written_has_failed() -> None:
    # given
    play = Play(deep())
    play.held.add("move_ref")
    play.give(LINT)
    (job,) = play.open_jobs
    play.held.clear()
    # when
    play.finish(job, MoveReport(moved=False, found=SOMEBODY_ELSES))
    # then
    assert play.outcome()[0] is Outcome.FAILED
    over(play)


def test_a_childs_result_sums_its_tasks_up() -> None:
    # given
    sized = {"diff": DiffSize(files_changed=1, lines_added=2, lines_deleted=1)}

    def answer(packet: TaskPacket) -> dict[str, object]:
        more = {**sized, "files_touched": (f"{packet.task_class}.py",)}
        return does_it(packet) if packet.author_node else {**does_it(packet), **more}

    play = Play(deep(), answer=answer)
    # when
    play.give(directive())
    # then
    (result,) = (
        each.result for each in play.of("TaskFinished", "root") if each.result.produced_by == "engineering"
    )
    assert result.files_touched == ("lint.py", "modernise.py")
    assert result.diff == DiffSize(files_changed=2, lines_added=4, lines_deleted=2)
    assert (result.summary, result.outcome, result.verified) == ("2 tasks", Outcome.COMPLETED, True)
    assert len(result.evidence) == 2
    assert result.commit == play.of("TaskIntegrated", "engineering")[-1].tip


def test_a_childs_failure_keeps_its_class() -> None:
    # given
    play = Play(deep(), answer=saying(implement=failed(FailureClass.TOOL_MISSING, "ruff is missing")))
    # when
    play.give(LINT)
    # then
    (ended,) = play.of("TaskConcluded", "root")
    assert (ended.outcome, ended.failure_class) == (Outcome.FAILED, FailureClass.TOOL_MISSING)
    assert play.outcome() == (Outcome.FAILED, "ruff is missing")
    over(play)


def test_a_child_that_failed_in_a_way_that_may_pass_is_asked_again_and_plans_anew() -> None:
    # given: the linter crashes as often as the child lets it, then works
    crashes = iter([*[failed(FailureClass.CRASH)] * 3, None, None])

    def answer(packet: TaskPacket) -> dict[str, object]:
        return (packet.task_class and next(crashes)) or does_it(packet)

    play = Play(deep(), answer=answer)
    # when
    play.give(LINT)
    # then
    assert [packet.assignment.attempt for packet in play.packets("engineering")] == [1, 2]
    assert play.outcome()[0] is Outcome.COMPLETED
    over(play)


def test_nothing_is_left_of_a_directive_but_its_outcome() -> None:
    # given
    play = Play(deep())
    # when
    for number in range(3):
        play.give(directive(id=f"d-{number}"))
    # then
    over(play)
    assert list(play.states["root"].finished) == ["d-0", "d-1", "d-2"]
    assert play.timers == {}
    assert play.open_jobs == []


def test_a_mandate_without_a_plan_needs_a_human() -> None:
    # given
    play = Play(flat())
    # when
    play.begin(*plan())
    # then
    assert play.outcome() == (Outcome.NEEDS_HUMAN, "nothing could be planned")


@pytest.mark.parametrize("packet", [None, task("t")])
def test_a_mandate_of_nobody_is_reported_to_nobody(packet: TaskPacket | None) -> None:
    # given: a mandate below the root that no assignment stands behind
    play = Play(deep())
    state = initial_state(play.actors["engineering"]._seat)
    mandate = MandateState(id="m", directive_id="d-1", packet=packet, phase=Phase.WORKING)
    context = play.context(play.envelope(LINT, "root", CLIENT, Channel.OPERATION_TO_ENVIRONMENT))
    # when
    step = close(with_mandate(state, mandate), context)
    # then
    assert [fact.kind for fact in step.facts] == ["ClosingStarted"]
    assert step == Step(facts=step.facts)
    assert verdict(state, mandate)[0] is Outcome.NEEDS_HUMAN


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_verified_work_of_a_child_that_failed_later_is_not_lost() -> None:
    # given: flat, the same ends leave the linter's work on the branch
    play = Play(deep(), answer=saying(modernise=failed(FailureClass.TOOL_MISSING)))
    # when
    play.give(directive())
    # then
    assert play.outcome()[0] is Outcome.FAILED
    assert play.of("TaskIntegrated", "engineering")
    assert BRANCH in play.refs
