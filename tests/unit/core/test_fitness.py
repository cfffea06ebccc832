"""Fitness, with every number worked out by hand."""

import pytest

from vsm_core.fitness import (
    INFRASTRUCTURE,
    NEVER_SCORED,
    Decay,
    Weights,
    attribute,
    is_scored,
    score_trace,
    wilson,
)
from vsm_core.task import Adjustment, ChannelCounts, DiffSize, FailureClass, Outcome, Role, TaskTrace, Usage


def trace(**fields: object) -> TaskTrace:
    return TaskTrace.model_validate(
        {
            "task_id": "t",
            "directive_id": "d",
            "attempt": 1,
            "node": "coder",
            "ancestors": ("chief", "root"),
            "genome_id": "0" * 64,
            "role": Role.IMPLEMENT,
            "outcome": Outcome.COMPLETED,
            **fields,
        }
    )


SCORES = (
    ({}, 0.0),
    ({"merged": True}, 10.0),
    ({"merged": False, "reverted": False}, 0.0),
    ({"outcome": Outcome.FAILED}, -5.0),
    ({"outcome": Outcome.REJECTED}, -5.0),
    ({"outcome": Outcome.TIMED_OUT, "failure_class": FailureClass.TIMEOUT}, -5.0),
    ({"outcome": Outcome.NO_CHANGE}, 0.0),
    ({"merged": True, "reverted": True}, -20.0),
    ({"merged": True, "post_merge_regression": True}, -15.0),
    ({"human_override": True}, -20.0),
    ({"usage": Usage(input_tokens=150_000, output_tokens=50_000)}, -2.0),
    ({"latency_seconds": 2.0}, -0.002),
    ({"diff": DiffSize(files_changed=9, lines_added=70, lines_deleted=30)}, -0.1),
    ({"channels": ChannelCounts(command=2, algedonic=1, coordination=1)}, -0.2),
    ({"adjustments": (Adjustment(author="ada", reason="late praise", delta=1.5),) * 2}, 3.0),
    (
        {
            "merged": True,
            "usage": Usage(input_tokens=10_000),
            "latency_seconds": 10.0,
            "diff": DiffSize(lines_added=200),
            "channels": ChannelCounts(audit=4),
        },
        10 - 0.1 - 0.01 - 0.2 - 0.2,
    ),
)


@pytest.mark.parametrize(("fields", "score"), SCORES)
def test_score(fields: dict[str, object], score: float) -> None:
    assert score_trace(trace(**fields)) == pytest.approx(score)


def test_weights_are_the_callers_to_choose() -> None:
    assert score_trace(trace(merged=True), Weights(merge=3.0)) == 3.0


@pytest.mark.parametrize("outcome", sorted(NEVER_SCORED))
def test_what_nobody_did_is_never_scored(outcome: Outcome) -> None:
    unlucky = trace(outcome=outcome, usage=Usage(input_tokens=1_000_000))
    assert not is_scored(unlucky)
    assert score_trace(unlucky) == 0.0


@pytest.mark.parametrize("failure", sorted(INFRASTRUCTURE))
def test_failures_of_the_infrastructure_are_never_scored(failure: FailureClass) -> None:
    assert score_trace(trace(outcome=Outcome.FAILED, failure_class=failure)) == 0.0
    assert score_trace(trace(outcome=Outcome.FAILED, failure_class=FailureClass.TESTS_FAILED)) == -5.0


def test_credit_fades_with_distance() -> None:
    deep = trace(merged=True, ancestors=("a", "b", "c", "root"))
    summaries = attribute([deep])
    assert {node: each.score for node, each in summaries.items()} == {
        "coder": 10.0,
        "a": 10.0,
        "b": 5.0,
        "c": 2.5,
        "root": 1.25,
    }


def test_credit_fades_as_the_caller_wants() -> None:
    summaries = attribute([trace(merged=True)], Weights(merge=4.0), Decay(ancestor_initial_weight=0.5))
    assert [summaries[node].score for node in ("coder", "chief", "root")] == [4.0, 2.0, 1.0]


def test_an_ancestor_counts_once_and_never_for_itself() -> None:
    twisted = trace(merged=True, ancestors=("chief", "coder", "chief", "root"))
    assert {node: each.score for node, each in attribute([twisted]).items()} == {
        "coder": 10.0,
        "chief": 10.0,
        "root": 5.0,
    }


def test_summaries_count_attempts_tokens_and_completions() -> None:
    traces = [
        trace(merged=True, usage=Usage(input_tokens=30, output_tokens=20)),
        trace(outcome=Outcome.FAILED, usage=Usage(input_tokens=10)),
        trace(outcome=Outcome.THROTTLED, node="tester"),
        trace(node="chief", ancestors=("root",)),
    ]
    summaries = attribute(traces)
    assert (summaries["coder"].attempts, summaries["coder"].subtree_attempts) == (2, 2)
    assert (summaries["chief"].attempts, summaries["chief"].subtree_attempts) == (1, 4)
    assert (summaries["root"].attempts, summaries["root"].subtree_attempts) == (0, 4)
    assert (summaries["coder"].completed, summaries["root"].completed) == (1, 2)
    assert (summaries["coder"].tokens, summaries["root"].tokens) == (60, 60)
    assert summaries["coder"].score == pytest.approx(5 - 60e-5)
    assert summaries["tester"].score == 0.0


def test_a_penalty_for_complexity_is_taken_once_per_node() -> None:
    summaries = attribute([trace(merged=True)] * 3, complexity_units={"coder": 4.0, "root": 2.0, "idle": 9.0})
    assert summaries["coder"].score == pytest.approx(30 - 1.0)
    assert summaries["root"].score == pytest.approx(15 - 0.5)
    assert summaries["chief"].score == pytest.approx(30)
    assert "idle" not in summaries


def test_late_adjustments_flow_to_the_ancestors() -> None:
    adjusted = trace(adjustments=(Adjustment(author="ada", reason="regret", delta=-8.0),))
    assert [attribute([adjusted])[node].score for node in ("coder", "chief", "root")] == [-8.0, -8.0, -4.0]


def test_nothing_comes_of_nothing() -> None:
    assert attribute([]) == {}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # as R's prop.test without continuity correction gives them
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (9, 10, 0.5958, 0.9821),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_wilsons_interval_is_the_known_one(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_without_trials_a_rate_may_be_anything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
