"""Attribution: the same from rollups and from traces, and the same as the domain's own fold of the traces."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from tests.databases import Site
from tests.unit.ledger.attempts import GENOMES, LINES, adjusted, traced, traces, write
from vsm_core.facts import RecordedFact
from vsm_core.fitness import INFRASTRUCTURE, NEVER_SCORED, SUCCEEDED, attribute, wilson
from vsm_core.task import Outcome, OutcomeChange, Role, TaskTrace, Usage
from vsm_core.value import Money
from vsm_ledger import open_history, open_journal
from vsm_ledger.history import History
from vsm_ledger.projections.measures import MOST
from vsm_ledger.views.attribution import Asked, Attributed, GroupBy, Source, attribution, source_of

COUNT = 300


@pytest.fixture
async def told(site: Site) -> AsyncIterator[tuple[History, list[RecordedFact]]]:
    """A ledger on whose root and team streams attempts were traced, and the facts."""
    facts = traces(COUNT)
    journal = await open_journal(site.location)
    await write(journal, "root", facts[: COUNT // 3])
    await write(journal, "team", facts[COUNT // 3 :])
    history = await open_history(site.location)
    yield history, facts
    await history.close()
    await journal.close()


async def asked(history: History, **wish: object) -> dict[str, Attributed]:
    """What rollups answer, after a look that the traces answer the same."""
    wanted = Asked(**wish)
    rows = await history.ask(partial(attribution, asked=wanted))
    if wanted.source is None and source_of(wanted) is Source.ROLLUPS:
        assert await history.ask(partial(attribution, asked=replace(wanted, source=Source.TRACES))) == rows
    return {row.name: row for row in rows}


def of(fact: RecordedFact) -> TaskTrace:
    return fact.fact.trace


async def test_it_says_what_the_domain_says(told: tuple[History, list[RecordedFact]]) -> None:
    history, facts = told
    found, known = await asked(history), attribute([of(each) for each in facts])
    assert set(found) == set(known) == {name for line in LINES for name in line}
    for name, summary in known.items():
        row = found[name]
        assert row.whole.score == pytest.approx(summary.score)
        assert (row.own.attempts, row.whole.attempts) == (summary.attempts, summary.subtree_attempts)
        assert row.whole.input_tokens + row.whole.output_tokens == summary.tokens


async def test_success_is_of_those_that_count_with_its_interval(
    told: tuple[History, list[RecordedFact]],
) -> None:
    history, facts = told
    judged = [
        of(each)
        for each in facts
        if of(each).node == "coder"
        and of(each).outcome not in NEVER_SCORED
        and of(each).failure_class not in INFRASTRUCTURE
    ]
    succeeded = sum(each.outcome in SUCCEEDED for each in judged)
    coder = (await asked(history))["coder"].own
    assert (coder.judged, coder.succeeded) == (len(judged), succeeded)
    assert coder.success == wilson(succeeded, len(judged))
    assert coder.rate == succeeded / len(judged)


async def test_money_of_two_currencies_never_adds_up(told: tuple[History, list[RecordedFact]]) -> None:
    history, facts = told
    spent: dict[str, Decimal] = {}
    for money in (of(each).usage.money for each in facts):
        if money is not None:
            spent[money.currency] = spent.get(money.currency, Decimal(0)) + money.amount
    assert dict((await asked(history))["root"].whole.money) == spent


@pytest.mark.parametrize("group_by", list(GroupBy))
async def test_every_grouping_counts_every_attempt_once(
    group_by: GroupBy, told: tuple[History, list[RecordedFact]]
) -> None:
    history, _ = told
    rows = await asked(history, group_by=group_by)
    assert sum(row.own.attempts for row in rows.values()) == COUNT
    assert len(rows) > 1


@pytest.mark.parametrize(
    ("wish", "holds"),
    [
        ({"genome": "aa"}, lambda trace: trace.genome_id == GENOMES[0]),
        ({"trial": "trial_1"}, lambda trace: trace.trial_id == "trial_1"),
        ({"arm": "shadow"}, lambda trace: trace.arm == "shadow"),
        ({"role": "test"}, lambda trace: trace.role is Role.TEST),
        ({"task_class": "lint"}, lambda trace: trace.task_class == "lint"),
        ({"task_class": ""}, lambda trace: trace.task_class is None),
        ({"node": "team"}, lambda trace: "team" in (trace.node, *trace.ancestors)),
        ({"subtree": "inner"}, lambda trace: "inner" in (trace.node, *trace.ancestors)),
        ({"subtree": "nobody"}, lambda _trace: False),
    ],
)
async def test_a_filter_leaves_what_it_names(
    wish: dict[str, str], holds: object, told: tuple[History, list[RecordedFact]]
) -> None:
    history, facts = told
    rows = await asked(history, **wish)
    assert sum(row.own.attempts for row in rows.values()) == (
        sum(of(each).node == "team" for each in facts)
        if wish == {"node": "team"}
        else sum(map(holds, map(of, facts)))
    )
    if "node" in wish:
        assert rows["team"].whole.attempts == sum(map(holds, map(of, facts)))


async def test_a_subtree_credits_nobody_above_it(told: tuple[History, list[RecordedFact]]) -> None:
    history, _ = told
    everything, rows = await asked(history), await asked(history, subtree="team")
    assert set(rows) == {"team", "coder", "tester", "inner", "deep"}
    assert rows["team"] == everything["team"]


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-01-02T04:00:00.000000Z", "2026-01-02T16:00:00.000000Z"),
        ("2026-01-02T04:10:00.000000Z", "2026-01-02T16:20:30.000000Z"),
        (None, "2026-01-02T05:00:00.000000Z"),
        (None, "2026-01-04T05:00:00.000000Z"),
        (None, "2026-01-04T00:00:00.000000Z"),
        ("2026-01-04T05:00:00.000000Z", None),
        ("2026-01-04T00:00:00.000000Z", None),
        ("2026-01-02T23:00:00.000000Z", "2026-01-05T01:00:00.000000Z"),
        ("2026-01-02T23:00:00.000000Z", "2026-01-03T01:00:00.000000Z"),
        ("2026-01-03T00:00:00.000000Z", "2026-01-04T00:00:00.000000Z"),
        ("2026-01-03T02:00:00.000000Z", "2026-01-03T20:00:00.000000Z"),
    ],
)
async def test_a_window_holds_its_beginning_and_not_its_end(
    since: str | None, until: str | None, told: tuple[History, list[RecordedFact]]
) -> None:
    history, facts = told
    moments = [each.occurred_at.isoformat().replace("+00:00", "Z") for each in facts]
    inside = sum((since or "") <= each < (until or "9") for each in moments)
    rows = await asked(history, since=since, until=until)
    assert rows["root"].whole.attempts == inside
    by_hour = await asked(history, since=since, until=until, group_by=GroupBy.HOUR)
    assert sum(row.own.attempts for row in by_hour.values()) == inside
    assert 0 < inside < COUNT


def test_rollups_refuse_a_window_they_cannot_see() -> None:
    half_past = Asked(since="2026-01-02T04:30:00.000000Z")
    assert source_of(half_past) is Source.TRACES
    with pytest.raises(ValueError, match="hour"):
        source_of(replace(half_past, source=Source.ROLLUPS))


# ------------------------------------------------------------------------------------------------ later history


@pytest.mark.parametrize(
    ("changes", "succeeded", "score"),
    [
        ((), 1, 10.0),
        ((OutcomeChange.REVERTED,), 0, -20.0),
        ((OutcomeChange.REVERTED, OutcomeChange.REINSTATED), 1, 10.0),
        ((OutcomeChange.REGRESSED,), 1, -15.0),
        ((OutcomeChange.OVERRIDDEN,), 1, -10.0),
    ],
)
async def test_what_later_history_did_changes_what_is_attributed(
    changes: tuple[OutcomeChange, ...], succeeded: int, score: float, site: Site
) -> None:
    trace = TaskTrace(
        task_id="task_1",
        directive_id="d1",
        attempt=1,
        node="coder",
        ancestors=("team", "root"),
        genome_id=GENOMES[0],
        role=Role.IMPLEMENT,
        outcome=Outcome.COMPLETED,
        merged=True,
    )
    fact = traced(1, trace)
    journal = await open_journal(site.location)
    await write(journal, "team", [fact])
    await write(journal, "_host-outcomes", [adjusted(each, fact, each) for each in changes])
    history = await open_history(site.location)
    rows = await asked(history)
    assert [(rows[name].whole.succeeded, rows[name].whole.score) for name in ("coder", "team", "root")] == [
        (succeeded, score),
        (succeeded, score),
        (succeeded, score / 2),
    ]
    await history.close()
    await journal.close()


async def test_no_report_makes_a_sum_that_a_database_cannot_hold(site: Site) -> None:
    usage = Usage(input_tokens=2**62, money=Money(amount="1e30"), worker_seconds=1e300)
    facts = [
        traced(
            number, of(fact).model_copy(update={"usage": usage, "latency_seconds": 1e308, "node": "coder"})
        )
        for number, fact in enumerate(traces(4))
    ]
    journal = await open_journal(site.location)
    await write(journal, "team", facts)
    history = await open_history(site.location)
    coder = (await asked(history))["coder"].own
    assert coder.input_tokens == 4 * MOST
    await history.close()
    await journal.close()
