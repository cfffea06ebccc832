"""Many seeds on all cores, and what they add up to."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import structlog

from vsm_system.collector import relax_collector
from vsm_system.simulation.simulator import Plan, SeedResult, run_seed

HOUR_SECONDS = 3_600.0
SEEDS_AT_ONCE = 4  # that one process takes before it reports


@dataclass(frozen=True, slots=True)
class Summary:
    """What a campaign came to; ``violations`` are (seed, text)."""

    seeds: int
    virtual_hours: float
    faults: dict[str, int]
    restarts: int
    tasks: int
    violations: tuple[tuple[int, str], ...]
    slowest_recovery_seconds: float
    slowest_seed: int | None

    def as_json(self) -> dict[str, object]:
        """Return the summary under the keys that programs read."""
        return {
            "seeds": self.seeds,
            "virtual_hours": round(self.virtual_hours, 3),
            "faults": self.faults,
            "restarts": self.restarts,
            "tasks": self.tasks,
            "violations": [{"seed": seed, "violation": text} for seed, text in self.violations],
            "slowest_recovery_seconds": round(self.slowest_recovery_seconds, 3),
            "slowest_seed": self.slowest_seed,
        }


def run_seeds(seeds: Sequence[int], plan: Plan, processes: int | None = None) -> Iterator[SeedResult]:
    """Yield the result of each seed in order; with more than one process they run side by side."""
    count = min(processes or os.cpu_count() or 1, len(seeds))
    if count <= 1:
        hush()
        yield from (run_seed(seed, plan) for seed in seeds)
        return
    with ProcessPoolExecutor(count, initializer=hush) as pool:
        try:
            yield from pool.map(partial(run_seed, plan=plan), seeds, chunksize=SEEDS_AT_ONCE)
        finally:
            pool.shutdown(cancel_futures=True)


def summary_of(results: Sequence[SeedResult]) -> Summary:
    """Return what some seeds add up to."""
    faults: Counter[str] = Counter()
    for each in results:
        faults.update(each.faults)
    slowest = max(results, key=lambda each: each.recovery_seconds, default=None)
    return Summary(
        seeds=len(results),
        virtual_hours=sum(each.virtual_seconds for each in results) / HOUR_SECONDS,
        faults=dict(sorted(faults.items())),
        restarts=sum(each.restarts for each in results),
        tasks=sum(each.tasks for each in results),
        violations=tuple((each.seed, text) for each in results for text in each.violations),
        slowest_recovery_seconds=slowest.recovery_seconds if slowest else 0.0,
        slowest_seed=slowest.seed if slowest else None,
    )


def hush() -> None:
    """Make a process say nothing of the troubles it simulates, and collect no garbage that is not there."""
    relax_collector()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
