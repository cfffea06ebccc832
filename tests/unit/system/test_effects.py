"""Facts before messages: nothing leaves a host before its commit is durable, and a host that lost its node stops."""

import asyncio

import pytest

from tests.unit.system.letters import NODE, PEER, START, control, job, timer, work
from tests.unit.system.stage import TTL_SECONDS, Stage, crash_at, owner, turns, until
from tests.unit.system.tally import sending
from vsm_core.actor import Claimed, Commit, Fenced, Step
from vsm_core.channel import Lane
from vsm_system import host as host_module
from vsm_system.host import Host
from vsm_system.supervisor import Supervisor

EVERYTHING = sending(PEER) + Step(timers=(timer("alarm"),), jobs=(job("merged"),))
TROUBLE = OSError("the disk went away for a moment")


async def assert_nothing_happened(stage: Stage, host: Host) -> None:
    assert stage.transport.sent == []
    assert stage.workshop.begun == []
    assert host._timers.next_due() is None
    assert await stage.facts() == []


async def test_nothing_happens_before_the_commit_is_durable(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    stage.journal.gate.clear()
    async with stage.hosting() as host:
        await stage.deliver(work("task"))
        await stage.journal.held.wait()
        await turns()
        await assert_nothing_happened(stage, host)
    assert await stage.transport.depth(NODE, Lane.WORK) == 1  # not acknowledged: it was given back


async def test_everything_happens_once_the_commit_is_durable(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    stage.journal.gate.clear()
    async with stage.hosting() as host:
        await stage.deliver(work("task"))
        await stage.journal.held.wait()
        stage.journal.gate.set()
        await stage.until_recorded("task", "fired:alarm")
        await until(lambda: stage.workshop.begun and stage.transport.sent)
        await host.settled()
    assert await stage.transport.depth(NODE, Lane.WORK) == 0


@pytest.mark.parametrize("line", [Step(), "not for me"])
async def test_a_delivery_is_settled_only_after_the_commit(stage: Stage, line: Step | str) -> None:
    stage.play(note=line)
    stage.journal.gate.clear()
    async with stage.hosting():
        await stage.deliver(control("note"))
        await stage.journal.held.wait()
        await turns()
        assert await stage.dead() == {}
    assert await stage.transport.depth(NODE, Lane.CONTROL) == 1


async def test_a_duplicate_is_acknowledged_only_when_the_first_is_durable(stage: Stage) -> None:
    await stage.deliver(control("twin"), control("twin"))
    stage.journal.gate.clear()
    async with stage.hosting():
        await stage.journal.held.wait()
        await turns()
    assert await stage.transport.depth(NODE, Lane.CONTROL) == 2


async def test_a_crash_before_the_commit_leaves_no_effect(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    host = stage.host(crash=crash_at("host.before_commit"))
    await stage.deliver(work("task"))
    await stage.breaks(host)
    await assert_nothing_happened(stage, host)


async def test_a_crash_right_after_the_commit_loses_no_effect(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    await stage.deliver(work("task"))
    await stage.breaks(stage.host(crash=crash_at("host.after_commit")))
    assert stage.transport.sent == []
    assert stage.workshop.begun == []
    async with stage.hosting():
        await stage.until_recorded("fired:alarm")
        await until(lambda: stage.workshop.begun and stage.transport.sent)
    assert (await stage.facts()).count("task") == 1


async def test_a_failing_commit_is_no_effect_and_the_next_host_handles_it(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    stage.journal.errors["commit"] = [TROUBLE]
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    first = supervisor.host(NODE)
    await stage.deliver(work("task"))
    await stage.until_recorded("task")
    await until(lambda: stage.transport.sent and stage.workshop.begun)
    assert supervisor.host(NODE) is not first
    assert not supervisor.failed.done()
    assert stage.actor.attempts[:2] == [1, 2]
    await supervisor.stop()


async def test_a_fenced_host_stops_without_effect_and_stays_stopped(stage: Stage) -> None:
    stage.play(task=EVERYTHING)
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    journal = stage.journal.inner
    epoch = await journal.claim(NODE, owner(), TTL_SECONDS)  # the same process takes over: the epoch rises
    await stage.deliver(work("task"))
    assert isinstance(await asyncio.wait_for(supervisor.failed, TTL_SECONDS), Fenced)
    await turns()
    await assert_nothing_happened(stage, supervisor.host(NODE))
    assert await stage.transport.depth(NODE, Lane.WORK) == 1
    await journal.commit(Commit(NODE, epoch, 0))  # the new owner still holds it
    await supervisor.stop()


async def test_a_host_that_can_not_renew_its_claim_stops(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "CLAIM_RENEW_SECONDS", 0.01)
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await stage.journal.claim(NODE, owner(), TTL_SECONDS)
    assert isinstance(await asyncio.wait_for(supervisor.failed, TTL_SECONDS), Fenced)
    await supervisor.stop()


async def test_a_claim_is_renewed_while_its_host_lives(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_module, "CLAIM_RENEW_SECONDS", 0.01)
    async with stage.hosting():
        for _ in range(3):
            stage.clock.advance(host_module.CLAIM_TTL_SECONDS - 1)
            await asyncio.sleep(0.05)
        with pytest.raises(Claimed):
            await stage.journal.claim(NODE, owner("process-2"), TTL_SECONDS)


async def test_a_node_that_another_host_holds_is_refused_and_left_alone(stage: Stage) -> None:
    async with stage.hosting():
        tried: list[Host] = []

        def try_it() -> Host:
            tried.append(stage.host(process="process-2"))
            return tried[-1]

        supervisor = Supervisor()
        with pytest.raises(Claimed):
            await supervisor.start(NODE, try_it)
        assert len(tried) == 1
        assert isinstance(supervisor.failed.result(), Claimed)
        await stage.deliver(control("note", START))
        await stage.until_recorded("note")  # the first host goes on
        await supervisor.stop()


async def test_a_host_that_stops_gives_its_claim_up(stage: Stage) -> None:
    async with stage.hosting():
        pass
    assert await stage.journal.claim(NODE, owner("process-2"), TTL_SECONDS) == 2
