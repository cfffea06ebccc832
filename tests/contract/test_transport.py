"""The transport port's contract, over every adapter: what hosts rely on, whichever carries the envelopes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.contract.transport_adapters import (
    ADDRESSES,
    Bench,
    benches,
    envelope,
    has_ended,
    is_quiet,
    number_of,
    receive,
    receive_all,
)
from vsm_core.channel import Lane
from vsm_core.envelope import Priority
from vsm_transport import (
    Deliveries,
    Hold,
    NodeKind,
    NodeNotDeclared,
    Subscription,
    TransportClosed,
    UnroutableError,
)

WORK, CONTROL = Lane.WORK, Lane.CONTROL


@pytest.fixture(params=ADDRESSES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async for each in benches(request.param):
        yield each


# ------------------------------------------------------------------------------------------------ publish and take


@pytest.mark.parametrize("lane", Lane)
async def test_what_is_published_arrives_whole_and_in_order(bench: Bench, lane: Lane) -> None:
    sent = [envelope("chief", lane, number=number) for number in range(50)]
    await bench.send(*sent)
    deliveries = await bench.listen("chief", lane)
    for each in sent:
        delivery = await receive(deliveries)
        assert delivery.envelope == each
        assert delivery.attempt == 1
        assert (delivery.envelope is each) is not bench.transport.features.by_value
        await delivery.ack()
    assert await is_quiet(deliveries)


async def test_a_subscriber_that_came_first_is_woken(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    waiting = asyncio.ensure_future(receive(deliveries))
    await asyncio.sleep(0)
    await bench.numbered("coder", WORK, range(1))
    assert number_of(await waiting) == 0


async def test_a_batch_reaches_every_target(bench: Bench) -> None:
    await bench.send(
        envelope("coder", number=1), envelope("chief", number=2), envelope("chief", CONTROL, number=3)
    )
    assert await receive_all(await bench.listen("coder", WORK), 1) == [1]
    assert await receive_all(await bench.listen("chief", WORK), 1) == [2]
    assert await receive_all(await bench.listen("chief", CONTROL), 1) == [3]


async def test_the_lanes_of_a_node_are_independent(bench: Bench) -> None:
    await bench.numbered("chief", WORK, range(500))
    await bench.send(envelope("chief", CONTROL, number=7))
    assert await receive_all(await bench.listen("chief", CONTROL), 1) == [7]
    assert await bench.transport.depth("chief", WORK) == 500


async def test_what_waits_is_taken_at_once_up_to_the_limit_and_the_slots(bench: Bench) -> None:
    deliveries = await bench.listen("chief", CONTROL, slots=6)
    assert deliveries.take(10) == []
    await bench.numbered("chief", CONTROL, range(10))
    first = await receive(deliveries)
    more = list(deliveries.take(3))
    rest = list(deliveries.take(10))
    assert [number_of(each) for each in (first, *more, *rest)] == [0, 1, 2, 3, 4, 5]
    assert deliveries.take(10) == []


async def test_depth_counts_what_waits_and_not_what_is_in_hand(bench: Bench) -> None:
    assert await bench.transport.depth("chief", WORK) == 0
    assert await bench.transport.depth("nobody", WORK) == 0
    await bench.numbered("chief", WORK, range(3))
    await receive(await bench.listen("chief", WORK))
    assert await bench.transport.depth("chief", WORK) == 2


async def test_a_long_queue_does_not_starve_the_event_loop(bench: Bench) -> None:
    await bench.numbered("chief", CONTROL, range(5_000))
    deliveries = await bench.listen("chief", CONTROL)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    await receive_all(deliveries, 5_000)
    ticking.cancel()
    assert ticks > 10


# ----------------------------------------------------------------------------------------------------------- slots


async def test_two_subscribers_of_one_slot_share_ten_long_tasks_evenly(bench: Bench) -> None:
    taken: dict[str, list[int]] = {"one": [], "two": []}
    all_taken = asyncio.Event()

    async def work(deliveries: Deliveries, mine: list[int]) -> None:
        async for delivery in deliveries:
            await delivery.ack()  # at admission: the work begins only now
            mine.append(number_of(delivery))
            if sum(map(len, taken.values())) == 10:
                all_taken.set()
            await asyncio.sleep(0.01)
            deliveries.free()

    workers = [
        asyncio.ensure_future(
            work(await bench.listen("coder", WORK, slots=1, process=name, hold=Hold.UNTIL_FREED), mine)
        )
        for name, mine in taken.items()
    ]
    await bench.numbered("coder", WORK, range(10))
    await asyncio.wait_for(all_taken.wait(), 5)
    for worker in workers:
        worker.cancel()
    assert {name: len(mine) for name, mine in taken.items()} == {"one": 5, "two": 5}


async def test_a_held_slot_stays_busy_after_the_ack_until_it_is_freed(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK, slots=1, hold=Hold.UNTIL_FREED)
    await bench.numbered("coder", WORK, range(2))
    await (await receive(deliveries)).ack()
    assert await is_quiet(deliveries)
    waiting = asyncio.ensure_future(receive(deliveries))
    await asyncio.sleep(0)
    deliveries.free()
    assert number_of(await waiting) == 1


async def test_freeing_too_much_never_frees_the_slot_of_an_unsettled_delivery(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK, slots=1, hold=Hold.UNTIL_FREED)
    await bench.numbered("coder", WORK, range(2))
    await receive(deliveries)
    deliveries.free(5)
    assert await is_quiet(deliveries)


@pytest.mark.parametrize("settle", ["nack", "reject"])
async def test_work_that_never_began_frees_its_slot(bench: Bench, settle: str) -> None:
    deliveries = await bench.listen("coder", WORK, slots=1, hold=Hold.UNTIL_FREED)
    await bench.numbered("coder", WORK, range(1))
    delivery = await receive(deliveries)
    await (delivery.nack() if settle == "nack" else delivery.reject("not mine"))
    await bench.send(envelope("coder", number=1))
    assert number_of(await receive(deliveries)) == (0 if settle == "nack" else 1)


async def test_without_a_free_slot_nothing_is_handed_over(bench: Bench) -> None:
    busy = await bench.listen("coder", WORK, slots=1, process="busy")
    idle = await bench.listen("coder", WORK, slots=1, process="idle")
    await bench.numbered("coder", WORK, range(2))
    first = await receive(busy)
    assert await is_quiet(busy)
    assert number_of(await receive(idle)) == 1
    await first.ack()
    await bench.send(envelope("coder", number=2))
    assert number_of(await receive(busy)) == 2


def test_a_subscription_without_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        Subscription("coder", WORK, slots=0)


async def test_a_cancelled_wait_loses_nothing(bench: Bench) -> None:
    first = await bench.listen("coder", WORK, process="first")
    second = await bench.listen("coder", WORK, process="second")
    leaving = asyncio.ensure_future(receive(first))
    staying = asyncio.ensure_future(receive(second))
    await asyncio.sleep(0.01)
    await bench.numbered("coder", WORK, range(1))  # wakes the first, which goes before it takes
    leaving.cancel()
    done, _ = await asyncio.wait([leaving, staying], timeout=5, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait([staying], timeout=0.1)
    if staying.done():
        assert number_of(staying.result()) == 0
    else:  # the adapter had handed it over already
        assert number_of(leaving.result()) == 0
        staying.cancel()
    assert done


# --------------------------------------------------------------------------------------------------- control lanes


async def test_a_leafs_control_lane_is_a_broadcast_to_its_processes(bench: Bench) -> None:
    one = await bench.listen("coder", CONTROL, process="one")
    two = await bench.listen("coder", CONTROL, process="two")
    await bench.numbered("coder", CONTROL, range(3))
    assert await receive_all(one, 3) == [0, 1, 2]
    assert await receive_all(two, 3) == [0, 1, 2]


async def test_a_leaf_without_a_process_takes_control_envelopes_and_forgets_them(bench: Bench) -> None:
    await bench.numbered("coder", CONTROL, range(1))
    assert await is_quiet(await bench.listen("coder", CONTROL))


async def test_a_process_that_comes_back_finds_what_came_meanwhile(bench: Bench) -> None:
    async with bench.transport.subscribe(Subscription("coder", CONTROL, process="one")):
        pass
    await bench.numbered("coder", CONTROL, range(2))
    assert await receive_all(await bench.listen("coder", CONTROL, process="one"), 2) == [0, 1]


async def test_a_controllers_control_lane_has_one_consumer(bench: Bench) -> None:
    if not bench.transport.features.single_active:
        pytest.skip("this adapter does not hold a second consumer back")
    async with bench.transport.subscribe(Subscription("chief", CONTROL, 16, "one")) as first:
        standby = await bench.listen("chief", CONTROL, process="two")
        waiting = asyncio.ensure_future(receive(standby))
        await asyncio.sleep(0)
        await bench.numbered("chief", CONTROL, range(3))
        assert await receive_all(first, 2) == [0, 1]
        assert not waiting.done()
    assert number_of(await waiting) == 2


async def test_interrupt_and_critical_overtake_on_the_control_lane_only(bench: Bench) -> None:
    order = (Priority.LOW, Priority.NORMAL, Priority.CRITICAL, Priority.HIGH, Priority.INTERRUPT)
    for lane in Lane:
        await bench.send(*(envelope("chief", lane, number=n, priority=p) for n, p in enumerate(order)))
    assert await receive_all(await bench.listen("chief", CONTROL), 5) == [2, 4, 0, 1, 3]
    assert await receive_all(await bench.listen("chief", WORK), 5) == [0, 1, 2, 3, 4]


# --------------------------------------------------------------------------------------------- clients and targets


async def test_a_client_needs_no_declaration_and_may_come_later(bench: Bench) -> None:
    await bench.numbered("_user-ada", CONTROL, range(2))
    assert await bench.transport.depth("_user-ada", CONTROL) == 2
    assert await receive_all(await bench.listen("_user-ada", CONTROL), 2) == [0, 1]
    await bench.transport.declare("_user-ada", NodeKind.CONTROLLER)
    assert await bench.transport.depth("_user-grace", CONTROL) == 0


async def test_an_unknown_target_is_an_error_and_the_rest_is_confirmed(bench: Bench) -> None:
    if not bench.transport.features.unroutable_is_error:
        pytest.skip("this adapter confirms unknown targets")
    lost = [envelope("nobody"), envelope("_user-ada", WORK)]
    with pytest.raises(UnroutableError) as raised:
        await bench.send(lost[0], envelope("chief", number=1), lost[1])
    assert raised.value.targets == ("nobody", "_user-ada")
    assert raised.value.envelope_ids == (lost[0].id, lost[1].id)
    assert raised.value.definite
    assert await receive_all(await bench.listen("chief", WORK), 1) == [1]


async def test_subscribing_to_an_unknown_node_is_an_error(bench: Bench) -> None:
    with pytest.raises(NodeNotDeclared, match="nobody"):
        await bench.listen("nobody", WORK)


async def test_declaring_again_keeps_what_waits(bench: Bench) -> None:
    await bench.numbered("chief", WORK, range(1))
    await bench.transport.declare("chief", NodeKind.CONTROLLER)
    assert await bench.transport.depth("chief", WORK) == 1


async def test_a_promoted_leaf_gets_a_controllers_control_lane(bench: Bench) -> None:
    broadcast = await bench.listen("coder", CONTROL)
    await bench.numbered("coder", WORK, range(1))
    await bench.transport.declare("coder", NodeKind.CONTROLLER)
    assert await has_ended(broadcast)
    await bench.numbered("coder", CONTROL, range(2))
    assert await receive_all(await bench.listen("coder", CONTROL), 2) == [0, 1]
    assert await bench.transport.depth("coder", WORK) == 1


async def test_a_controller_without_children_gets_a_leafs_control_lane(bench: Bench) -> None:
    control = await bench.listen("chief", CONTROL)
    await bench.transport.declare("chief", NodeKind.LEAF)
    assert await has_ended(control)
    both = [await bench.listen("chief", CONTROL, process=name) for name in ("one", "two")]
    await bench.numbered("chief", CONTROL, range(1))
    assert [await receive_all(each, 1) for each in both] == [[0], [0]]


async def test_a_retired_node_is_gone_with_all_that_waits(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(3))
    await bench.transport.retire("coder")
    await bench.transport.retire("coder")
    assert await has_ended(deliveries)
    assert await bench.transport.depth("coder", WORK) == 0
    with pytest.raises(NodeNotDeclared):
        await bench.listen("coder", WORK)


# ---------------------------------------------------------------------------------------------------------- closing


async def test_close_ends_subscriptions_and_refuses_new_work(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(1))
    in_hand = await receive(deliveries)
    waiting = asyncio.ensure_future(has_ended(deliveries))
    await asyncio.sleep(0)
    await bench.transport.close()
    await bench.transport.close()
    await in_hand.ack()
    assert await waiting
    with pytest.raises(TransportClosed) as raised:
        await bench.numbered("coder", WORK, range(1))
    assert raised.value.definite
    with pytest.raises(TransportClosed):
        await bench.listen("coder", CONTROL)
