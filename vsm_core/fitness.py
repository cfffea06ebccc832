"""Fitness: what an attempt is worth, and who gets the credit.

The assigned node gets full credit or blame, its immediate parent the initial ancestor weight, each higher ancestor a
decayed share; an ancestor counts once. Scores are for reading and ranking; promotion is decided by the gate, never by
a weighted sum. Throttled attempts and failures of the infrastructure never enter a score.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import sqrt
from typing import NamedTuple

from pydantic import NonNegativeFloat, NonNegativeInt

from vsm_core.ids import NodeId
from vsm_core.task import FailureClass, Outcome, TaskTrace
from vsm_core.value import Value

MILLISECONDS = 1_000.0
INFRASTRUCTURE = frozenset(
    {
        FailureClass.AUTH,
        FailureClass.QUOTA,
        FailureClass.RATE_LIMIT,
        FailureClass.NETWORK,
        FailureClass.LEASE_LOST,
        FailureClass.TOOL_MISSING,
        FailureClass.INTERNAL,
    }
)
NEVER_SCORED = frozenset({Outcome.THROTTLED, Outcome.LOST, Outcome.CANCELLED})
BLAMED = frozenset({Outcome.FAILED, Outcome.REJECTED, Outcome.TIMED_OUT})
SUCCEEDED = frozenset({Outcome.COMPLETED, Outcome.NO_CHANGE})
CONFIDENCE = 1.959963984540054  # standard deviations that hold 95 percent of a normal distribution


class Weights(Value):
    """What each outcome and each unit of cost weighs in a score."""

    merge: float = 10.0
    failed: float = -5.0
    reverted: float = -30.0
    regression: float = -25.0
    human_override: float = -20.0
    token: NonNegativeFloat = 1e-5
    latency_millisecond: NonNegativeFloat = 1e-6
    changed_line: NonNegativeFloat = 1e-3
    coordination_unit: NonNegativeFloat = 0.05
    complexity_unit: NonNegativeFloat = 0.25


class Decay(Value):
    """How credit fades with distance."""

    ancestor_initial_weight: NonNegativeFloat = 1.0
    ancestor_decay: NonNegativeFloat = 0.5


class NodeSummary(Value):
    """What a set of traces says of one node; scores are weighted by distance, counts are not."""

    node: NodeId
    score: float = 0.0
    attempts: NonNegativeInt = 0  # assigned to the node itself
    subtree_attempts: NonNegativeInt = 0
    completed: NonNegativeInt = 0
    tokens: NonNegativeInt = 0


def is_scored(trace: TaskTrace) -> bool:
    """Say whether an attempt tells anything about those who did it."""
    return trace.outcome not in NEVER_SCORED and trace.failure_class not in INFRASTRUCTURE


def score_trace(trace: TaskTrace, weights: Weights | None = None) -> float:
    """Return one attempt's score; 0.0 for an attempt that is never scored."""
    if not is_scored(trace):
        return 0.0
    chosen = weights or Weights()
    return _earned(trace, chosen) - _spent(trace, chosen) + sum(item.delta for item in trace.adjustments)


def _earned(trace: TaskTrace, weights: Weights) -> float:
    return (
        weights.merge * bool(trace.merged)
        + weights.failed * (trace.outcome in BLAMED)
        + weights.reverted * bool(trace.reverted)
        + weights.regression * bool(trace.post_merge_regression)
        + weights.human_override * bool(trace.human_override)
    )


def _spent(trace: TaskTrace, weights: Weights) -> float:
    tokens = trace.usage.input_tokens + trace.usage.output_tokens
    lines = trace.diff.lines_added + trace.diff.lines_deleted
    units: int = sum(getattr(trace.channels, name) for name in type(trace.channels).model_fields)
    return (
        weights.token * tokens
        + weights.latency_millisecond * trace.latency_seconds * MILLISECONDS
        + weights.changed_line * lines
        + weights.coordination_unit * units
    )


def attribute(
    traces: Iterable[TaskTrace],
    weights: Weights | None = None,
    decay: Decay | None = None,
    complexity_units: Mapping[str, float] | None = None,
) -> dict[str, NodeSummary]:
    """Return a summary for every node that did, or stood above, any of the traces.

    ``complexity_units`` maps a node to its own complexity; its penalty is subtracted once per node.
    """
    chosen, fading = weights or Weights(), decay or Decay()
    summaries: dict[str, NodeSummary] = {}
    for trace in traces:
        score = score_trace(trace, chosen)
        for depth, (node, share) in enumerate(_credits(trace, fading)):
            before = summaries.get(node) or NodeSummary(node=node)
            summaries[node] = _credited(before, trace, score * share, depth)
    penalties = complexity_units or {}
    return {
        node: each.model_copy(
            update={"score": each.score - chosen.complexity_unit * penalties.get(node, 0.0)}
        )
        for node, each in summaries.items()
    }


def _credits(trace: TaskTrace, decay: Decay) -> Iterator[tuple[str, float]]:
    yield trace.node, 1.0
    share = decay.ancestor_initial_weight
    for ancestor in dict.fromkeys(name for name in trace.ancestors if name != trace.node):
        yield ancestor, share
        share *= decay.ancestor_decay


def _credited(before: NodeSummary, trace: TaskTrace, score: float, depth: int) -> NodeSummary:
    own = depth == 0
    return before.model_copy(
        update={
            "score": before.score + score,
            "attempts": before.attempts + own,
            "subtree_attempts": before.subtree_attempts + 1,
            "completed": before.completed + (trace.outcome is Outcome.COMPLETED),
            "tokens": before.tokens + trace.usage.input_tokens + trace.usage.output_tokens,
        }
    )


class Interval(NamedTuple):
    """Where a rate lies, as a share of one."""

    low: float
    high: float


def wilson(successes: int, trials: int, deviations: float = CONFIDENCE) -> Interval:
    """Return the score interval of a rate (Wilson 1927): it stays in [0, 1], and without trials it is all of that."""
    if trials == 0:
        return Interval(0.0, 1.0)
    rate, square = successes / trials, deviations * deviations
    middle = rate + square / (2 * trials)
    reach = deviations * sqrt(rate * (1 - rate) / trials + square / (4 * trials * trials))
    whole = 1 + square / trials
    return Interval(max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole))
