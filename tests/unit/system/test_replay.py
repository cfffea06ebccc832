"""Replay: a ledger made by a real organization is decided again to the same bytes, and a change in it is found."""

from pathlib import Path

import pytest

from tests.databases import Site, postgres, site
from tests.unit.system.organized import genome, organized_run
from vsm_core.genome import add_child
from vsm_core.node import ViableNode
from vsm_ledger import open_history
from vsm_system.errors import UserError
from vsm_system.runs.ledger import code_version
from vsm_system.runs.replay import Replayed, first_difference, replay

__all__ = ["postgres", "site"]


@pytest.fixture
async def told(site: Site, tmp_path: Path) -> Site:
    await organized_run(site.location, tmp_path, directives=3)
    return site


async def replayed(site: Site, node: str | None = None, version: str | None = None) -> dict[str, Replayed]:
    history = await open_history(site.location)
    try:
        found = await replay(history, genome(), node, code_version() if version is None else version)
    finally:
        await history.close()
    return {each.node: each for each in found}


async def test_all_that_was_decided_comes_out_the_same_byte_for_byte(told: Site) -> None:
    found = await replayed(told)
    assert set(found) == {"root", "middle"}
    for each in found.values():
        assert each.divergence is None
        assert each.pruned == each.foreign == each.facts_only == 0
        counted = told.sql(f"SELECT count(*), sum(facts), sum(sends) FROM inbox WHERE stream = '{each.node}'")
        assert [tuple(map(int, row)) for row in counted] == [(each.decisions, each.facts, each.envelopes)]
        assert each.envelopes > 0


async def test_only_the_node_asked_for(told: Site) -> None:
    assert set(await replayed(told, "middle")) == {"middle"}


async def test_of_another_version_only_facts_are_compared_and_it_says_so(told: Site) -> None:
    root = (await replayed(told, "root", "9.9.9"))["root"]
    assert (root.divergence, root.envelopes) == (None, 0)
    assert root.facts_only == root.decisions > 0
    assert root.versions == {code_version()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            """UPDATE facts SET body = replace(body, '"attempt":1', '"attempt":2')
            WHERE stream = 'middle' AND kind = 'TaskAssigned' AND version < 20""",
            "TaskAssigned: attempt was 2; now 1",
        ),
        (
            "UPDATE facts SET occurred_at = '2020-01-01T00:00:00.000000Z' WHERE stream = 'middle'",
            "occurred_at was",
        ),
        ("UPDATE inbox SET refusal = 'no' WHERE stream = 'middle'", "refusal was 'no'; now None"),
        ("UPDATE inbox SET now = '2020-01-01T00:00:00.000000Z' WHERE stream = 'middle'", "occurred_at was"),
        ("DELETE FROM facts WHERE stream = 'middle' AND kind = 'TaskConcluded'", "facts were"),
        (
            "DELETE FROM outbox WHERE stream = 'middle' AND payload_type = 'task_packet'",
            "envelopes were sent",
        ),
    ],
)
async def test_the_first_decision_that_differs_is_named(change: str, said: str, told: Site) -> None:
    told.sql(change)
    found = await replayed(told)
    assert found["root"].divergence is None
    middle = found["middle"]
    assert middle.divergence is not None
    assert said in str(middle.divergence)
    assert str(middle.divergence).startswith("decision ")


async def test_a_changed_envelope_is_found(told: Site) -> None:
    rows = told.rows(
        "SELECT sequence, bytes FROM outbox WHERE stream = 'root' AND payload_type = 'task_packet'"
    )
    changed = bytes(rows[0]["bytes"]).replace(b'"attempt":1', b'"attempt":3')
    told.sql(f"UPDATE outbox SET bytes = {blob(told, changed)} WHERE sequence = {rows[0]['sequence']}")
    divergence = str((await replayed(told, "root"))["root"].divergence)
    assert "payload.assignment.attempt was 3; now 1" in divergence


def blob(site: Site, content: bytes) -> str:
    """Bytes as a literal of SQL."""
    return f"decode('{content.hex()}', 'hex')" if site.kind == "postgres" else f"x'{content.hex()}'"


async def test_what_was_pruned_is_passed_over_and_counted(told: Site) -> None:
    told.sql(
        "DELETE FROM inbox WHERE stream = 'middle' AND position < 4",
        f"UPDATE outbox SET bytes = {blob(told, b'')} WHERE stream = 'root'",
        f"UPDATE inbox SET bytes = {blob(told, b'')} WHERE stream = 'root' AND position = 2",
    )
    found = await replayed(told)
    assert found["middle"].divergence is found["root"].divergence is None
    assert found["root"].pruned == 1
    assert found["root"].envelopes == 0
    assert found["root"].envelopes_pruned > 0
    assert found["middle"].decisions > 0


async def test_what_nobody_can_decide_again_is_refused(told: Site) -> None:
    with pytest.raises(UserError, match="no node 'nobody'"):
        await replayed(told, "nobody")
    told.sql("UPDATE facts SET genome_id = upper(genome_id) WHERE stream = 'middle'")
    found = await replayed(told)
    assert found["middle"].divergence is None
    assert found["middle"].foreign > found["middle"].decisions == 0
    told.sql("UPDATE facts SET genome_id = upper(genome_id)")
    with pytest.raises(UserError, match="another organization"):
        await replayed(told)
    assert add_child(genome(), "root", ViableNode(id="new")).id != genome().id


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a[1].b was 2; now 3"),
        ({"a": 1}, {}, "a was 1; now null"),
        ([1], [1, 2], "it was [1]; now [1,2]"),
        ({"a": 1}, {"a": 1}, None),
    ],
)
def test_the_first_difference_of_two_values(then: object, now: object, said: str | None) -> None:
    assert first_difference(then, now) == said
