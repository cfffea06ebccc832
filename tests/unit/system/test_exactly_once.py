"""Whatever a transport does, an envelope has one effect: in a batch, over batches, over restarts, with any memory."""

from datetime import timedelta

import pytest

from tests.unit.system.letters import NODE, control, work
from tests.unit.system.stage import Stage, Stopped, crash_at, turns, until
from tests.unit.system.tally import sending
from vsm_core.channel import Lane
from vsm_system import inbox
from vsm_system.inbox import InboxMemory
from vsm_transport.faulty import Faults, FaultyTransport
from vsm_transport.protocol import OutgoingEnvelope

NEW = timedelta(seconds=1)  # after the host has started: only its own memory can know such envelopes


def fresh(name: str, stage: Stage) -> object:
    return control(name, stage.clock.now() + NEW)


async def test_the_same_envelope_twice_in_a_batch_is_decided_once(stage: Stage) -> None:
    await stage.deliver(control("twin"), control("twin"))
    async with stage.hosting() as host:
        await stage.deliver(control("last"))
        await stage.until_recorded("last")
        await host.settled()
    assert stage.actor.decided == ["twin", "last"]
    assert await stage.transport.depth(NODE, Lane.CONTROL) == 0


async def test_the_same_envelope_again_later_is_decided_once(stage: Stage) -> None:
    async with stage.hosting():
        twin = fresh("twin", stage)
        for each in (twin, fresh("between", stage), twin, fresh("last", stage)):
            await stage.deliver(each)
            await turns()
        await stage.until_recorded("twin", "between", "last")
    assert stage.actor.decided == ["twin", "between", "last"]


async def test_a_transport_that_duplicates_everything_changes_nothing(stage: Stage) -> None:
    faulty = FaultyTransport(stage.transport, Faults(duplicate=1.0, reorder=0.5), seed=7)
    names = [f"note-{number}" for number in range(20)]
    async with stage.hosting():
        await faulty.publish([OutgoingEnvelope(fresh(each, stage)) for each in names])
        await stage.until_recorded(*names)
        await turns()
    assert faulty.injected["duplicate"] == len(names)
    assert sorted(stage.actor.decided) == sorted(names)


async def test_an_envelope_of_an_earlier_host_is_decided_once(stage: Stage) -> None:
    for _ in range(2):
        async with stage.hosting() as host:
            await stage.deliver(control("twin"), control("last"))
            await stage.until_recorded("last")
            await turns()
            await host.settled()
    assert stage.actor.decided == ["twin", "last"]
    assert await stage.transport.depth(NODE, Lane.CONTROL) == 0


@pytest.mark.parametrize("point", ["host.after_commit", "host.after_ack"])
async def test_what_was_committed_and_comes_again_after_a_crash_is_decided_once(
    stage: Stage, point: str
) -> None:
    await stage.deliver(control("note"), work("task"))
    assert isinstance(await stage.breaks(stage.host(crash=crash_at(point))), Stopped)
    async with stage.hosting() as host:
        await stage.deliver(control("last"), work("last-task"))
        await stage.until_recorded("last", "last-task")
        await host.settled()
    assert sorted(stage.actor.decided) == ["last", "last-task", "note", "task"]
    assert await stage.transport.depth(NODE, Lane.WORK) == 0


async def test_what_was_not_committed_comes_again_and_is_decided_then(stage: Stage) -> None:
    await stage.deliver(control("note"))
    await stage.breaks(stage.host(crash=crash_at("host.before_commit")))
    assert await stage.facts() == []
    async with stage.hosting():
        await stage.until_recorded("note")
    assert stage.actor.attempts == [1, 2]


async def test_what_the_inbox_memory_forgot_the_journal_knows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "REMEMBERED", 2)
    async with stage.hosting():
        notes = [fresh(f"note-{number}", stage) for number in range(6)]
        for each in (*notes, *notes):
            await stage.deliver(each)
            await turns()
        await stage.deliver(fresh("last", stage))
        await stage.until_recorded("last")
    assert stage.actor.decided == [*(f"note-{number}" for number in range(6)), "last"]


async def test_the_inbox_memory_is_bounded_and_asks_only_about_what_it_may_not_know(
    on_memory: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "REMEMBERED", 2)
    asked: list[str] = []

    class Asked:
        async def seen(self, _stream: str, envelope_ids: list[str]) -> frozenset[str]:
            asked.extend(envelope_ids)
            return frozenset()

    start = on_memory.clock.now()
    memory = InboxMemory(NODE, Asked(), start)
    one, two, three = (control(f"note-{number}", start + NEW * number) for number in (1, 2, 3))
    memory.remember([one, two, three])
    assert await memory.seen([two, three, control("new", start + NEW * 4)]) == {two.id, three.id}
    assert asked == []
    await memory.seen([one, control("old", start)])
    assert asked == [one.id, "env_old"]


async def test_a_host_made_before_the_last_one_ended_knows_what_that_one_handled(stage: Stage) -> None:
    waiting = stage.host(process="process-2")
    async with stage.hosting():
        note = control("note", stage.clock.now())
        await stage.deliver(note)
        await stage.until_recorded("note")
    async with stage.hosting(waiting):
        await stage.deliver(note)
        await stage.deliver(fresh("last", stage))
        await stage.until_recorded("last")
    assert stage.actor.decided == ["note", "last"]


async def test_an_unroutable_envelope_whose_mark_was_lost_is_reported_once(stage: Stage) -> None:
    stage.play(ask=sending("nobody"))
    stage.journal.errors["mark_sent"] = [OSError("the disk is full")]
    async with stage.hosting() as host:
        await stage.deliver(control("ask"))
        await stage.until_recorded("unroutable:nobody")
        await host.settled()
    assert await stage.journal.to_send(NODE)
    async with stage.hosting():
        await stage.deliver(control("last"))
        await stage.until_recorded("last")
        await until(lambda: _all_marked(stage))
        await turns()
        await stage.deliver(control("very-last"))
        await stage.until_recorded("very-last")
    assert (await stage.facts()).count("unroutable:nobody") == 1


async def _all_marked(stage: Stage) -> bool:
    return not await stage.journal.to_send(NODE)
