"""What the ledger tells people, read while a journal is open and after it is closed."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.arbitrary import models
from tests.contract.journals import COMMIT, START, TTL_SECONDS, commit, owner, recorded
from tests.databases import Site
from tests.unit.ledger.story import CHECK, DIRECTIVE, EVIDENCE, OTHER, PART, WHOLE, tell
from vsm_core.facts import FACT_CLASSES
from vsm_ledger import FactUnreadable, History, LedgerMissing, open_history, open_journal
from vsm_ledger.history import FactFilter
from vsm_ledger.views.sentences import SENTENCES, sentence_of

on_a_file = pytest.mark.parametrize("site", ["sqlite"], indirect=True)


@pytest.fixture
async def told(site: Site) -> Site:
    journal = await open_journal(site.location, organization="demo")
    await tell(journal)
    await journal.close()
    return site


@pytest.fixture
async def history(told: Site) -> AsyncIterator[History]:
    opened = await open_history(told.location)
    yield opened
    await opened.close()


async def test_a_directive_says_what_came_of_it(history: History) -> None:
    row = await history.directive(DIRECTIVE)
    assert row is not None
    assert await history.directives() == (row,)
    assert (row.stream, row.title, row.state, row.outcome) == (
        "root",
        "Fix the docs",
        "finished",
        "completed",
    )
    assert (row.branch, row.commit) == ("vsm/fix-docs", COMMIT)
    assert row.accepted_at == "2026-01-02T03:04:06.678901Z"
    assert row.finished_at == "2026-01-02T03:04:10.678901Z"
    assert await history.directive("unknown") is None


async def test_tasks_come_as_planned_with_their_lineage_and_the_planners_view(history: History) -> None:
    tasks = await history.tasks(DIRECTIVE)
    assert [task.task_id for task in tasks] == [WHOLE, OTHER, PART, CHECK]
    whole, other, part, check = tasks
    assert (whole.planner, whole.node, whole.parent_task_id) == ("root", "team", None)
    assert (part.planner, part.node, part.parent_task_id) == ("team", "coder", WHOLE)
    assert (whole.state, whole.outcome, whole.tip, whole.attempts) == ("concluded", "completed", COMMIT, 1)
    assert (other.outcome, other.attempts, other.node) == ("no_change", 0, None)
    assert part.files_touched == ("docs/a.md", "docs/ü.md")
    assert (check.verifies, check.role, check.dependencies) == (PART, "test", (PART,))
    assert await history.task(PART) == part
    assert await history.task("unknown") is None


async def test_evidence_names_who_saw_it(history: History) -> None:
    rows = await history.evidence(DIRECTIVE)
    assert [(row.task_id, row.kind, row.observed_by) for row in rows] == [
        (PART, "TaskFinished", "coder"),
        (PART, "TaskVerified", "tester"),
    ]
    assert rows[0].evidence == EVIDENCE


async def test_usage_counts_leaves_once_at_every_depth(history: History) -> None:
    usage = await history.usage(DIRECTIVE)
    assert (usage.executions, usage.input_tokens, usage.tool_calls) == (2, 110, 4)
    assert usage.money == (("USD", Decimal("0.50")),)
    assert await history.usage() == usage
    assert (await history.usage("unknown")).executions == 0


async def test_facts_are_found_by_what_they_are_about(history: History) -> None:
    every = await history.facts()
    assert [row.sequence for row in every] == list(range(1, len(every) + 1))
    planned = await history.facts(FactFilter(kind="TaskPlanned", stream="team"))
    assert [row.fact.task_id for row in planned] == [PART, CHECK]
    assert {row.stream for row in await history.facts(FactFilter(task_id=WHOLE))} == {"root", "team"}
    after = await history.facts(FactFilter(directive_id=DIRECTIVE, after=3, limit=2))
    assert [row.sequence for row in after] == [4, 5]
    caused = await history.facts(FactFilter(causation_id="env_to_team"))
    assert {row.fact.kind for row in caused} == {"TaskAdmitted", "TaskPlanned", "TaskAssigned"}


async def test_streams_say_who_runs_them(history: History) -> None:
    root, team = await history.streams()
    assert (root.stream, root.version, root.epoch, root.owner) == ("root", 9, 1, owner())
    assert team.stream == "team"


async def test_why_goes_from_the_directive_to_the_result_across_levels(history: History) -> None:
    said = [(reason.stream, reason.sentence) for reason in await history.why(PART)]
    assert said == [
        ("root", "accepted directive fix-docs: Fix the docs"),
        ("root", f"planned implement task {WHOLE}: do {WHOLE}"),
        ("root", f"assigned {WHOLE} to team, attempt 1: it is free"),
        ("team", f"took {WHOLE} on, to be split among its own children"),
        ("team", f"planned implement task {PART}: do {PART}"),
        ("team", f"assigned {PART} to coder, attempt 1: it is free"),
        ("team", f"coder reported {PART} as completed at {COMMIT[:12]}, 2 files touched"),
        ("team", f"traced attempt 1 of {PART} by coder as completed"),
        ("team", f"planned test task {CHECK} to judge {PART} after {PART}: do {CHECK}"),
        ("team", f"assigned {CHECK} to tester, attempt 1: it is free"),
        ("team", f"tester reported {CHECK} as completed at {COMMIT[:12]}, 2 files touched"),
        ("team", f"{CHECK} ended as completed"),
        ("team", f"tester saw the result of {PART} hold, by 1 command"),
        ("team", f"integrated {PART} at {COMMIT[:12]}"),
        ("team", f"{PART} ended as completed"),
        ("team", f"team reported {WHOLE} as completed at {COMMIT[:12]}, 2 files touched"),
        ("root", f"team reported {WHOLE} as completed at {COMMIT[:12]}, 2 files touched"),
        ("root", f"integrated {WHOLE} at {COMMIT[:12]}"),
        ("root", f"{WHOLE} ended as completed"),
        ("root", f"directive {DIRECTIVE} ended as completed on vsm/fix-docs at {COMMIT[:12]}"),
    ]
    first = (await history.why(PART))[0]
    assert (first.fact_id, first.at) == ("fact_root_1", "2026-01-02T03:04:06.678901Z")


async def test_why_knows_nothing_of_an_unknown_task(history: History) -> None:
    assert await history.why("unknown") == ()


def test_every_kind_of_fact_has_a_sentence() -> None:
    assert set(SENTENCES) == set(FACT_CLASSES)


@pytest.mark.parametrize("kind", sorted(FACT_CLASSES))
@settings(max_examples=5)
@given(data=st.data())
def test_a_sentence_can_be_said_of_any_fact(kind: str, data: st.DataObject) -> None:
    sentence = sentence_of(data.draw(models(FACT_CLASSES[kind])))
    assert len(sentence.split()) > 2


async def test_reading_goes_on_while_a_journal_writes(site: Site) -> None:
    journal = await open_journal(site.location)
    history = await open_history(site.location)
    await journal.claim("root", owner(), TTL_SECONDS)
    for version in range(5):
        await journal.commit(commit("root", 1, version, facts=[recorded(str(version))]))
        assert len(await history.facts()) == version + 1
    await history.close()
    await journal.close()


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_reading_does_not_make_a_ledger(site: Site, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(LedgerMissing):
            await open_history(site.location)
    assert not files_in(tmp_path)


@on_a_file
async def test_a_ledger_in_a_folder_that_can_not_be_written_is_read(told: Site) -> None:
    folder = Path(told.location).parent
    folder.chmod(0o500)
    try:
        history = await open_history(told.location)
        assert len(await history.directives()) == 1
        await history.close()
    finally:
        folder.chmod(0o700)


UNREADABLE = ("kind = 'Unheard'", "schema_version = 99", "body = '{}'", "occurred_at = 'noon'")


@pytest.mark.parametrize("change", UNREADABLE)
async def test_a_fact_that_can_not_be_read_is_named(told: Site, change: str) -> None:
    told.sql(f"UPDATE facts SET {change} WHERE stream = 'team' AND version = 2")
    await fact_2_of_team_is_named(told)


@on_a_file
async def test_a_fact_that_is_no_text_is_named(told: Site) -> None:
    told.sql("UPDATE facts SET body = x'ff00' WHERE stream = 'team' AND version = 2")
    await fact_2_of_team_is_named(told)


async def fact_2_of_team_is_named(told: Site) -> None:
    history = await open_history(told.location)
    with pytest.raises(FactUnreadable, match="fact 2 of team") as error:
        await history.facts()
    assert (error.value.stream, error.value.version) == ("team", 2)
    await history.close()


def test_the_clock_of_the_story_is_fixed() -> None:
    assert START.isoformat() == "2026-01-02T03:04:05.678901+00:00"
