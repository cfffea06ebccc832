"""Projections: complete over the kinds of facts, and the same rows whether written along or made again."""

import asyncio
import sqlite3
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.arbitrary import models
from tests.contract.journals import TTL_SECONDS, commit, owner, recorded
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


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all read models, in the order of their keys."""
    connection = sqlite3.connect(path)
    found = {}
    for table in PROJECTED.values():
        keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
        found[table.name] = connection.execute(f"SELECT * FROM {table.name} ORDER BY {keys}").fetchall()
    connection.close()
    return found


async def test_rebuilding_makes_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    journal = await open_journal(path)
    await tell(journal)
    before = rows(path)
    assert {name for name, found in before.items() if found} >= {
        "directives",
        "tasks",
        "executions",
        "traces",
    }
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("DELETE FROM traces")
    connection.execute("UPDATE tasks SET state = 'lies'")
    connection.close()
    assert rows(path) != before
    assert await journal.rebuild() == 22
    assert rows(path) == before
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
def test_any_facts_in_any_groups_project_to_the_rows_a_rebuild_makes(
    pick: st.DataObject, tmp_path_factory
) -> None:
    kinds = pick.draw(st.lists(st.sampled_from(sorted(PROJECTIONS)), min_size=1, max_size=12))
    facts = [pooled(pick.draw(models(FACT_CLASSES[kind])), pick) for kind in kinds]
    nodes = [pick.draw(st.sampled_from(NODES)) for _ in facts]
    together = pick.draw(st.booleans())
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    asyncio.run(write_and_rebuild(path, list(zip(nodes, facts, strict=True)), together=together))


async def write_and_rebuild(path: Path, facts: list[tuple[str, AnyFact]], *, together: bool) -> None:
    journal = await open_journal(path)
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
    written = rows(path)
    await journal.rebuild()
    assert rows(path) == written
    await journal.close()


async def task_after(tmp_path: Path, *facts: tuple[str, AnyFact]) -> tuple[object, ...]:
    """State, node and reason of the whole task after some facts on some streams."""
    path = tmp_path / "ledger.sqlite"
    await write_and_rebuild(path, list(facts), together=False)
    history = await open_history(path)
    task = await history.task(WHOLE)
    await history.close()
    return (task.planner, task.state, task.node, task.reason) if task else ()


async def test_only_the_planners_stream_moves_a_task(tmp_path: Path) -> None:
    after = await task_after(
        tmp_path,
        ("root", planned(WHOLE, "d1")),
        ("root", assigned(WHOLE, "team")),
        ("team", admitted(WHOLE, "team")),
        ("team", concluded(WHOLE, Outcome.FAILED)),
        ("team", finished(WHOLE, "team", 7)),
    )
    assert after == ("root", "assigned", "team", "")


async def test_a_task_under_verification_says_so(tmp_path: Path) -> None:
    after = await task_after(
        tmp_path,
        ("root", planned(WHOLE, "d1")),
        ("root", finished(WHOLE, "team", 7)),
        ("root", planned(OTHER, "d1", verifies=WHOLE)),
    )
    assert after == ("root", "verifying", None, "")


async def test_a_reason_to_wait_is_over_when_the_task_is_assigned(tmp_path: Path) -> None:
    deferred = TaskDeferred(task_id=WHOLE, directive_id="d1", check="budget", reason="spent")
    waiting = (("root", planned(WHOLE, "d1")), ("root", deferred))
    assert await task_after(tmp_path / "a", *waiting) == ("root", "planned", None, "budget: spent")
    assigned_after = await task_after(tmp_path / "b", *waiting, ("root", assigned(WHOLE, "team")))
    assert assigned_after == ("root", "assigned", "team", "")


async def test_facts_about_an_unknown_task_make_no_row(tmp_path: Path) -> None:
    verified = TaskVerified(task_id=WHOLE, directive_id="d1", verifier_task_id=OTHER, verifier_node="tester")
    assert await task_after(tmp_path, ("root", verified)) == ()


async def test_a_late_result_is_paid_for(tmp_path: Path) -> None:
    late = ResultLate(
        task_id=PART,
        directive_id="d1",
        execution_id="late",
        node="coder",
        outcome=Outcome.COMPLETED,
        usage=Usage(input_tokens=5),
    )
    path = tmp_path / "ledger.sqlite"
    await write_and_rebuild(path, [("team", late), ("team", finished(PART, "coder", 100))], together=True)
    history = await open_history(path)
    usage = await history.usage()
    assert (usage.executions, usage.input_tokens) == (2, 105)
    await history.close()


async def test_credit_goes_to_the_node_and_once_to_each_ancestor(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    await write_and_rebuild(path, [("team", traced(PART, "coder", "team", "root", "team"))], together=True)
    assert [row[1:] for row in rows(path)["trace_credit"]] == [("coder", 0), ("root", 2), ("team", 1)]


@pytest.mark.parametrize("facts", [3, 12_000])
async def test_a_rebuild_goes_through_all_facts_step_by_step(tmp_path: Path, facts: int) -> None:
    journal = await open_journal(tmp_path / "ledger.sqlite")
    await journal.claim("root", owner(), TTL_SECONDS)
    await journal.commit(commit("root", 1, 0, facts=[recorded(str(each)) for each in range(facts)]))
    assert await journal.rebuild() == facts
    await journal.close()
