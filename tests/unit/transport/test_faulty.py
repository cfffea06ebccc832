"""The faulty transport misbehaves within the port's contract, and the same way for the same seed."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.contract.transport_adapters import envelope, number_of
from vsm_core.channel import Lane
from vsm_transport import NodeKind, OutgoingEnvelope, PublishUnconfirmed, Subscription
from vsm_transport.faulty import Faults, FaultyTransport
from vsm_transport.memory import MemoryTransport

WORK = Lane.WORK


async def faulty(faults: Faults, seed: int = 1) -> FaultyTransport:
    transport = FaultyTransport(MemoryTransport(), faults, seed)
    await transport.declare("coder", NodeKind.LEAF)
    return transport


async def publish(transport: FaultyTransport, numbers: range) -> frozenset[int]:
    """Publish one by one; return the numbers that were not confirmed."""
    silent = set()
    for number in numbers:
        try:
            await transport.publish([OutgoingEnvelope(envelope("coder", number=number))])
        except PublishUnconfirmed:
            silent.add(number)
    return frozenset(silent)


async def arrived(transport: FaultyTransport) -> list[int]:
    async with transport.subscribe(Subscription("coder", WORK, slots=10_000)) as deliveries:
        return [number_of(each) for each in deliveries.take(10_000)]


async def test_without_faults_it_is_the_transport_it_wraps() -> None:
    transport = await faulty(Faults())
    assert await publish(transport, range(50)) == frozenset()
    assert transport.features == MemoryTransport().features
    assert await transport.depth("coder", WORK) == 50
    assert await arrived(transport) == list(range(50))
    assert await transport.dead_letters.list(1) == ()
    assert not transport.injected
    await transport.retire("coder")
    await transport.close()


async def test_what_is_lost_is_never_confirmed_and_what_is_confirmed_arrives() -> None:
    transport = await faulty(Faults(drop=0.3, unconfirmed=0.3, duplicate=0.3, reorder=0.3))
    silent = await publish(transport, range(400))
    there = await arrived(transport)
    assert set(range(400)) - silent <= set(there)
    assert 0 < len(silent & set(there)) < len(silent)  # some lost, some merely unconfirmed
    assert len(there) > len(set(there))
    assert transport.injected.total() > len(silent)


async def test_the_same_seed_makes_the_same_faults() -> None:
    runs = [await faulty(Faults(drop=0.2, duplicate=0.2), seed) for seed in (7, 7, 8)]
    silent = [await publish(each, range(100)) for each in runs]
    there = [await arrived(each) for each in runs]
    assert (silent[0], there[0]) == (silent[1], there[1])
    assert silent[0] != silent[2]


async def test_changing_one_probability_moves_no_other_fault() -> None:
    alone, both = await faulty(Faults(drop=0.2)), await faulty(Faults(drop=0.2, duplicate=0.9))
    assert await publish(alone, range(100)) == await publish(both, range(100))


async def test_reordering_changes_the_places_of_neighbours() -> None:
    transport = await faulty(Faults(reorder=0.5))
    await transport.publish(batch(range(20)))
    there = await arrived(transport)
    assert there != sorted(there) == list(range(20))


async def test_what_is_delayed_arrives_late_and_before_the_close() -> None:
    transport = await faulty(Faults(delay=1.0, delay_seconds=0.02))
    await transport.publish(batch(range(5)))
    assert await arrived(transport) == []
    await asyncio.sleep(0.03)
    assert sorted(await arrived(transport)) == list(range(5))
    await transport.publish(batch(range(5, 7)))
    await transport.retire("coder")  # what is late may find nobody: no error comes up anywhere
    await transport.close()


async def test_a_node_that_is_cut_off_gets_nothing_until_it_heals() -> None:
    transport = await faulty(Faults())
    transport.cut.add("coder")
    with pytest.raises(PublishUnconfirmed) as raised:
        await transport.publish(batch(range(2)))
    assert len(raised.value.envelope_ids) == 2
    transport.cut.clear()
    await transport.publish(batch(range(2, 3)))
    assert await arrived(transport) == [2]


def batch(numbers: range) -> Sequence[OutgoingEnvelope]:
    return [OutgoingEnvelope(envelope("coder", number=number)) for number in numbers]
