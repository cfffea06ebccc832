"""Attempts as rows: executions with what they spent, traces with whom they are credited to."""

from vsm_core.facts import ResultLate, TaskFinished, TaskTraced
from vsm_core.fitness import is_scored
from vsm_core.task import Usage
from vsm_ledger.projections.change import Cells, Change, Changes, Origin
from vsm_ledger.projections.measures import line_number, line_of, measures_of, path_of


def finished(fact: TaskFinished, origin: Origin) -> Changes:
    """An execution ended; a metasystem's own record of what it reports upward is its parent's to count."""
    result = fact.result
    if result.produced_by == origin.stream:
        return
    cells: Cells = {
        "stream": origin.stream,
        "directive_id": fact.directive_id,
        "node": result.produced_by,
        "genome_id": origin.genome_id,
        "attempt": result.attempt,
        "outcome": result.outcome.value,
        "failure_class": result.failure_class.value if result.failure_class else None,
        "late": 0,
        "tool_calls": result.usage.tool_calls,
        "model_served": result.usage.model_served,
        "ended_at": origin.occurred_at,
        **_spent(result.usage),
    }
    yield _execution(fact.task_id, result.execution_id, cells)


def late(fact: ResultLate, origin: Origin) -> Changes:
    """An execution ended that no longer held its task; what it spent counts all the same."""
    cells: Cells = {
        "stream": origin.stream,
        "directive_id": fact.directive_id,
        "node": fact.node,
        "genome_id": origin.genome_id,
        "attempt": None,
        "outcome": fact.outcome.value,
        "failure_class": None,
        "late": 1,
        "tool_calls": fact.usage.tool_calls,
        "model_served": fact.usage.model_served,
        "ended_at": origin.occurred_at,
        **_spent(fact.usage),
    }
    yield _execution(fact.task_id, fact.execution_id, cells)


def _execution(task_id: str, execution_id: str, cells: Cells) -> Change:
    return Change("executions", {"task_id": task_id, "execution_id": execution_id}, cells, whole=True)


def _spent(usage: Usage) -> Cells:
    return {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "worker_seconds": usage.worker_seconds,
        **_paid(usage),
    }


def _paid(usage: Usage) -> Cells:
    return {
        "money": str(usage.money.amount) if usage.money else None,
        "currency": usage.money.currency if usage.money else None,
    }


def traced(fact: TaskTraced, origin: Origin) -> Changes:
    """One attempt for attribution, and the closure of who is above its node; each ancestor once, at its nearest."""
    trace = fact.trace
    cells: Cells = {
        "stream": origin.stream,
        "task_id": fact.task_id,
        "directive_id": fact.directive_id,
        "node": trace.node,
        "ancestors": path_of(trace),
        "line": line_number(trace),
        "attempt": trace.attempt,
        "execution_id": trace.execution_id,
        "genome_id": trace.genome_id,
        "trial_id": trace.trial_id,
        "arm": trace.arm.value,
        "role": trace.role.value,
        "task_class": trace.task_class,
        "outcome": trace.outcome.value,
        "failure_class": trace.failure_class.value if trace.failure_class else None,
        "scored": int(is_scored(trace)),
        **measures_of(trace),
        **_paid(trace.usage),
        "traced_at": origin.occurred_at,
    }
    yield Change("traces", {"fact_id": origin.fact_id}, cells, whole=True)
    for depth, node in enumerate((trace.node, *line_of(trace))):
        key = {"fact_id": origin.fact_id, "node": node}
        yield Change("trace_credit", key, {"depth": depth}, whole=True)
