"""Attempts of a small organization, drawn from a seed, and a ledger that holds them."""

from datetime import timedelta
from random import Random

from tests.contract.journals import START, TTL_SECONDS, commit, owner
from vsm_core.facts import OutcomeAdjusted, RecordedFact, TaskTraced
from vsm_core.task import (
    Arm,
    ChannelCounts,
    DiffSize,
    FailureClass,
    Outcome,
    OutcomeChange,
    Role,
    TaskTrace,
    Usage,
)
from vsm_core.value import Money
from vsm_ledger import SqlJournal

LINES = (
    ("coder", "team", "root"),
    ("tester", "team", "root"),
    ("solo", "root"),
    ("deep", "inner", "team", "root"),
)
GENOMES = ("a" * 64, "b" * 64)
ENDS = (
    (Outcome.COMPLETED, None),
    (Outcome.COMPLETED, None),
    (Outcome.NO_CHANGE, None),
    (Outcome.FAILED, FailureClass.CRASH),
    (Outcome.FAILED, FailureClass.NETWORK),
    (Outcome.LOST, None),
)
SPAN_MINUTES = 4 * 24 * 60


def traces(count: int, seed: int = 1) -> list[RecordedFact]:
    """Facts that trace attempts, over some hours."""
    dice = Random(seed)
    return [traced(number, one_trace(number, dice), dice.randrange(SPAN_MINUTES)) for number in range(count)]


def one_trace(number: int, dice: Random) -> TaskTrace:
    node, *above = dice.choice(LINES)
    outcome, failure = dice.choice(ENDS)
    money = dice.choice((None, Money(amount="0.25"), Money(amount="1.000001", currency="EUR")))
    return TaskTrace(
        task_id=f"task_{number}",
        directive_id="d1",
        attempt=1,
        node=node,
        ancestors=tuple(above),
        genome_id=dice.choice(GENOMES),
        trial_id=dice.choice((None, "trial_1")),
        arm=dice.choice(tuple(Arm)),
        role=dice.choice((Role.IMPLEMENT, Role.TEST)),
        task_class=dice.choice((None, "lint", "format")),
        outcome=outcome,
        failure_class=failure,
        channels=ChannelCounts(command=dice.randrange(3)),
        usage=Usage(
            input_tokens=dice.randrange(1_000),
            output_tokens=dice.randrange(1_000),
            money=money,
            worker_seconds=dice.randrange(1_000) / 8,
        ),
        diff=DiffSize(lines_added=dice.randrange(100), lines_deleted=1),
        latency_seconds=dice.randrange(1_000) / 8,
        merged=outcome is Outcome.COMPLETED and dice.random() < 0.5,
    )


def traced(number: int, trace: TaskTrace, minutes: int = 0) -> RecordedFact:
    return recorded_at(
        f"fact_{number}", TaskTraced(task_id=trace.task_id, directive_id="d1", trace=trace), minutes
    )


def adjusted(name: str, of: RecordedFact, change: OutcomeChange) -> RecordedFact:
    """What later history did to a traced attempt."""
    assert isinstance(of.fact, TaskTraced)
    fact = OutcomeAdjusted(
        task_id=of.fact.task_id,
        directive_id="d1",
        trace_id=of.id,
        traced_at=of.occurred_at,
        trace=of.fact.trace,
        change=change,
        subject_commit="c" * 40,
        commit="d" * 40,
        author="ada",
    )
    return recorded_at(name, fact, SPAN_MINUTES)


def recorded_at(name: str, fact: TaskTraced | OutcomeAdjusted, minutes: int) -> RecordedFact:
    return RecordedFact(
        id=name,
        fact=fact,
        occurred_at=START + timedelta(minutes=minutes),
        genome_id=GENOMES[0],
        correlation_id="d1",
        causation_id=f"cause_{name}",
    )


async def write(journal: SqlJournal, stream: str, facts: list[RecordedFact]) -> None:
    """Commit facts to a stream of its own, in two halves."""
    epoch = await journal.claim(stream, owner(), TTL_SECONDS)
    half = len(facts) // 2
    for start, part in ((0, facts[:half]), (half, facts[half:])):
        await journal.commit(commit(stream, epoch, start, facts=part))
