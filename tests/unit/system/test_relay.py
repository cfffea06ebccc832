"""The relay: each outlet in order and on its own, marks once confirmed, and twice rather than never."""

from collections.abc import AsyncIterator

import pytest

from tests.unit.system.letters import NODE, PEER, control, name_of, work
from tests.unit.system.stage import Clock, Stage, crash_at, memory_journal, staged, turns, until, waiting_in
from tests.unit.system.tally import sending
from vsm_core.channel import Lane
from vsm_system.crash import never
from vsm_system.relay import PUBLISH_BATCH, Relay
from vsm_transport.protocol import NodeKind

FAR = "far"
BOUND = 2


@pytest.fixture
async def narrow() -> AsyncIterator[Stage]:
    """A stage whose queues hold two envelopes; one more node is declared."""
    clock = Clock()
    made = await staged(memory_journal(clock), clock, bound=BOUND)
    await made.transport.declare(FAR, NodeKind.CONTROLLER)
    yield made
    await made.transport.close()


def relay_of(stage: Stage) -> Relay:
    return Relay(stage.transport, stage.journal, never)


def to(target: str, *names: str) -> list[object]:
    return [control(name, source=NODE, target=target) for name in names]


def sent_to(stage: Stage, target: str) -> list[str]:
    return [name_of(each) for each in stage.transport.sent if each.target == target]


async def test_a_full_outlet_delays_no_other_target(narrow: Stage) -> None:
    relay = relay_of(narrow)
    relay.put(to(PEER, "1", "2", "3", "4"))
    await turns()
    relay.put(to(FAR, "far"))
    await until(lambda: sent_to(narrow, FAR))
    assert sent_to(narrow, PEER) == []  # the publishing still waits for room
    await relay.stop()


async def test_a_full_work_lane_delays_no_control_of_the_same_target(narrow: Stage) -> None:
    relay = relay_of(narrow)
    relay.put([work(name, source=NODE, target=PEER) for name in ("1", "2", "3")])
    await turns()
    relay.put(to(PEER, "urgent"))
    await until(lambda: sent_to(narrow, PEER) == ["urgent"])
    await relay.stop()


async def test_control_goes_out_before_work(on_memory: Stage) -> None:
    relay = relay_of(on_memory)
    relay.put([work("task", source=NODE, target=PEER), *to(PEER, "note")])
    await relay.idle()
    assert sent_to(on_memory, PEER) == ["note", "task"]


async def test_a_failing_outlet_delays_no_other_and_is_tried_until_it_works(narrow: Stage) -> None:
    narrow.transport.failures[PEER] = 10**9
    relay = relay_of(narrow)
    relay.put([*to(PEER, "1", "2"), *to(FAR, "far")])
    await until(lambda: sent_to(narrow, FAR))
    assert not relay.at_rest
    narrow.transport.failures[PEER] = 0
    await relay.idle()
    assert sent_to(narrow, PEER) == ["1", "2"]
    assert relay.at_rest


async def test_an_outlet_keeps_its_order_over_failures_and_batches(on_memory: Stage) -> None:
    on_memory.transport.failures[PEER] = 3
    relay = relay_of(on_memory)
    names = [str(number) for number in range(PUBLISH_BATCH + 10)]
    for name in names:
        relay.put(to(PEER, name))
    await relay.idle()
    assert sent_to(on_memory, PEER) == names


async def test_marks_are_written_for_what_was_confirmed_alone(stage: Stage) -> None:
    stage.play(ask=sending(PEER, NODE))
    stage.transport.failures[PEER] = 10**9
    async with stage.hosting():
        await stage.deliver(control("ask"))
        await stage.until_recorded("ask", "sent")
        await turns()
        waiting = await stage.journal.to_send(NODE)
        assert [each.target for each in waiting] == [PEER]
        stage.transport.failures[PEER] = 0
        await until(lambda: stage.transport.depth(PEER, Lane.CONTROL))
        await until(lambda: all_marked(stage))


async def all_marked(stage: Stage) -> bool:
    return not await stage.journal.to_send(NODE)


async def test_a_lost_mark_sends_again_without_a_second_effect(stage: Stage) -> None:
    stage.play(ask=sending(NODE))
    stage.journal.errors["mark_sent"] = [OSError("the disk is full")]
    async with stage.hosting() as host:
        await stage.deliver(control("ask"))
        await stage.until_recorded("sent")
        await host.settled()
    async with stage.hosting() as host:
        await host.settled()
        await until(lambda: all_marked(stage))
        await stage.deliver(control("last"))
        await stage.until_recorded("last")
    assert sent_to(stage, NODE) == ["sent", "sent"]
    assert (await stage.facts()).count("sent") == 1


@pytest.mark.parametrize("point", ["relay.before_publish", "relay.after_publish"])
async def test_a_relay_that_dies_around_its_publish_loses_nothing(stage: Stage, point: str) -> None:
    (lost,) = await stage.past(step=sending(PEER))
    async with stage.hosting(stage.host(crash=crash_at(point))):
        await turns()
        assert await stage.journal.to_send(NODE) == (lost,)
    async with stage.hosting() as host:
        await host.settled()
    assert await stage.journal.to_send(NODE) == ()
    assert set(sent_to(stage, PEER)) == {"sent"}


async def test_what_is_not_confirmed_when_the_host_stops_stays_in_the_outbox(narrow: Stage) -> None:
    narrow.play(ask=sending(PEER, PEER, PEER))
    async with narrow.hosting():
        await narrow.deliver(control("ask"))
        await until(waiting_in(narrow.transport))
        await turns()
    assert len(await narrow.journal.to_send(NODE)) == BOUND + 1


async def test_a_closed_transport_ends_the_relay_quietly(on_memory: Stage) -> None:
    relay = relay_of(on_memory)
    await on_memory.transport.close()
    relay.put(to(PEER, "1"))
    await relay.idle()
    assert relay.at_rest
    assert on_memory.transport.sent == []
