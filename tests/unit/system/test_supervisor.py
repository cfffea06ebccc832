"""The supervisor: a host that breaks comes back, one that keeps breaking ends the run, and nothing is left behind."""

import asyncio

import pytest

from tests.unit.system.letters import NODE, control, job, work
from tests.unit.system.stage import TTL_SECONDS, Stage, owner, turns, until
from vsm_core.actor import Fenced, Step
from vsm_ledger.errors import LedgerUnavailable
from vsm_system import supervisor as module
from vsm_system.supervisor import RESTARTS, Supervisor

FULL = LedgerUnavailable("ledger", "the disk is full")
TROUBLE = OSError("something broke")
START_SECONDS = 0.5


async def test_a_started_host_takes_envelopes(stage: Stage) -> None:
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    assert supervisor.host(NODE).ready.is_set()
    await stage.deliver(control("note"))
    await stage.until_recorded("note")
    await supervisor.stop()


async def test_a_journal_that_keeps_failing_ends_the_run_with_its_error(stage: Stage) -> None:
    stage.journal.errors["commit"] = [TROUBLE] * (RESTARTS + 1)
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await stage.deliver(*(control(f"note-{number}") for number in range(3)))
    await until(lambda: _kept_delivering(stage, supervisor))
    assert supervisor.failed.result() is TROUBLE
    assert stage.journal.errors["commit"] == []
    await supervisor.stop()


async def _kept_delivering(stage: Stage, supervisor: Supervisor) -> bool:
    """Something always waits to be decided, whatever became a dead letter by coming too often."""
    if not supervisor.failed.done() and await stage.transport.depth(NODE, control("x").lane) == 0:
        await stage.deliver(control(f"more-{len(stage.actor.decided)}"))
    return supervisor.failed.done()


async def test_a_ledger_that_stays_full_ends_the_run_with_its_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEDGER_PATIENCE_SECONDS", 0.5)
    stage.journal.errors["commit"] = [FULL] * 1_000
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await until(lambda: _kept_delivering(stage, supervisor))
    assert supervisor.failed.result() is FULL
    assert await stage.facts() == []
    await supervisor.stop()


async def test_a_full_ledger_is_waited_for_longer_than_a_bug(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_WAIT_SECONDS", 0.01)
    hurt: list[str] = []
    stage.journal.errors["commit"] = [FULL] * (3 * RESTARTS)
    supervisor = Supervisor()
    supervisor.on_pain = lambda node, cause: hurt.append(f"{node}: {cause}")
    await supervisor.start(NODE, stage.host)
    await stage.deliver(control("note"))
    for _ in range(3 * RESTARTS):
        if await stage.transport.depth(NODE, control("x").lane) == 0:
            await stage.deliver(control("note"))
        await turns()
    await until(lambda: not stage.journal.errors["commit"] or _kept_delivering(stage, supervisor))
    await stage.deliver(control("last"))
    await stage.until_recorded("last")
    assert hurt == [f"{NODE}: {FULL}"]
    assert not supervisor.failed.done()
    await supervisor.stop()


async def test_a_commit_that_was_written_though_its_ledger_failed_has_one_effect(stage: Stage) -> None:
    stage.journal.errors["after_commit"] = [FULL]
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await stage.deliver(control("note"))
    await stage.until_recorded("note")
    await stage.deliver(control("last"))
    await stage.until_recorded("last")
    assert await stage.facts() == ["note", "last"]
    assert not supervisor.failed.done()
    await supervisor.stop()


async def test_a_node_lost_after_a_ledger_error_was_mended_is_lost(on_memory: Stage) -> None:
    on_memory.journal.errors["commit"] = [FULL]
    supervisor = Supervisor()
    await supervisor.start(NODE, on_memory.host)
    await on_memory.deliver(control("note"))
    await on_memory.until_recorded("note")
    await on_memory.journal.claim(NODE, owner(), TTL_SECONDS)
    await on_memory.deliver(control("late"))
    await turns()
    assert supervisor.failed.done()
    assert isinstance(supervisor.failed.result(), Fenced)
    await supervisor.stop()


async def test_a_failure_while_stopping_does_not_undo_the_stop(stage: Stage) -> None:
    stage.journal.errors["release"] = [TROUBLE]
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    async with asyncio.timeout(START_SECONDS):
        await supervisor.stop()
    assert not supervisor.failed.done()
    assert stage.journal.errors["release"] == []


async def test_as_many_failures_as_the_intensity_allows_are_mended(on_memory: Stage) -> None:
    supervisor = Supervisor()
    await supervisor.start(NODE, on_memory.host)
    for number in range(RESTARTS):
        on_memory.journal.errors["commit"] = [TROUBLE]
        await on_memory.deliver(control(f"note-{number}"))
        await on_memory.until_recorded(f"note-{number}")
    assert not supervisor.failed.done()
    await supervisor.stop()


async def test_failures_far_apart_are_forgiven(on_memory: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW_SECONDS", -1.0)
    supervisor = Supervisor()
    await supervisor.start(NODE, on_memory.host)
    for number in range(3 * RESTARTS):
        on_memory.journal.errors["commit"] = [TROUBLE]
        await on_memory.deliver(control(f"note-{number}"))
        await on_memory.until_recorded(f"note-{number}")
    assert not supervisor.failed.done()
    await supervisor.stop()


async def test_a_host_that_fails_while_it_starts_comes_up_after_all(stage: Stage) -> None:
    stage.journal.errors["load"] = [TROUBLE]
    supervisor = Supervisor()
    try:
        async with asyncio.timeout(START_SECONDS):
            await supervisor.start(NODE, stage.host)
        assert supervisor.host(NODE).ready.is_set()
    finally:
        await supervisor.stop()


async def test_a_job_that_outlives_its_host_reports_to_the_next_one(stage: Stage) -> None:
    stage.play(task=Step(jobs=(job("merged"),)))
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await stage.deliver(work("task"))
    await until(lambda: stage.workshop.begun)
    stage.journal.errors["commit"] = [TROUBLE]
    await stage.deliver(control("note"))
    await stage.until_recorded("note")
    stage.workshop.finish("merge")
    await until(lambda: not len(stage.jobs))
    await supervisor.host(NODE).settled()
    await supervisor.stop()
    assert "ended:merged" in await stage.facts()


async def test_stop_ends_the_hosts_that_are_named_and_then_the_others(stage: Stage) -> None:
    before = asyncio.all_tasks()
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await supervisor.stop(("nobody",))
    await stage.deliver(control("note"))
    await stage.until_recorded("note")
    await supervisor.stop((NODE,))
    await supervisor.stop()
    await turns()
    assert asyncio.all_tasks() == before
