"""The fold: every kind of fact changes a state in one known way, or is history."""

import pytest

from tests.unit.controller.cast import BASE, directive, flat, plan, task
from tests.unit.controller.play import Play
from vsm_controller.state.controller import FINISHED_KEPT
from vsm_controller.state.fold import EVOLVERS, HISTORY_ONLY, evolve, fold
from vsm_core import facts as f
from vsm_core.payloads.control import CancelScope
from vsm_core.task import FailureClass, Outcome, WorkerFact

NOBODY = {"task_id": "nobody", "directive_id": "d-9"}
HISTORY = [
    f.TaskRefused(**NOBODY, node="linter", attempt=1, failure_class=FailureClass.AUTH, reason="no"),
    f.ResultLate(**NOBODY, execution_id="x", node="linter", outcome=Outcome.COMPLETED),
    f.ResultAcknowledged(**NOBODY, execution_id="x"),
    f.ExecutionRevoked(**NOBODY, execution_id="x"),
    f.EnvelopeRefused(envelope_id="e", source="s", channel="command", payload_type="cancel", reason="no"),
    f.GenomeAdopted(genome_id="0" * 64),
]
ABOUT_NOBODY = [
    f.TaskDeferred(**NOBODY, check="pause", reason="stopping"),
    f.TaskRejected(**NOBODY, verifier_task_id="v", verifier_node="tester", reason="broken"),
    f.MergeConflicted(**NOBODY, paths=("a.py",)),
    f.MergePrepared(**NOBODY, commit=BASE, fast_forward=True),
    f.PublishingStarted(**NOBODY, job_id="j", commit=BASE),
    f.BranchMoved(directive_id="d-9", ref="refs/heads/vsm/d-9", commit=BASE),
    f.RepositorySurveyed(directive_id="d-9", inventory={}),
    f.DirectiveFinished(directive_id="d-9", outcome=Outcome.COMPLETED),
]


def test_every_kind_of_fact_has_an_evolver_or_is_history_and_never_both() -> None:
    assert not set(EVOLVERS) & HISTORY_ONLY
    assert set(EVOLVERS) | HISTORY_ONLY == set(f.FACT_CLASSES)


@pytest.mark.parametrize("fact", HISTORY, ids=lambda fact: fact.kind)
def test_history_changes_nothing(fact: f.AnyFact) -> None:
    state = Play(flat()).states["root"]
    assert evolve(state, fact) is state


def test_what_a_worker_observed_is_history() -> None:
    # given
    play = Play(flat())
    seen = WorkerFact(kind="model_fallback", occurred_at=play.now)
    state = play.states["root"]
    # when
    fact = f.WorkerFactRecorded(**NOBODY, execution_id="x", node="linter", worker_fact=seen)
    # then
    assert evolve(state, fact) is state


@pytest.mark.parametrize("fact", ABOUT_NOBODY, ids=lambda fact: fact.kind)
def test_a_fact_about_something_that_is_over_changes_nothing(fact: f.AnyFact) -> None:
    state = Play(flat()).states["root"]
    assert evolve(state, fact) is state


def test_the_state_before_a_fact_is_left_as_it_was() -> None:
    # given
    play = Play(flat())
    play.record("root", *plan(task("t")))
    before, written = play.states["root"], play.states["root"].model_dump_json()
    # when
    after = fold(before, [f.TaskConcluded(task_id="t", directive_id="d-1", outcome=Outcome.FAILED)])
    # then
    assert after != before
    assert before.model_dump_json() == written


def test_a_subtrees_cancel_epoch_only_rises() -> None:
    # given
    state = Play(flat()).states["root"]
    asked = [
        f.CancelRequested(scope=CancelScope.SUBTREE, subject="root", cancel_epoch=epoch) for epoch in (3, 1)
    ]
    named = f.CancelRequested(scope=CancelScope.DIRECTIVE, subject="d-1", cancel_epoch=9)
    # when, then
    assert fold(state, [*asked, named]).cancel_epoch == 3


def test_only_so_many_finished_directives_are_remembered() -> None:
    # given
    state = Play(flat()).states["root"]
    old = {f"old-{number}": Outcome.COMPLETED for number in range(FINISHED_KEPT)}
    state = state.model_copy(update={"finished": old})
    # when
    state = fold(
        state,
        [
            f.DirectiveAccepted(directive_id="d-1", directive=directive()),
            f.DirectiveFinished(directive_id="d-1", outcome=Outcome.FAILED),
        ],
    )
    # then
    assert len(state.finished) == FINISHED_KEPT
    assert "old-0" not in state.finished
    assert state.finished["d-1"].outcome is Outcome.FAILED
