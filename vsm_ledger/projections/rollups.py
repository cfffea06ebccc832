"""Rollups: sums of traces by node, genome, hour and what else is asked for, kept as the traces are written.

The same sums are kept by the day, so that a question about weeks reads a day's rows where it can. A row belongs to the
stream that writes it. What later history does to an attempt is added by the stream that found it out, under the time
of the trace, so that a window holds attempts with all that became of them.
"""

from collections.abc import Mapping

from vsm_core.facts import OutcomeAdjusted, TaskTraced
from vsm_core.task import OutcomeChange, TaskTrace
from vsm_ledger.projections.change import Cells, Change, Changes, Origin
from vsm_ledger.projections.measures import kind_of, measures_of

HOUR, DAY = len("2026-01-02T03"), len("2026-01-02")  # of an RFC 3339 time
SPANS = (("hour", HOUR), ("day", DAY))
# What a change adds to which measure of its attempt.
ADDED: Mapping[OutcomeChange, tuple[str, int]] = {
    OutcomeChange.REVERTED: ("reverted", 1),
    OutcomeChange.REINSTATED: ("reverted", -1),
    OutcomeChange.REGRESSED: ("regressed", 1),
    OutcomeChange.OVERRIDDEN: ("overridden", 1),
}


def traced(fact: TaskTraced, origin: Origin) -> Changes:
    """Count an attempt."""
    cells: Cells = {"attempts": 1, **measures_of(fact.trace)}
    yield from _counted(fact.trace, origin.occurred_at, origin.stream, cells)


def adjusted(fact: OutcomeAdjusted, origin: Origin) -> Changes:
    """Note what became of an attempt, mark its trace, and count it where the attempt was counted."""
    name, step = ADDED[fact.change]
    noted: Cells = {
        "trace_id": fact.trace_id,
        "task_id": fact.task_id,
        "directive_id": fact.directive_id,
        "node": fact.trace.node,
        "change": fact.change.value,
        "subject_commit": fact.subject_commit,
        "commit": fact.commit,
        "author": fact.author,
        "reason": fact.reason,
        "adjusted_at": origin.occurred_at,
    }
    yield Change("adjustments", {"fact_id": origin.fact_id}, noted, whole=True)
    yield Change("traces", {"fact_id": fact.trace_id}, {name: int(step > 0)})
    cells: Cells = {"attempts": 0, **dict.fromkeys(measures_of(fact.trace), 0), name: step}
    yield from _counted(fact.trace, fact.traced_at.isoformat(), origin.stream, cells)


def _counted(trace: TaskTrace, traced_at: str, stream: str, cells: Cells) -> Changes:
    key: Cells = {**kind_of(trace), "stream": stream}
    for span, length in SPANS:
        yield Change("node_rollups", {"span": span, "period": traced_at[:length], **key}, cells, added=True)
