"""System 3, integration: one merge at a time, a combination only after somebody saw it hold, the branch by swap."""

import pytest

from tests.unit.controller.cast import (
    BASE,
    CANNOT_TELL,
    CLIENT,
    REJECTS,
    Answer,
    crew,
    directive,
    does_it,
    flat,
    organization,
    plan,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.mandate import MandateState
from vsm_controller.state.task import TaskState, TaskStatus
from vsm_controller.system_3.integration import job_for, merge_request
from vsm_core import facts as f
from vsm_core.actor import Limits
from vsm_core.channel import Channel
from vsm_core.payloads.jobs import MergeCommits, MergeMode, MergeReport, MoveReport
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Needs, Outcome, Role

LINT = directive("Fix the lint errors")
BRANCH = "refs/heads/vsm/d-1"
PAIR = (task("t-1", "a.py"), task("t-2", "b.py"))


def pair(answer: Answer = does_it, **changes: object) -> Play:
    """Two results that were made side by side from the same base."""
    play = Play(crew(2), answer=answer, **changes)  # type: ignore[arg-type]
    play.begin(*plan(*PAIR))
    return play


def combinations(play: Play) -> list[TaskPacket]:
    wanted = {fact.task_id for fact in play.of("TaskPlanned") if fact.combination}
    return [packet for packet in play.packets("tester") if packet.id in wanted]


def of_combinations(said: dict[str, object]) -> Answer:
    """Answer about merge commits by script: they are those that no leaf has made."""
    made: set[object] = set()

    def answer(packet: TaskPacket) -> dict[str, object]:
        line = does_it(packet)
        made.add(line.get("commit"))
        return said if packet.subject_commit and packet.subject_commit not in made else line

    return answer


def test_the_first_result_is_fast_forwarded_and_not_verified_twice() -> None:
    # given
    play = Play(flat())
    # when
    play.give(LINT)
    # then
    (prepared,) = play.of("MergePrepared")
    assert prepared.fast_forward
    assert len(play.packets("tester")) == 1


def test_a_merge_names_its_directive_task_and_node() -> None:
    # given
    play = Play(flat())
    # when
    play.give(LINT)
    # then
    (request,), (packet,) = play.requests("merge"), play.packets("linter")
    assert (request.onto, request.mode, request.moment) == (BASE, MergeMode.FAST_FORWARD, play.now)
    assert request.subject == f"Integrate: {packet.title}"
    assert dict(request.trailers) == {"VSM-Directive": "d-1", "VSM-Task": packet.id, "VSM-Node": "linter"}


def test_a_combination_is_verified_before_the_branch_takes_it() -> None:
    # when
    play = pair()
    # then
    (combination,) = combinations(play)
    first, second = play.of("TaskIntegrated")
    assert combination.subject_commit == second.tip
    assert combination.base_commit == first.tip
    assert play.refs[BRANCH] == second.tip
    kinds = [fact.kind for _, fact in play.facts]
    verdict = max(index for index, kind in enumerate(kinds) if kind == "TaskVerified")
    assert kinds.index("BranchMoved", verdict) > verdict
    assert play.outcome()[0] is Outcome.COMPLETED
    over(play)


def test_a_combination_that_breaks_is_rejected_and_the_branch_stays_until_the_work_is_kept_marked() -> None:
    # when
    play = pair(of_combinations(REJECTS))
    # then
    assert sorted(play.ends()) == [Outcome.COMPLETED, Outcome.REJECTED]
    (integrated,) = play.of("TaskIntegrated")
    moved, kept = play.of("BranchMoved")
    assert moved.commit == integrated.tip
    assert (kept.previous, kept.commit) == (integrated.tip, play.of("WorkKept")[0].tip)
    assert play.requests("merge")[-1].mode is MergeMode.UNVERIFIED
    assert play.outcome()[0] is Outcome.REJECTED
    over(play)


def test_a_combination_nobody_can_judge_needs_a_human() -> None:
    # when
    play = pair(of_combinations(CANNOT_TELL))
    # then
    assert sorted(play.ends()) == [Outcome.COMPLETED, Outcome.NEEDS_HUMAN]
    assert [each.verified for each in play.of("TaskIntegrated")] == [True, False]
    assert play.outcome() == (Outcome.NEEDS_HUMAN, CANNOT_TELL["reason"])
    over(play)


def test_the_merge_queue_is_serial() -> None:
    # given
    play = Play(crew(3))
    play.held.add("merge")
    # when
    play.begin(*plan(*PAIR, task("t-3", "c.py")))
    # then
    assert len(play.open_jobs) == 1
    statuses = [each.status for each in play.states["root"].tasks.values() if each.verifies is None]
    assert sorted(statuses) == [TaskStatus.MERGING, TaskStatus.QUEUED, TaskStatus.QUEUED]


def test_each_directive_has_a_queue_of_its_own() -> None:
    # given
    play = Play(flat())
    play.held.add("merge")
    # when
    play.give(directive("Fix the lint errors in a.py"))
    play.give(directive("Fix the lint errors in src/b.py", id="d-2"))
    # then
    assert len(play.open_jobs) == 2


def test_a_conflict_sends_the_same_task_to_work_again_on_the_tip() -> None:
    # given: the second of two merges conflicts
    merges = iter([(), ("a.py", "b.py"), ()])
    # when
    play = pair(conflicts=lambda _request: next(merges))
    # then
    (conflicted,) = play.of("MergeConflicted")
    assert conflicted.paths == ("a.py", "b.py")
    again = [packet for packet in play.packets() if packet.id == conflicted.task_id]
    assert [packet.assignment.attempt for packet in again] == [1, 2]
    assert [packet.base_commit for packet in again] == [BASE, play.of("TaskIntegrated")[0].tip]
    (lost,) = play.of("AttemptLost")
    assert lost.reason == "conflicts with work already integrated: a.py, b.py"
    assert play.outcome()[0] is Outcome.COMPLETED
    over(play)


@pytest.mark.parametrize(
    ("limits", "tries"),
    [(Limits(), 3), (Limits(merge_attempts=1), 1), (Limits(attempts_per_task=2, merge_attempts=9), 2)],
)
def test_conflicts_are_bounded(limits: Limits, tries: int) -> None:
    # given
    play = Play(flat(), limits=limits, conflicts=lambda _request: ("a.py",))
    # when
    play.give(LINT)
    # then
    assert len(play.packets("linter")) == tries
    (ended,) = (each for each in play.of("TaskConcluded") if each.outcome is not Outcome.COMPLETED)
    assert (ended.outcome, ended.failure_class) == (Outcome.FAILED, FailureClass.CONFLICT)
    assert play.outcome()[0] is Outcome.FAILED
    assert play.refs == {}
    over(play)


def test_a_conflict_lets_the_next_in_the_queue_go_on() -> None:
    # given: whatever the first task left conflicts, always
    def conflicts(request: MergeCommits) -> tuple[str, ...]:
        return ("a.py",) if dict(request.trailers)["VSM-Task"] == "t-1" else ()

    # when
    play = pair(conflicts=conflicts)
    # then
    assert play.ends() == [Outcome.FAILED, Outcome.COMPLETED]
    over(play)


def test_a_merge_that_could_not_be_made_fails_the_task_with_the_reason() -> None:
    # given
    play = Play(flat())
    play.held.add("merge")
    play.give(LINT)
    # when
    play.finish(play.open_jobs[0], None, "git is too old")
    # then
    assert play.outcome() == (Outcome.FAILED, "the merge could not be made: git is too old")
    over(play)


@pytest.mark.parametrize("kind", ["merge", "move_ref"])
def test_a_job_that_ends_again_has_no_second_effect(kind: str) -> None:
    # given
    play = Play(flat())
    play.give(LINT)
    (job,) = (each for each in play.jobs if each.request.kind == kind)
    # when
    again = play.finish(job, MergeReport(tip=BASE) if kind == "merge" else MoveReport(moved=True))
    # then
    assert again.facts == ()


def test_a_child_verifies_combinations_for_itself() -> None:
    # given
    play = Play(organization(team={"one": (), "two": (), "checker": crew(0).nodes["tester"]}))
    play.held.update({"one", "two"})
    play.give(directive("Keep it", repository=LINT.repository))
    (sent,) = play.packets("team")
    side = [each.model_copy(update={"parent_task_id": sent.id}) for each in PAIR]
    play.held.clear()
    # when: two more tasks stand side by side in the child's plan
    play.record(
        "team",
        *(
            f.TaskPlanned(task_id=each.id, directive_id="d-1", mandate_id=sent.id, packet=each)
            for each in side
        ),
    )
    play.restart("p1")
    # then
    assert [fact for fact in play.of("TaskPlanned", "team") if fact.combination]
    assert play.ends("team") == [Outcome.COMPLETED] * 3


def test_work_that_asks_for_no_integration_stays_where_it_is() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive("Fix the lint errors", needs=Needs(integration=False)))
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
    assert (play.requests("merge"), play.refs) == ([], {})
    assert play.payloads("directive_report")[-1].tasks[0].commit
    over(play)


