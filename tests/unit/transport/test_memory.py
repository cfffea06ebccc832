"""What only the in-memory adapter decides: its options, its clock, and how long unused queues stay."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.transport_adapters import ORGANIZATION, envelope
from vsm_core.channel import Lane
from vsm_transport import (
    AddressError,
    DeadLetterError,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    open_transport,
)
from vsm_transport.memory import MemoryTransport, dead_letters, subscription
from vsm_transport.memory.dead_letters import renew
from vsm_transport.protocol import DeadLetter

CONTROL = Lane.CONTROL


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory://?decod=1", "unknown option 'decod'"),
        ("memory://?decode=yes", "decode is 0 or 1"),
        ("memory://?bound=0", "from 1"),
        ("memory://?bound=many", "from 1"),
    ],
)
async def test_an_option_it_does_not_have_is_an_error(url: str, reason: str) -> None:
    with pytest.raises(AddressError, match=reason):
        await open_transport(url, ORGANIZATION)


async def test_options_are_read_from_the_address() -> None:
    assert not (await open_transport("memory://", ORGANIZATION)).features.by_value
    assert (await open_transport("memory://?decode=1&bound=7", ORGANIZATION)).features.by_value


async def test_an_unused_client_queue_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = MemoryTransport()
    await transport.publish([OutgoingEnvelope(envelope("_user-ada", CONTROL))])
    assert await transport.depth("_user-ada", CONTROL) == 1
    monkeypatch.setattr("vsm_transport.memory.CLIENT_EXPIRY_SECONDS", 0.0)
    await transport.publish([OutgoingEnvelope(envelope("_user-grace", CONTROL))])
    assert await transport.depth("_user-ada", CONTROL) == 0


async def test_a_client_queue_in_use_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = MemoryTransport()
    async with transport.subscribe(Subscription("_user-ada", CONTROL)):
        monkeypatch.setattr("vsm_transport.memory.CLIENT_EXPIRY_SECONDS", 0.0)
        await transport.publish([OutgoingEnvelope(envelope("_user-ada", CONTROL))])
        assert await transport.depth("_user-ada", CONTROL) == 1


async def test_the_queue_of_a_leafs_process_that_is_gone_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    transport = MemoryTransport()
    await transport.declare("coder", NodeKind.LEAF)
    async with transport.subscribe(Subscription("coder", CONTROL, process="gone")):
        pass
    monkeypatch.setattr("vsm_transport.memory.CLIENT_EXPIRY_SECONDS", 0.0)
    await transport.publish([OutgoingEnvelope(envelope("coder", CONTROL))])
    assert await transport.depth("coder", CONTROL) == 0


async def test_expiry_follows_the_clock_it_was_given() -> None:
    now = datetime.now(UTC)
    transport = MemoryTransport(now=lambda: now + timedelta(days=8))
    await transport.declare("coder", NodeKind.LEAF)
    await transport.publish([OutgoingEnvelope(envelope("coder"))])
    async with transport.subscribe(Subscription("coder", Lane.WORK)) as deliveries:
        assert deliveries.take(1) == []
    (dead,) = await transport.dead_letters.list(1)
    assert (dead.reason, dead.at) == ("expired", now + timedelta(days=8))


async def test_a_newer_version_comes_again_and_dies_after_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "VERSION_RETRY_SECONDS", 0.0)
    transport = MemoryTransport(decode=True)
    await transport.declare("coder", NodeKind.LEAF)
    newer = envelope("coder").model_copy(update={"schema_version": 2})
    await transport.publish([OutgoingEnvelope(newer)])
    async with transport.subscribe(Subscription("coder", Lane.WORK)) as deliveries:
        assert deliveries.take(1) == []
    (dead,) = await transport.dead_letters.list(1)
    assert "this reads 0 and 1" in dead.reason
    assert dead.attempts == 5


async def test_the_oldest_dead_letter_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "DEAD_LIMIT", 2)
    transport = MemoryTransport()
    await transport.declare("coder", NodeKind.LEAF)
    sent = [envelope("coder") for _ in range(3)]
    await transport.publish([OutgoingEnvelope(each) for each in sent])
    async with transport.subscribe(Subscription("coder", Lane.WORK, slots=3)) as deliveries:
        for delivery in deliveries.take(3):
            await delivery.reject("no")
    assert [each.id for each in await transport.dead_letters.list(9)] == [each.id for each in sent[1:]]


async def test_bytes_that_are_no_envelope_are_not_sent_again() -> None:
    transport = MemoryTransport()
    unreadable = DeadLetter("x", "coder", Lane.WORK, "malformed", 0, datetime.now(UTC), None, b"{")
    transport.dead_letters._kept["x"] = unreadable
    with pytest.raises(DeadLetterError, match="no envelope"):
        await transport.dead_letters.requeue("x")


async def test_a_delayed_letter_does_not_outlive_the_transport() -> None:
    transport = MemoryTransport()
    await transport.declare("coder", NodeKind.LEAF)
    await transport.publish([OutgoingEnvelope(envelope("coder"))])
    async with transport.subscribe(Subscription("coder", Lane.WORK)) as deliveries:
        (delivery,) = deliveries.take(1)
        await delivery.nack(0.01)
        await transport.close()
        await asyncio.sleep(0.02)
        assert await transport.depth("coder", Lane.WORK) == 1


def test_the_same_dead_letter_always_renews_to_the_same_envelope() -> None:
    now = datetime.now(UTC)
    old = envelope("coder")
    assert renew(old, now) == renew(old, now)
    assert renew(old, now).encoded() != old.encoded()
