"""Measures: what is counted of an attempt, in whole numbers, so that sums are the same in whatever order they are made.

Seconds and money are counted in millionths. One attempt's numbers are bounded, so that no honest or dishonest report
makes a sum that a database can't hold.
"""

from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter

from vsm_core.codec import canonical_bytes
from vsm_core.fitness import is_scored
from vsm_core.task import ChannelCounts, TaskTrace
from vsm_ledger.projections.change import Cell, Cells

MICROS = 1_000_000
MOST = (
    2**42
)  # of one number of one attempt: 51 days, 4.4 million units of money; two million of them can be added
BYTES_OF_A_NUMBER = 8
CACHED = 1_024  # places in an organization, and sorts of attempts
_counts_of = attrgetter(*ChannelCounts.__pydantic_fields__)
BETWEEN = "/"  # occurs in no node's id


def line_of(trace: TaskTrace) -> tuple[str, ...]:
    """Return who is above the node of a trace, from the parent outward, each once, without the node itself."""
    return _line(trace.node, trace.ancestors)


@lru_cache(maxsize=CACHED)
def _line(node: str, ancestors: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in ancestors if name != node))


def path_of(trace: TaskTrace) -> str:
    """Return the same line as one text."""
    return BETWEEN.join(line_of(trace))


def kind_of(trace: TaskTrace) -> Cells:
    """Return what sorts of attempts are told apart by, whenever they were made."""
    return {
        "node": trace.node,
        "ancestors": path_of(trace),
        "genome_id": trace.genome_id,
        "role": trace.role.value,
        "task_class": trace.task_class or "",
        "trial_id": trace.trial_id or "",
        "arm": trace.arm.value,
        "outcome": trace.outcome.value,
        "scored": int(is_scored(trace)),
        "currency": trace.usage.money.currency if trace.usage.money else "",
    }


def line_number(trace: TaskTrace) -> int:
    """Return one number for that: 63 bits of its hash, so that two sorts never meet in practice."""
    return _number(tuple(kind_of(trace).values()))


@lru_cache(maxsize=CACHED)  # attempts of one sort are many
def _number(kind: tuple[Cell, ...]) -> int:
    hashed = sha256(canonical_bytes(list(kind))).digest()
    return int.from_bytes(hashed[:BYTES_OF_A_NUMBER], "big") >> 1


def measures_of(trace: TaskTrace) -> Cells:
    """Return the numbers of an attempt by the names of their columns."""
    usage, diff, channels = trace.usage, trace.diff, trace.channels
    return {
        "merged": int(bool(trace.merged)),
        "reverted": int(bool(trace.reverted)),
        "regressed": int(bool(trace.post_merge_regression)),
        "overridden": int(bool(trace.human_override)),
        "input_tokens": _bounded(usage.input_tokens),
        "output_tokens": _bounded(usage.output_tokens),
        "money_micros": micros(usage.money.amount) if usage.money else 0,
        "worker_micros": micros(usage.worker_seconds),
        "latency_micros": micros(trace.latency_seconds),
        "lines_changed": _bounded(diff.lines_added + diff.lines_deleted),
        "coordination_units": _bounded(sum(_counts_of(channels))),
        "adjustment_micros": micros(sum([item.delta for item in trace.adjustments])),
    }


def micros(amount: float | Decimal) -> int:
    """Return an amount in millionths, rounded to the nearest."""
    if not amount:
        return 0
    most = MOST // MICROS
    return round(min(max(amount, -most), most) * MICROS)


def _bounded(count: int) -> int:
    return min(count, MOST)
