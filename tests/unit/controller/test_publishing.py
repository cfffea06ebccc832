"""System 3, the branch: moved by compare-and-swap by the root alone, and never when it is somebody else's."""

from tests.unit.controller.cast import commit_of, deep, directive, does_it, flat, saying
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_core.payloads.jobs import MoveReport
from vsm_core.task import Outcome

LINT = directive("Fix the lint errors")
BRANCH = "refs/heads/vsm/d-1"
SOMEBODY_ELSES = commit_of("somebody else's")


def test_the_root_moves_its_branch_by_compare_and_swap_after_every_integration() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive())
    # then
    first, second = play.of("BranchMoved")
    moves = play.requests("move_ref")
    assert [(move.ref, move.commit, move.expected) for move in moves] == [
        (BRANCH, first.commit, None),
        (BRANCH, second.commit, first.commit),
    ]
    assert second.previous == first.commit


def test_a_branch_that_is_somebody_elses_is_left_alone_and_the_mend_is_named() -> None:
    # given
    play = Play(flat())
    play.refs[BRANCH] = SOMEBODY_ELSES
    # when
    play.give(LINT)
    # then
    outcome, reason = play.outcome()
    assert outcome is Outcome.FAILED
    assert f"branch vsm/d-1 points at {SOMEBODY_ELSES[:12]}, which is not ours" in reason
    assert "--again" in reason
    assert play.refs[BRANCH] == SOMEBODY_ELSES
    over(play)


def test_a_branch_that_somebody_moves_meanwhile_is_left_alone() -> None:
    # given
    play = Play(flat(), answer=saying(modernise={}))
    play.give(directive())
    play.answer = does_it
    play.refs[BRANCH] = SOMEBODY_ELSES
    # when
    play.pass_time(play.limits.lease_seconds)
    # then
    assert play.ends() == [Outcome.COMPLETED, Outcome.FAILED]
    assert play.refs[BRANCH] == SOMEBODY_ELSES
    over(play)


def test_a_branch_that_could_not_be_moved_says_why() -> None:
    # given
    play = Play(flat())
    play.held.add("move_ref")
    play.give(LINT)
    # when
    play.finish(play.open_jobs[0], None, "the disk is full")
    # then
    assert play.outcome() == (Outcome.FAILED, "branch vsm/d-1 could not be moved: the disk is full")
    over(play)


def test_a_branch_that_is_gone_says_so() -> None:
    # given
    play = Play(flat())
    play.held.add("move_ref")
    play.give(LINT)
    # when
    play.finish(play.open_jobs[0], MoveReport(moved=False))
    # then
    assert play.outcome() == (Outcome.FAILED, "branch vsm/d-1 could not be moved: it is gone")


def test_a_child_moves_no_branch_and_writes_its_attempt_ref() -> None:
    # given
    play = Play(deep())
    # when
    play.give(directive())
    # then
    (attempt,) = (ref for ref in play.refs if ref != BRANCH)
    (sent,) = play.packets("engineering")
    assert attempt.startswith(f"refs/vsm/attempts/d-1/{sent.id}/1-execution_")
    assert [fact.kind for fact in play.of("BranchMoved", "engineering")] == []
    assert play.refs[BRANCH] == play.refs[attempt]
