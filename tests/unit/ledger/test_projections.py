"""Projections: complete over the kinds of facts, and the same rows whether written along or made again."""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.arbitrary import models
from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
from tests.databases import Site
from tests.unit.ledger.story import (
    OTHER,
    PART,
    WHOLE,
    admitted,
    assigned,
    concluded,
    finished,
    planned,
    tell,
    traced,
)
from vsm_core.facts import FACT_CLASSES, AnyFact, ResultLate, TaskDeferred, TaskVerified
from vsm_core.task import Outcome, Usage
from vsm_ledger import open_history, open_journal
from vsm_ledger.projections import HISTORY_ONLY, PROJECTIONS
from vsm_ledger.schema import PROJECTED

NODES = ("root", "team")


def test_every_kind_of_fact_is_projected_or_declared_history() -> None:
    assert set(PROJECTIONS) | HISTORY_ONLY == set(FACT_CLASSES)
    assert not set(PROJECTIONS) & HISTORY_ONLY


def rows(site: Site) -> dict[str, list[dict[str, object]]]:
    """All rows of all read models, in the order of their keys."""
    return {
        table.name: site.rows(
            f"SELECT * FROM {table.name} ORDER BY {', '.join(column.name for column in table.primary_key)}"
        )
        for table in PROJECTED.values()
    }


async def test_rebuilding_makes_the_same_rows(site: Site) -> None:
    journal = await open_journal(site.location)
    await tell(journal)
    before = rows(site)
    assert {name for name, found in before.items() if found} >= {
        "directives",
        "tasks",
        "executions",
        "traces",
    }
    site.sql("DELETE FROM traces", "UPDATE tasks SET state = 'lies'")
    assert rows(site) != before
    assert await journal.rebuild() == 22
    assert rows(site) == before
    await journal.close()


def pooled(fact: AnyFact, pick: st.DataObject) -> AnyFact:
    """The same fact about one of few tasks and directives, so that facts meet."""
    few = {"task_id": st.sampled_from([WHOLE, PART]), "directive_id": st.sampled_from(["d1", "d2"])}
    changes = {name: pick.draw(each) for name, each in few.items() if name in type(fact).model_fields}
    if fact.kind == "TaskFinished":
        produced_by = pick.draw(st.sampled_from([*NODES, "coder"]))
        changes["result"] = fact.result.model_copy(update={"produced_by": produced_by, "execution_id": "e"})
    return fact.model_copy(update=changes)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(pick=st.data())
def test_any_facts_in_any_groups_project_to_the_rows_a_rebuild_makes(pick: st.DataObject, site: Site) -> None:
    kinds = pick.draw(st.lists(st.sampled_from(sorted(PROJECTIONS)), min_size=1, max_size=12))
    facts = [pooled(pick.draw(models(FACT_CLASSES[kind])), pick) for kind in kinds]
    nodes = [pick.draw(st.sampled_from(NODES)) for _ in facts]
    together = pick.draw(st.booleans())
    if site.is_made:
        site.sql(*(f"DELETE FROM {name}" for name in (*PROJECTED, "facts", "texts", "streams")))
    asyncio.run(write_and_rebuild(site, list(zip(nodes, facts, strict=True)), together=together))


async def write_and_rebuild(site: Site, facts: list[tuple[str, AnyFact]], *, together: bool) -> None:
    journal = await open_journal(site.location)
    for node in NODES:
        await journal.claim(node, owner(), TTL_SECONDS)
    versions = {node: count() for node in NODES}
    commits = [
        commit(node, 1, next(versions[node]), facts=[recorded(str(number), fact)])
        for number, (node, fact) in enumerate(facts)
    ]
    if together:
        await asyncio.gather(*(journal.commit(each) for each in commits))
    else:
        for each in commits:
            await journal.commit(each)
    written = rows(site)
    await journal.rebuild()
    assert rows(site) == written
    await journal.close()


async def task_after(site: Site, *facts: tuple[str, AnyFact]) -> tuple[object, ...]:
    """State, node and reason of the whole task after some facts on some streams."""
    await write_and_rebuild(site, list(facts), together=False)
    history = await open_history(site.location)
    task = await history.task(WHOLE)
    await history.close()
    return (task.planner, task.state, task.node, task.reason) if task else ()


async def test_only_the_planners_stream_moves_a_task(site: Site) -> None:
    after = await task_after(
        site,
        ("root", planned(WHOLE, "d1")),
        ("root", assigned(WHOLE, "team")),
        ("team", admitted(WHOLE, "team")),
        ("team", concluded(WHOLE, Outcome.FAILED)),
        ("team", finished(WHOLE, "team", 7)),
    )
    assert after == ("root", "assigned", "team", "")


async def test_a_task_under_verification_says_so(site: Site) -> None:
    after = await task_after(
        site,
        ("root", planned(WHOLE, "d1")),
        ("root", finished(WHOLE, "team", 7)),
        ("root", planned(OTHER, "d1", verifies=WHOLE)),
    )
    assert after == ("root", "verifying", None, "")


@pytest.mark.parametrize("then_assigned", [False, True])
async def test_a_reason_to_wait_is_over_when_the_task_is_assigned(site: Site, then_assigned: bool) -> None:
    deferred = TaskDeferred(task_id=WHOLE, directive_id="d1", check="budget", reason="spent")
    waiting = [("root", planned(WHOLE, "d1")), ("root", deferred)]
    if then_assigned:
        waiting.append(("root", assigned(WHOLE, "team")))
    node, reason = ("team", "") if then_assigned else (None, "budget: spent")
    state = "assigned" if then_assigned else "planned"
    assert await task_after(site, *waiting) == ("root", state, node, reason)


async def test_facts_about_an_unknown_task_make_no_row(site: Site) -> None:
    verified = TaskVerified(task_id=WHOLE, directive_id="d1", verifier_task_id=OTHER, verifier_node="tester")
    assert await task_after(site, ("root", verified)) == ()


async def test_a_late_result_is_paid_for(site: Site) -> None:
    late = ResultLate(
        task_id=PART,
        directive_id="d1",
        execution_id="late",
        node="coder",
        outcome=Outcome.COMPLETED,
        usage=Usage(input_tokens=5),
    )
    await write_and_rebuild(site, [("team", late), ("team", finished(PART, "coder", 100))], together=True)
    history = await open_history(site.location)
    usage = await history.usage()
    assert (usage.executions, usage.input_tokens) == (2, 105)
    await history.close()


async def test_credit_goes_to_the_node_and_once_to_each_ancestor(site: Site) -> None:
    await write_and_rebuild(site, [("team", traced(PART, "coder", "team", "root", "team"))], together=True)
    credited = {row["node"]: row["depth"] for row in rows(site)["trace_credit"]}
    assert credited == {"coder": 0, "root": 2, "team": 1}


@pytest.mark.parametrize("facts", [3, 12_000])
async def test_a_rebuild_goes_through_all_facts_step_by_step(site: Site, facts: int) -> None:
    journal = await open_journal(site.location)
    await journal.claim("root", owner(), TTL_SECONDS)
    await journal.commit(commit("root", 1, 0, facts=[recorded(str(each)) for each in range(facts)]))
    assert await journal.rebuild() == facts
    await journal.close()
