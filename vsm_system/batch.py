"""A batch: the decisions of one host that become durable together, and what they add up to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from vsm_core.actor import Commit, Context, Decision, LogEntry, Timer
from vsm_core.channel import Lane
from vsm_core.envelope import Envelope
from vsm_core.payloads.jobs import Job
from vsm_transport.protocol import Delivery

ItemT = TypeVar("ItemT")


@dataclass(slots=True)
class Input:
    """One envelope to decide on, and where it came from."""

    envelope: Envelope
    delivery: Delivery | None = None
    lane: Lane = Lane.CONTROL
    timer_id: str | None = None
    job_id: str | None = None


@dataclass(slots=True)
class Batch:
    """What a batch of decisions adds up to, before it is committed."""

    entries: list[LogEntry] = field(default_factory=list)
    decisions: list[tuple[Input, Decision]] = field(default_factory=list)
    settled: list[Input] = field(default_factory=list)  # seen before: only to be acknowledged

    def add(self, given: Input, context: Context, decision: Decision) -> None:
        """Take a decision in."""
        self.decisions.append((given, decision))
        self.entries.append(_log_entry(given.envelope, context, decision))

    def commit(self, stream: str, epoch: int, version: int) -> Commit:
        """Return the one transaction that makes the batch durable."""
        decisions = [decision for _, decision in self.decisions]
        timers, timers_done = self._timers()
        jobs, jobs_done = self._jobs()
        return Commit(
            stream=stream,
            epoch=epoch,
            expected_version=version,
            entries=tuple(self.entries),
            facts=tuple(fact for each in decisions for fact in each.facts),
            sends=tuple(send for each in decisions for send in each.sends),
            timers=timers,
            timers_done=timers_done,
            jobs=jobs,
            jobs_done=jobs_done,
        )

    def _timers(self) -> tuple[tuple[Timer, ...], tuple[str, ...]]:
        """Return the timers that stand after the batch, and the ids of those that do not: the last word counts."""
        fired = (given.timer_id for given, _ in self.decisions if given.timer_id)
        standing: dict[str, Timer | None] = dict.fromkeys(
            fired
        )  # they fired before anything here was decided
        for _, decision in self.decisions:
            standing.update(dict.fromkeys(decision.timers_cancelled))
            standing.update({timer.id: timer for timer in decision.timers})
        return _split(standing)

    def _jobs(self) -> tuple[tuple[Job, ...], tuple[str, ...]]:
        """Return the jobs that are open after the batch, and the ids of those that are not."""
        ended = (given.job_id for given, _ in self.decisions if given.job_id)
        standing: dict[str, Job | None] = dict.fromkeys(ended)
        for _, decision in self.decisions:
            standing.update(dict.fromkeys(decision.jobs_cancelled))
            standing.update({job.id: job for job in decision.jobs})
        return _split(standing)


def _split(standing: Mapping[str, ItemT | None]) -> tuple[tuple[ItemT, ...], tuple[str, ...]]:
    kept = tuple(item for item in standing.values() if item is not None)
    return kept, tuple(key for key, item in standing.items() if item is None)


def _log_entry(envelope: Envelope, context: Context, decision: Decision) -> LogEntry:
    return LogEntry(
        envelope=envelope,
        now=context.now,
        seed=context.seed,
        limits=context.limits,
        process=context.process,
        delivery_attempt=context.delivery_attempt,
        facts=len(decision.facts),
        sends=len(decision.sends),
        refusal=decision.refusal,
    )