def test_a_commit_without_a_repository_can_only_be_shown_to_a_human() -> None:
    # given
    play = Play(crew(1))
    # when
    play.begin(*plan(task("t", repository=None, base_commit=None), repository=None))
    # then
    assert play.outcome()[0] is Outcome.NEEDS_HUMAN
    assert play.jobs == []
    over(play)


def test_what_is_prepared_without_a_repository_is_not_published() -> None:
    # given
    play = Play(crew(1), answer=saying(implement={}))
    play.begin(*plan(task("t", repository=None)))
    # when
    play.record("root", f.MergePrepared(task_id="t", directive_id="d-1", commit=BASE, fast_forward=True))
    play.begin()
    # then
    assert play.jobs == []


def test_there_is_no_merge_without_a_repository() -> None:
    # given
    mandate = MandateState(id="d-1", directive_id="d-1", base=BASE)
    play = Play(crew(1))
    context = play.context(play.envelope(LINT, "root", CLIENT, Channel.OPERATION_TO_ENVIRONMENT))
    alone = TaskState(packet=task("t", repository=None), mandate_id="d-1", ordinal=0)
    # when, then
    with pytest.raises(ValueError, match="no repository to merge in"):
        merge_request(mandate, alone, BASE, context)


def test_a_job_for_something_unknown_belongs_to_its_own_story() -> None:
    # given
    play = Play(flat())
    play.give(LINT)
    request = play.requests("merge")[0]
    context = play.context(play.sent[0])
    # when
    job = job_for(play.states["root"], "nobody", "cause", request, context)
    # then
    assert job.correlation_id == "nobody"


