"""A host that starts goes on where the last one of its node stopped: state, outbox, timers, jobs."""

from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from tests.unit.system.letters import NODE, PEER, START, control, execute_request, job, timer, work
from tests.unit.system.stage import Stage, turns, until
from tests.unit.system.tally import sending
from vsm_core.actor import Step
from vsm_core.payloads.control import HostStarted
from vsm_core.payloads.jobs import JobRequest
from vsm_system.jobs import AFTER_CRASH, AfterCrash

LATER = START + timedelta(hours=1)


async def test_the_state_is_the_fold_of_what_was_recorded(stage: Stage) -> None:
    await stage.past("one")
    await stage.past("two")
    async with stage.hosting():
        await stage.deliver(control("three"))
        await stage.until_recorded("three")
    assert stage.actor.states == [("one", "two")]
    assert await stage.facts() == ["one", "two", "three"]


async def test_what_is_not_marked_as_sent_is_published_in_order_and_marked(stage: Stage) -> None:
    committed = await stage.past(step=sending(PEER, PEER, PEER))
    async with stage.hosting() as host:
        await host.settled()
    assert stage.transport.sent == list(committed)
    assert not await stage.journal.to_send(NODE)


async def test_what_was_sent_and_not_handled_here_is_published_again(stage: Stage) -> None:
    lost, unsent = await stage.past(step=sending(PEER, PEER))
    await stage.journal.mark_sent([lost.id])
    await stage.peer_handles()
    async with stage.hosting() as host:
        await host.settled()
    assert stage.transport.sent == [lost, unsent]


async def test_what_was_sent_and_handled_is_not_published_again(stage: Stage) -> None:
    handled, lost = await stage.past(step=sending(PEER, PEER))
    await stage.journal.mark_sent([handled.id, lost.id])
    await stage.peer_handles(handled)
    async with stage.hosting() as host:
        await host.settled()
    assert stage.transport.sent == [lost]


async def test_a_transport_that_survives_a_restart_is_trusted_with_what_it_confirmed(stage: Stage) -> None:
    sent, unsent = await stage.past(step=sending(PEER, PEER))
    await stage.journal.mark_sent([sent.id])
    await stage.peer_handles()
    stage.transport.features = replace(stage.transport.features, survives_restart=True)
    async with stage.hosting() as host:
        await host.settled()
    assert stage.transport.sent == [unsent]


async def test_pending_timers_fire_once(stage: Stage) -> None:
    await stage.past(step=Step(timers=(timer("due"), timer("later", LATER))))
    for _ in range(2):
        async with stage.hosting() as host:
            await stage.until_recorded("fired:due")
            await host.settled()
    assert stage.actor.decided == ["fired:due"]
    assert [each.id for each in (await stage.journal.load(NODE)).timers] == ["later"]


async def test_a_timer_that_comes_due_later_fires_then(on_memory: Stage) -> None:
    soon = START + timedelta(milliseconds=20)
    await on_memory.past(step=Step(timers=(timer("soon", soon),)))
    async with on_memory.hosting():
        await turns()
        assert on_memory.actor.decided == []
        on_memory.clock.advance(0.02)
        await on_memory.until_recorded("fired:soon")


async def test_open_jobs_start_again_or_are_given_up_by_their_kind(stage: Stage) -> None:
    await stage.past(merged=job("merged"), executed=job("executed", execute_request()))
    async with stage.hosting():
        await until(lambda: stage.workshop.begun)
        await turns()
        assert stage.workshop.begun == ["merge"]
        stage.workshop.finish("merge")
        await stage.until_recorded("ended:merged", "ended:executed")
    assert (await stage.journal.load(NODE)).jobs == ()


def test_every_kind_of_job_has_a_rule_and_what_spends_is_never_repeated() -> None:
    assert set(AFTER_CRASH) == {each.model_fields["kind"].default for each in get_args(JobRequest)}
    assert [kind for kind, rule in AFTER_CRASH.items() if rule is AfterCrash.GIVE_UP] == ["execute"]


async def test_the_announcement_is_decided_before_anything_else(stage: Stage) -> None:
    await stage.past(step=Step(timers=(timer("due"),)))
    await stage.deliver(control("urgent"), work("task"))
    stage.announcement = HostStarted(process="process-1", nodes=(NODE,))
    async with stage.hosting():
        await stage.until_recorded("host_started", "urgent", "task", "fired:due")
    assert stage.actor.decided[0] == "host_started"


async def test_every_process_is_announced_once(stage: Stage) -> None:
    for process in ("process-1", "process-2"):
        stage.announcement = HostStarted(process=process, nodes=(NODE,))
        async with stage.hosting(stage.host(process=process)) as host:
            await host.settled()
    assert await stage.facts() == ["host_started", "host_started"]


@pytest.mark.parametrize("times", [2, 3])
async def test_a_host_that_starts_again_within_its_process_goes_on(stage: Stage, times: int) -> None:
    stage.announcement = HostStarted(process="process-1", nodes=(NODE,))
    for number in range(times):
        async with stage.hosting():
            await stage.deliver(control(f"note-{number}"))
            await stage.until_recorded(f"note-{number}")
    assert (await stage.facts()).count("host_started") == 1
