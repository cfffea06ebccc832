"""The envelope: one story, one encoding, and nothing unreadable gets through."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from tests.unit.core.test_payloads import NOW, around
from vsm_core.channel import Channel, Lane
from vsm_core.envelope import (
    BODY_LIMIT,
    CLOCK_SKEW,
    LIFETIME,
    PATH_LIMIT,
    Envelope,
    Priority,
    decode_envelope,
)
from vsm_core.errors import EnvelopeError, NewerVersionError
from vsm_core.payloads.signals import EnvironmentKind, EnvironmentSignal
from vsm_core.payloads.work import TaskPacket, TaskResultAck
from vsm_core.value import TEXT_LIMIT

ACK = TaskResultAck(task_id="t", execution_id="e")
PACKET = TaskPacket(id="t", directive_id="d", title="T")
LATER = NOW + timedelta(minutes=1)


def packet(**fields: object) -> Envelope:
    return around(PACKET).model_copy(update=fields)


def test_a_reply_goes_back_and_keeps_the_story() -> None:
    asked = packet(path=("root",), cancel_epoch=3, priority=Priority.HIGH)
    reply = asked.reply(envelope_id="env_2", channel=Channel.MANAGEMENT_TO_OPERATION, payload=ACK, now=LATER)
    assert (reply.source, reply.target) == (asked.target, asked.source)
    assert (reply.correlation_id, reply.causation_id) == (asked.correlation_id, asked.id)
    assert (reply.payload_type, reply.schema_version, reply.lane) == ("task_result_ack", 1, Lane.CONTROL)
    assert (reply.created_at, reply.expires_at) == (LATER, LATER + LIFETIME)
    assert (reply.cancel_epoch, reply.priority, reply.path) == (3, Priority.HIGH, ("root", "coder"))
    assert (reply.organization, reply.genome_id) == (asked.organization, asked.genome_id)


def test_a_forward_carries_the_story_on_from_its_receiver() -> None:
    asked = packet(path=("root",))
    forward = asked.forward(
        envelope_id="env_2",
        target="tester",
        channel=Channel.OPERATION_TO_OPERATION,
        payload=PACKET,
        now=LATER,
    )
    assert (forward.source, forward.target, forward.lane) == ("coder", "tester", Lane.WORK)
    assert (forward.correlation_id, forward.causation_id) == (asked.correlation_id, asked.id)
    assert forward.path == ("root", "coder")


def test_a_path_keeps_the_last_nodes_and_no_principal() -> None:
    long = packet(path=tuple(f"n{number}" for number in range(PATH_LIMIT)))
    reply = long.reply(envelope_id="e", channel=Channel.AUDIT, payload=ACK, now=LATER)
    assert len(reply.path) == PATH_LIMIT
    assert reply.path[-1] == "coder"
    from_user = packet(target="_user-ada").reply(
        envelope_id="e", channel=Channel.AUDIT, payload=ACK, now=LATER
    )
    assert from_user.path == ()


def test_it_is_encoded_once() -> None:
    envelope = packet()
    assert envelope.encoded() is envelope.encoded()
    changed = envelope.model_copy(update={"id": "env_9"})
    assert b"env_9" in changed.encoded()
    assert "_wire" not in envelope.model_copy().__dict__
    assert envelope == decode_envelope(envelope.encoded())


def test_the_bytes_leave_none_out_and_write_times_in_utc() -> None:
    in_tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    made = Envelope.model_validate({**json.loads(packet().encoded()), "created_at": in_tokyo})
    wire = json.loads(made.encoded())
    assert wire["created_at"] == "2026-01-01T00:00:00Z"
    assert None not in wire["payload"].values()
    assert made.created_at.tzinfo is UTC


def big(characters: int) -> Envelope:
    details = [("x" * TEXT_LIMIT, "y" * TEXT_LIMIT), ("z" * min(characters, TEXT_LIMIT), "")]
    refs = tuple(f"{number:0>160}" for number in range(characters // 160))
    return around(
        EnvironmentSignal(
            kind=EnvironmentKind.RISK, subject=details[0][0], detail=details[0][1], evidence_refs=refs
        )
    )


def test_an_oversize_envelope_is_neither_written_nor_read() -> None:
    fits = big(100_000)
    assert decode_envelope(fits.encoded()) == fits
    with pytest.raises(EnvelopeError, match=f"over the limit of {BODY_LIMIT}"):
        big(150_000).encoded()
    with pytest.raises(EnvelopeError, match=f"{BODY_LIMIT + 1} bytes are over the limit"):
        decode_envelope(b" " * (BODY_LIMIT + 1))


def wire(**fields: object) -> bytes:
    return json.dumps({**json.loads(packet().encoded()), **fields}).encode()


def test_the_version_before_is_read_and_a_newer_one_is_told_apart() -> None:
    assert decode_envelope(wire()).schema_version == 1
    with pytest.raises(NewerVersionError, match="task_packet version 2: this reads 0 and 1"):
        decode_envelope(wire(schema_version=2))


def test_a_version_that_is_too_old_is_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    oldest, older = wire(), wire(schema_version=2)
    monkeypatch.setattr(TaskPacket, "schema_version", 3)
    with pytest.raises(EnvelopeError, match="version 1: this reads 2 and 3") as raised:
        decode_envelope(oldest)
    assert not isinstance(raised.value, NewerVersionError)
    assert decode_envelope(older).schema_version == 2


MALFORMED = (
    (b"", "the top"),
    (b"\xff\xfe", "the top"),
    (b"[]", "the top"),
    (b"{" * 5_000, "the top"),
    (wire(payload_type="command"), "the header says command, the payload is task_packet"),
    (wire(payload={"payload_type": "rumour"}), "payload"),
    (wire(payload={**json.loads(wire())["payload"], "mood": "good"}), "payload.task_packet.mood"),
    (wire(channel="gossip"), "channel"),
    (wire(source="_root"), "source"),
    (wire(target="Not A Node"), "target"),
    (wire(created_at="2026-01-01T00:00:00"), "created_at"),
    (wire(schema_version=0), "schema_version"),
    (wire(genome_id="abc"), "genome_id"),
    (wire(path=["a"] * (PATH_LIMIT + 1)), "path"),
    (wire(extra=1), "extra"),
)


@pytest.mark.parametrize(("body", "place"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_bytes_are_refused_with_the_place(body: bytes, place: str) -> None:
    with pytest.raises(EnvelopeError, match="malformed envelope at") as raised:
        decode_envelope(body)
    assert place in raised.value.reason
    assert raised.value.definite


def test_an_envelope_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        packet().id = "other"  # type: ignore[misc]


def test_it_expires_by_any_clock_that_may_have_stamped_it() -> None:
    short = packet(expires_at=NOW)
    assert not short.expired(NOW + CLOCK_SKEW - timedelta(seconds=1))
    assert short.expired(NOW + CLOCK_SKEW)
