"""Full queues: publishers wait, nothing is dropped, nobody else is held up. For adapters that declare ``bounded``."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.transport_adapters import Bench, benches, envelope, receive, receive_all
from vsm_core.channel import Lane
from vsm_core.envelope import Priority
from vsm_transport import NodeKind, PublishUnconfirmed, Subscription, UnroutableError

WORK, CONTROL = Lane.WORK, Lane.CONTROL
BOUND = 4


@pytest.fixture(params=[f"memory://?bound={BOUND}", f"memory://?decode=1&bound={BOUND}"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async for each in benches(request.param):
        assert each.transport.features.bounded
        yield each


async def publishing(bench: Bench, target: str, lane: Lane, numbers: range) -> "asyncio.Future[None]":
    """A publish that waits for room."""
    waiting = asyncio.ensure_future(bench.numbered(target, lane, numbers))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    return waiting


async def test_publish_waits_for_room_and_drops_nothing(bench: Bench) -> None:
    waiting = await publishing(bench, "coder", WORK, range(10))
    deliveries = await bench.listen("coder", WORK)
    assert await receive_all(deliveries, 10) == list(range(10))
    await waiting


async def test_a_full_target_delays_no_other_of_the_same_batch(bench: Bench) -> None:
    full = [envelope("coder", number=number) for number in range(BOUND + 2)]
    waiting = asyncio.ensure_future(
        bench.send(*full, envelope("chief", number=7), envelope("chief", CONTROL, number=8))
    )
    assert await receive_all(await bench.listen("chief", WORK), 1) == [7]
    assert await receive_all(await bench.listen("chief", CONTROL), 1) == [8]
    assert not waiting.done()
    assert await receive_all(await bench.listen("coder", WORK), BOUND + 2) == list(range(BOUND + 2))
    await waiting


async def test_two_batches_that_cross_never_deadlock(bench: Bench) -> None:
    targets = ("coder", "chief")
    batches = [
        bench.send(*(envelope(target, number=n) for target in order for n in range(20)))
        for order in (targets, targets[::-1])
    ]
    waiting = asyncio.gather(*batches)
    for target in targets:
        assert len(await receive_all(await bench.listen(target, WORK), 40)) == 40
    await asyncio.wait_for(waiting, 5)


async def test_publishers_that_wait_keep_their_order(bench: Bench) -> None:
    first = await publishing(bench, "coder", WORK, range(6))
    second = await publishing(bench, "coder", WORK, range(6, 8))
    assert await receive_all(await bench.listen("coder", WORK, slots=1), 8) == list(range(8))
    await asyncio.gather(first, second)


async def test_room_wakes_every_consumer_it_can_serve(bench: Bench) -> None:
    both = [await bench.listen("coder", WORK, slots=20, process=name) for name in ("one", "two")]
    taking = asyncio.gather(*(receive_all(each, 6) for each in both))
    await asyncio.sleep(0.01)
    await bench.numbered("coder", WORK, range(12))
    first, second = await asyncio.wait_for(taking, 5)
    assert sorted(first + second) == list(range(12))


async def test_an_interrupt_passes_a_full_control_lane(bench: Bench) -> None:
    waiting = await publishing(bench, "chief", CONTROL, range(10))
    await bench.send(envelope("chief", CONTROL, number=99, priority=Priority.INTERRUPT))
    deliveries = await bench.listen("chief", CONTROL)
    assert await receive_all(deliveries, 11) == [99, *range(10)]
    await waiting


async def test_a_cancelled_publish_takes_back_what_had_no_room(bench: Bench) -> None:
    waiting = await publishing(bench, "coder", WORK, range(BOUND + 3))
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    deliveries = await bench.listen("coder", WORK)
    assert await receive_all(deliveries, BOUND) == list(range(BOUND))
    await bench.send(envelope("coder", number=50))
    assert await receive_all(deliveries, 1) == [50]


async def test_what_waits_for_a_delay_keeps_its_room(bench: Bench) -> None:
    await bench.numbered("coder", WORK, range(BOUND))
    deliveries = await bench.listen("coder", WORK)
    await (await receive(deliveries)).nack(0.05)
    waiting = await publishing(bench, "coder", WORK, range(10, 11))
    assert sorted(await receive_all(deliveries, BOUND + 1)) == [0, 1, 2, 3, 10]
    await waiting


async def test_close_refuses_the_publishers_that_wait(bench: Bench) -> None:
    waiting = await publishing(bench, "coder", WORK, range(10))
    await bench.transport.close()
    with pytest.raises(PublishUnconfirmed) as raised:
        await waiting
    assert len(raised.value.envelope_ids) == 10 - BOUND
    assert not raised.value.definite


async def test_retiring_a_node_refuses_the_publishers_that_wait(bench: Bench) -> None:
    waiting = await publishing(bench, "coder", WORK, range(10))
    await bench.transport.retire("coder")
    with pytest.raises(UnroutableError, match="coder"):
        await waiting


async def test_an_expiring_queue_that_nobody_reads_keeps_the_newest(bench: Bench) -> None:
    await bench.numbered("_user-ada", CONTROL, range(10))
    assert await receive_all(await bench.listen("_user-ada", CONTROL), BOUND) == [6, 7, 8, 9]


async def test_a_publisher_never_waits_for_a_client_that_has_left(bench: Bench) -> None:
    async with bench.transport.subscribe(Subscription("_user-ada", CONTROL)):
        waiting = await publishing(bench, "_user-ada", CONTROL, range(6))
    await waiting
    assert await receive_all(await bench.listen("_user-ada", CONTROL), BOUND) == [2, 3, 4, 5]


async def test_a_slow_process_of_a_leaf_makes_the_publisher_wait_and_loses_nothing(bench: Bench) -> None:
    quick = await bench.listen("coder", CONTROL, process="quick")
    slow = await bench.listen("coder", CONTROL, process="slow")
    waiting = asyncio.ensure_future(bench.numbered("coder", CONTROL, range(10)))
    assert await receive_all(quick, 10) == list(range(10))
    assert not waiting.done()
    assert await receive_all(slow, 10) == list(range(10))
    await waiting


async def test_promotion_refuses_publishers_that_wait_for_a_process_of_the_leaf(bench: Bench) -> None:
    await bench.listen("coder", CONTROL, process="slow")
    waiting = await publishing(bench, "coder", CONTROL, range(10))
    await bench.transport.declare("coder", NodeKind.CONTROLLER)
    with pytest.raises(UnroutableError):
        await waiting


async def test_a_publisher_that_gave_up_leaves_no_gap(bench: Bench) -> None:
    impatient = await publishing(bench, "coder", WORK, range(BOUND + 1))
    patient = await publishing(bench, "coder", WORK, range(20, 22))
    impatient.cancel()
    assert await receive_all(await bench.listen("coder", WORK), BOUND + 2) == [*range(BOUND), 20, 21]
    await patient


@pytest.mark.parametrize("ending", ["leave", "retire"])
async def test_a_publisher_that_gave_up_is_forgotten_with_the_queue(bench: Bench, ending: str) -> None:
    async with bench.transport.subscribe(Subscription("coder", CONTROL)):
        waiting = await publishing(bench, "coder", CONTROL, range(BOUND + 1))
        waiting.cancel()
        await asyncio.wait([waiting])
        if ending == "retire":
            await bench.transport.retire("coder")
    assert await bench.transport.depth("coder", CONTROL) == (BOUND if ending == "leave" else 0)


async def test_an_expiring_queue_whose_room_is_all_delayed_still_takes_the_newest(bench: Bench) -> None:
    async with bench.transport.subscribe(Subscription("_user-ada", CONTROL, slots=BOUND)) as deliveries:
        await bench.numbered("_user-ada", CONTROL, range(BOUND))
        for delivery in deliveries.take(BOUND):
            await delivery.nack(30.0)
    await bench.numbered("_user-ada", CONTROL, range(9, 10))
    assert await receive_all(await bench.listen("_user-ada", CONTROL), 1) == [9]