def test_an_author_without_a_node_leaves_no_node_trailer() -> None:
    # given
    play = Play(flat())
    mandate = MandateState(id="d-1", directive_id="d-1", base=BASE)
    nameless = TaskState(packet=task("t"), mandate_id="d-1", ordinal=0)
    context = play.context(play.envelope(LINT, "root", CLIENT, Channel.OPERATION_TO_ENVIRONMENT))
    # when, then
    assert [name for name, _ in merge_request(mandate, nameless, BASE, context).trailers] == [
        "VSM-Directive",
        "VSM-Task",
    ]


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_a_combination_nobody_can_judge_is_marked_as_unverified() -> None:
    # when
    play = pair(of_combinations(CANNOT_TELL))
    # then
    assert play.requests("merge")[-1].mode is MergeMode.UNVERIFIED
    assert play.refs[BRANCH] == play.of("TaskIntegrated")[-1].tip


def test_a_second_attempt_is_judged_anew() -> None:
    # given: the first verification can't tell, its merge conflicts; the second holds and merges
    verdicts, merges = iter([CANNOT_TELL, None]), iter([("a.py",), ()])

    def answer(packet: TaskPacket) -> dict[str, object]:
        return (packet.role is Role.TEST and next(verdicts)) or does_it(packet)

    play = Play(flat(), answer=answer, conflicts=lambda _request: next(merges))
    # when
    play.give(LINT)
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
