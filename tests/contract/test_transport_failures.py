"""The transport port's contract when things go wrong: attempts, delays, lost subscribers, dead letters."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.contract.transport_adapters import (
    ADDRESSES,
    Bench,
    benches,
    envelope,
    is_quiet,
    number_of,
    receive,
    receive_all,
)
from vsm_core.channel import Lane
from vsm_core.envelope import CLOCK_SKEW
from vsm_transport import DeadLetterError, Subscription
from vsm_transport.protocol import ATTEMPT_LIMIT

WORK = Lane.WORK


@pytest.fixture(params=ADDRESSES)
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async for each in benches(request.param):
        yield each


async def test_a_lost_subscriber_gives_back_what_it_had_not_settled(bench: Bench) -> None:
    if not bench.transport.features.redelivers:
        pytest.skip("this adapter does not redeliver")
    await bench.numbered("coder", WORK, range(4))
    async with bench.transport.subscribe(Subscription("coder", WORK, 3, "dies")) as dying:
        await (await receive(dying)).ack()
        held = [await receive(dying) for _ in range(2)]
    another = await bench.listen("coder", WORK, process="lives")
    again = [await receive(another) for _ in range(3)]
    assert [(number_of(each), each.attempt) for each in again] == [(1, 2), (2, 2), (3, 1)]
    for late in held:
        await late.ack()  # an ack after the loss proves nothing
        await late.nack()
        await late.reject("too late")
    assert await bench.transport.dead_letters.list(10) == ()


async def test_settling_twice_has_no_effect(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(1))
    delivery = await receive(deliveries)
    await delivery.ack()
    await delivery.ack()
    await delivery.nack()
    await delivery.reject("twice")
    assert await is_quiet(deliveries)
    assert await bench.transport.dead_letters.list(10) == ()


async def test_after_the_last_attempt_it_is_a_dead_letter_with_the_reason(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(2))
    for attempt in range(1, ATTEMPT_LIMIT + 1):
        delivery = await receive(deliveries)
        assert (number_of(delivery), delivery.attempt) == (0, attempt)
        await delivery.nack()
    assert await receive_all(deliveries, 1) == [1]
    (dead,) = await bench.transport.dead_letters.list(10)
    assert (dead.node, dead.lane, dead.attempts) == ("coder", WORK, ATTEMPT_LIMIT)
    assert str(ATTEMPT_LIMIT) in dead.reason


async def test_nack_waits_for_its_delay_and_holds_up_nobody(bench: Bench) -> None:
    if not bench.transport.features.delays:
        pytest.skip("this adapter can't delay")
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(2))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await (await receive(deliveries)).nack(0.1)
    assert await bench.transport.depth("coder", WORK) == 2
    assert await receive_all(deliveries, 1) == [1]
    again = await receive(deliveries)
    assert (number_of(again), again.attempt) == (0, 2)
    assert loop.time() - started >= 0.09


async def test_a_rejected_envelope_is_a_dead_letter_that_can_be_sent_anew(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    sent = envelope("coder", number=3)
    await bench.send(sent)
    await (await receive(deliveries)).reject("the sender may not do this")
    letters = bench.transport.dead_letters
    (dead,) = await letters.list(10)
    assert dead.reason == "the sender may not do this"
    assert dead.envelope == sent
    assert await letters.show(sent.id) == dead

    renewed = await letters.requeue(sent.id)
    delivery = await receive(deliveries)
    assert delivery.envelope.id == renewed != sent.id
    assert delivery.envelope.causation_id == sent.id
    assert delivery.envelope.correlation_id == sent.correlation_id
    assert delivery.envelope.payload == sent.payload
    assert (delivery.attempt, await letters.list(10)) == (1, ())


async def test_dead_letters_are_listed_oldest_first_and_purged(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    await bench.numbered("coder", WORK, range(3))
    ids = []
    for _ in range(3):
        delivery = await receive(deliveries)
        ids.append(delivery.envelope.id)
        await delivery.reject("no")
    letters = bench.transport.dead_letters
    assert [each.id for each in await letters.list(2)] == ids[:2]
    assert await letters.purge([ids[1], "unknown"]) == 1
    assert [each.id for each in await letters.list(10)] == [ids[0], ids[2]]
    assert await letters.purge() == 2
    with pytest.raises(DeadLetterError, match="none of that id"):
        await letters.show(ids[0])
    with pytest.raises(DeadLetterError, match="none of that id"):
        await letters.requeue(ids[0])


async def test_an_expired_envelope_is_never_handed_over(bench: Bench) -> None:
    deliveries = await bench.listen("coder", WORK)
    stale = -CLOCK_SKEW - timedelta(seconds=1)
    await bench.send(envelope("coder", number=1, lifetime=stale), envelope("coder", number=2))
    assert await receive_all(deliveries, 1) == [2]
    (dead,) = await bench.transport.dead_letters.list(10)
    assert (dead.reason, dead.attempts) == ("expired", 0)


async def test_an_envelope_of_an_older_unreadable_form_is_a_dead_letter(bench: Bench) -> None:
    if not bench.transport.features.by_value:
        pytest.skip("by reference nothing is read")
    deliveries = await bench.listen("coder", WORK)
    newer = envelope("coder", number=1).model_copy(update={"schema_version": 99})
    broken = envelope("coder", number=2).model_copy(update={"organization": "Not A Name"})
    await bench.send(newer, broken, envelope("coder", number=3))
    assert await receive_all(deliveries, 1) == [3]
    (dead,) = await bench.transport.dead_letters.list(10)
    assert dead.id == broken.id
    assert "organization" in dead.reason
    assert await bench.transport.depth("coder", WORK) == 1  # the newer one waits for a newer receiver
