"""System 3, verification: a result counts only when somebody other than its author saw it hold."""

import pytest

from tests.unit.controller.cast import (
    BASE,
    BROKEN,
    CANNOT_TELL,
    INVENTORY,
    NOTHING_TO_DO,
    PYTEST,
    REJECTS,
    SILENCE,
    TESTER,
    Answer,
    commit_of,
    crew,
    deep,
    directive,
    does_it,
    failed,
    flat,
    organization,
    plan,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.controller import with_task
from vsm_controller.state.task import TaskStatus
from vsm_controller.system_3.verification import NO_ACCEPTANCE, NO_VERIFIER, judge
from vsm_core.actor import Step
from vsm_core.capability import Capability
from vsm_core.payloads.jobs import MergeMode, SurveyReport
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Needs, Outcome, Role

LINT = directive("Fix the lint errors")
BOTH = directive()
BRANCH = "refs/heads/vsm/d-1"


def played(answer: Answer, given: object = LINT, **changes: object) -> Play:
    play = Play(flat(), answer=answer, **changes)  # type: ignore[arg-type]
    play.give(given)  # type: ignore[arg-type]
    return play


def no_tests() -> SurveyReport:
    return SurveyReport(inventory=INVENTORY)


def unverified_merges(play: Play) -> list[str]:
    return [each.commit for each in play.requests("merge") if each.mode is MergeMode.UNVERIFIED]


def test_a_result_is_verified_by_another_leaf_on_its_own_commit_against_its_base() -> None:
    # when
    play = played(does_it)
    # then
    (author,), (verification,) = play.packets("linter"), play.packets("tester")
    assert verification.role is Role.TEST
    assert (verification.author_node, verification.base_commit) == ("linter", BASE)
    assert verification.subject_commit == does_it(author)["commit"]
    assert verification.required_capabilities == {Capability.RUN_TESTS}
    assert verification.acceptance == (PYTEST,)
    assert verification.title == f"Verify: {author.title}"


def test_what_held_is_recorded_with_its_evidence_and_integrated() -> None:
    # when
    play = played(does_it)
    # then
    (verified,), (integrated,) = play.of("TaskVerified"), play.of("TaskIntegrated")
    assert verified.verifier_node == "tester"
    assert verified.evidence[0].exit_code == 0
    assert integrated.verified
    assert play.refs[BRANCH] == integrated.tip == does_it(play.packets("linter")[0])["commit"]


def test_rejected_work_ends_the_directive_as_rejected_and_is_kept_marked() -> None:
    # when
    play = played(saying(test=REJECTS))
    # then
    assert play.outcome() == (Outcome.REJECTED, REJECTS["reason"])
    (rejected,) = play.of("TaskRejected")
    assert (rejected.verifier_node, rejected.evidence) == ("tester", (BROKEN,))
    assert not play.of("TaskIntegrated")
    assert unverified_merges(play) == [does_it(play.packets("linter")[0])["commit"]]
    (kept,) = play.of("WorkKept")
    assert play.refs[BRANCH] == kept.tip
    over(play)


def test_what_was_verified_before_a_rejection_stays_below_it() -> None:
    # given
    def answer(packet: TaskPacket) -> dict[str, object]:
        return REJECTS if packet.author_node == "moderniser" else does_it(packet)

    # when
    play = played(answer, BOTH)
    # then
    assert play.ends() == [Outcome.COMPLETED, Outcome.REJECTED]
    (integrated,) = play.of("TaskIntegrated")
    (keep,) = (each for each in play.requests("merge") if each.mode is MergeMode.UNVERIFIED)
    assert keep.onto == integrated.tip
    assert play.outcome()[0] is Outcome.REJECTED
    over(play)


def test_without_an_acceptance_the_work_needs_a_human_who_is_told_the_flag() -> None:
    # when
    play = played(does_it, survey=no_tests)
    # then
    assert play.outcome() == (Outcome.NEEDS_HUMAN, NO_ACCEPTANCE)
    assert "--acceptance" in NO_ACCEPTANCE
    assert play.packets("tester") == []
    assert unverified_merges(play) == [does_it(play.packets("linter")[0])["commit"]]
    assert BRANCH in play.refs
    over(play)


def test_without_an_acceptance_what_changes_nothing_is_still_no_change() -> None:
    # when
    play = played(saying(implement=NOTHING_TO_DO), survey=no_tests)
    # then
    assert play.outcome()[0] is Outcome.NO_CHANGE


def test_without_a_verifier_the_root_needs_a_human() -> None:
    # given
    play = Play(organization(linter=("lint",)))
    # when
    play.give(LINT)
    # then
    assert play.outcome() == (Outcome.NEEDS_HUMAN, NO_VERIFIER)
    assert len(unverified_merges(play)) == 1
    over(play)


def test_a_child_without_a_verifier_passes_its_work_up_and_the_parent_verifies_it() -> None:
    # given
    play = Play(organization(team={"linter": ("lint",), "moderniser": ("modernise",)}, tester=TESTER))
    # when
    play.give(BOTH)
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
    (up,) = (each.result for each in play.of("TaskFinished", "root") if each.result.produced_by == "team")
    assert not up.verified
    assert not any(each.evidence for each in play.of("TaskVerified", "team"))
    (verification,) = play.packets("tester")
    assert (verification.subject_commit, verification.author_node) == (up.commit, "team")
    over(play)


def test_a_child_with_a_verifier_says_that_it_verified_and_the_parent_verifies_again() -> None:
    # given
    play = Play(deep())
    # when
    play.give(LINT)
    # then
    (up,) = (
        each.result for each in play.of("TaskFinished", "root") if each.result.produced_by == "engineering"
    )
    assert up.verified
    assert len(play.packets("verifier")) == 1


def test_the_parents_verification_outranks_the_childs() -> None:
    # given
    def answer(packet: TaskPacket) -> dict[str, object]:
        return REJECTS if packet.author_node == "engineering" else does_it(packet)

    play = Play(deep(), answer=answer)
    # when
    play.give(LINT)
    # then
    assert play.outcome()[0] is Outcome.REJECTED
    assert len(unverified_merges(play)) == 1
    over(play)


def test_work_rejected_below_is_rejected_above_and_kept_marked() -> None:
    # given
    play = Play(deep(), answer=saying(test=REJECTS))
    # when
    play.give(LINT)
    # then
    assert play.ends("engineering") == play.ends("root") == [Outcome.REJECTED]
    assert play.outcome() == (Outcome.REJECTED, REJECTS["reason"])
    assert play.packets("verifier") == []
    assert len(unverified_merges(play)) == 2  # once at each level
    over(play)


def test_work_nobody_could_judge_below_is_unverified_above() -> None:
    # given
    play = Play(deep(), answer=saying(test=CANNOT_TELL))
    # when
    play.give(LINT)
    # then
    assert play.ends("engineering") == play.ends("root") == [Outcome.NEEDS_HUMAN]
    assert play.outcome() == (Outcome.NEEDS_HUMAN, CANNOT_TELL["reason"])
    over(play)


@pytest.mark.parametrize(
    "said", [CANNOT_TELL, failed(FailureClass.TOOL_MISSING), {"outcome": Outcome.TIMED_OUT, "reason": "slow"}]
)
def test_a_verifier_that_cannot_tell_leaves_the_work_unverified_and_never_passed(
    said: dict[str, object],
) -> None:
    # when
    play = played(saying(test=said))
    # then
    assert play.outcome() == (Outcome.NEEDS_HUMAN, said["reason"])
    (integrated,) = play.of("TaskIntegrated")
    assert not integrated.verified
    assert len(unverified_merges(play)) == 1
    over(play)


def test_a_verifier_that_crashes_is_asked_again() -> None:
    # when
    play = played(saying(test=failed(FailureClass.CRASH)))
    # then
    assert len(play.packets("tester")) == 3
    assert play.outcome() == (Outcome.NEEDS_HUMAN, "it broke")
    over(play)


def test_work_an_author_leaves_for_a_human_is_kept_unverified() -> None:
    # given
    unsure = {**CANNOT_TELL, "commit": commit_of("draft")}
    # when
    play = played(saying(lint=unsure))
    # then
    assert play.outcome() == (Outcome.NEEDS_HUMAN, CANNOT_TELL["reason"])
    assert unverified_merges(play) == [commit_of("draft")]
    assert play.packets("tester") == []
    over(play)


def test_a_diff_is_verified_even_where_no_tests_are_asked_for() -> None:
    # when
    play = played(does_it, directive("Fix the lint errors", needs=Needs(tests=False)))
    # then
    assert len(play.packets("tester")) == 1


def test_a_task_on_an_unverified_tip_is_compared_with_the_last_verified_commit() -> None:
    # given: the first result can't be judged, the second stands on it
    def answer(packet: TaskPacket) -> dict[str, object]:
        return CANNOT_TELL if packet.author_node == "linter" else does_it(packet)

    # when
    play = played(answer, BOTH)
    # then
    (modernise,) = play.packets("moderniser")
    first, second = play.packets("tester")
    assert modernise.base_commit == play.of("TaskIntegrated")[0].tip != BASE
    assert (first.base_commit, second.base_commit) == (BASE, BASE)


def test_a_task_on_a_verified_tip_is_compared_with_that_tip() -> None:
    # when
    play = played(does_it, BOTH)
    # then
    _, second = play.packets("tester")
    assert second.base_commit == play.of("TaskIntegrated")[0].tip


def test_two_results_are_verified_by_two_tasks() -> None:
    # given
    play = Play(crew(2))
    # when
    play.begin(*plan(task("t-1", "a.py"), task("t-2", "b.py")))
    # then
    judged = {fact.verifies for fact in play.of("TaskPlanned") if fact.verifies and not fact.combination}
    assert judged == {"t-1", "t-2"}


def test_there_is_no_verdict_while_there_is_no_verification() -> None:
    # given: by hand, since no fact leads here
    play = Play(crew(1), answer=saying(implement=SILENCE))
    play.begin(*plan(task("t")))
    state = play.states["root"]
    odd = with_task(state, state.tasks["t"].model_copy(update={"status": TaskStatus.VERIFYING}))
    # when, then
    assert judge(odd, play.context(play.sent[0])) == Step()


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------

WITHOUT_A_REASON = [
    {"outcome": Outcome.NEEDS_HUMAN},
    {"outcome": Outcome.NO_CHANGE},
    {"outcome": Outcome.TIMED_OUT},
    {"outcome": Outcome.FAILED, "failure_class": FailureClass.CRASH},
]


@pytest.mark.parametrize("said", WITHOUT_A_REASON, ids=lambda said: said["outcome"].value)
def test_a_verifier_that_cannot_tell_and_gives_no_reason_passes_nothing(said: dict[str, object]) -> None:
    assert played(saying(test=said)).outcome()[0] is Outcome.NEEDS_HUMAN


def test_an_author_that_needs_a_human_and_gives_no_reason_still_needs_one() -> None:
    # given
    unsure = {"outcome": Outcome.NEEDS_HUMAN, "commit": commit_of("draft")}
    # when, then
    assert played(saying(lint=unsure)).outcome()[0] is Outcome.NEEDS_HUMAN


def test_a_verification_without_evidence_proves_nothing() -> None:
    assert played(saying(test={"outcome": Outcome.COMPLETED})).outcome()[0] is Outcome.NEEDS_HUMAN
