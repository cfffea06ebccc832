"""Cost: every execution's, also that of the late ones; silence is counted, currencies are not mixed."""

from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial

import pytest

from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from tests.databases import Site
from tests.unit.ledger.attempts import GENOMES
from tests.unit.ledger.story import DIRECTIVE, PART, WHOLE, finished, tell
from vsm_core.facts import AnyFact, ResultLate, TaskFinished, TaskTraced
from vsm_core.task import Outcome, Role, TaskTrace, Usage
from vsm_core.value import Money
from vsm_ledger import open_history, open_journal
from vsm_ledger.history import History
from vsm_ledger.views.cost import CostAsked, CostBy, CostRow, cost


def late(execution: str, money: Money | None) -> ResultLate:
    usage = Usage(input_tokens=7, tool_calls=3, money=money, worker_seconds=2.0, model_served="large")
    return ResultLate(
        task_id=PART,
        directive_id=DIRECTIVE,
        execution_id=execution,
        node="coder",
        outcome=Outcome.COMPLETED,
        usage=usage,
    )


def lost(execution: str | None, node: str = "coder", task: str = PART) -> TaskTraced:
    trace = TaskTrace(
        task_id=task,
        directive_id=DIRECTIVE,
        attempt=1,
        execution_id=execution,
        node=node,
        genome_id=GENOMES[1],
        role=Role.IMPLEMENT,
        outcome=Outcome.LOST,
    )
    return TaskTraced(task_id=task, directive_id=DIRECTIVE, trace=trace)


def in_euro(fact: TaskFinished) -> TaskFinished:
    usage = fact.result.usage.model_copy(update={"money": Money(amount="0.10", currency="EUR")})
    changes = {"usage": usage, "execution_id": "second", "produced_by": "coder"}
    return fact.model_copy(update={"result": fact.result.model_copy(update=changes)})


LATER: tuple[AnyFact, ...] = (
    late("late", Money(amount="0.0000001")),
    late("late-and-free", None),
    lost("late"),  # its result came after all
    lost("never-heard-of"),
    lost(None),  # nobody ever admitted it
    lost(None, "team", WHOLE),  # a metasystem's cost is that of its parts
    in_euro(finished(PART, "coder", 5)),
)


@pytest.fixture
async def history(site: Site) -> AsyncIterator[History]:
    journal = await open_journal(site.location)
    await tell(journal)
    epoch = await journal.claim("later", owner(), TTL_SECONDS)
    facts = [recorded(f"later_{number}", fact) for number, fact in enumerate(LATER)]
    await journal.commit(commit("later", epoch, 0, facts=facts))
    made = await open_history(site.location)
    yield made
    await made.close()
    await journal.close()


async def costs(history: History, **wish: object) -> dict[str, CostRow]:
    return {row.name: row for row in await history.ask(partial(cost, asked=CostAsked(**wish)))}


async def test_a_node_costs_all_that_its_executions_spent(history: History) -> None:
    rows = await costs(history)
    assert set(rows) == {"coder", "tester"}
    assert rows["coder"] == CostRow(
        name="coder",
        attempts=6,
        late=2,
        silent=2,
        input_tokens=100 + 7 + 7 + 5,
        output_tokens=2,
        tool_calls=10,
        worker_seconds=7.0,
        money=(("EUR", Decimal("0.10")), ("USD", Decimal("0.2500001"))),
    )


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (CostBy.GENOME, {GENOMES[0], GENOMES[1]}),
        (CostBy.TASK, {PART, "task_check"}),
        (CostBy.MODEL, {"", "large"}),
    ],
)
async def test_every_way_to_ask_comes_to_the_same(by: CostBy, names: set[str], history: History) -> None:
    known, rows = await costs(history), await costs(history, by=by)
    assert set(rows) == names
    for name in ("attempts", "late", "silent", "input_tokens", "worker_seconds"):
        assert sum(getattr(row, name) for row in rows.values()) == sum(
            getattr(row, name) for row in known.values()
        )


async def test_only_what_was_asked_for_counts(history: History) -> None:
    assert await costs(history, directive="another") == {}
    assert await costs(history, directive=DIRECTIVE) == await costs(history)
    assert await costs(history, since="2027-01-01T00:00:00.000000Z") == {}
    assert await costs(history, until="2027-01-01T00:00:00.000000Z") == await costs(history)
