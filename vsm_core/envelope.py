"""The envelope: what travels, who sent it, why, and until when.

Theory of operation. An envelope is made by a decision, with an id derived from its cause, and encoded once: the same
bytes are outbox row, wire body, signed text and size check. ``reply`` and ``forward`` are the only places where
correlation (the story) and causation (the direct cause) are passed on.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, NamedTuple, Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from vsm_core.channel import Channel, Lane, lane_of
from vsm_core.codec import wire_bytes
from vsm_core.errors import EnvelopeError, NewerVersionError
from vsm_core.ids import Address, Id, NodeId, OrganizationName, Sha256
from vsm_core.payloads import PAYLOAD_CLASSES, AnyPayload, Payload
from vsm_core.value import Instant, Value

BODY_LIMIT = 262_144  # bytes of an encoded envelope
PATH_LIMIT = 64  # nodes an envelope may have travelled
LIFETIME = timedelta(days=7)
CLOCK_SKEW = timedelta(hours=2)  # that the clocks of two machines may be apart


class Priority(StrEnum):
    """How urgent an envelope is among those of its lane."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"
    INTERRUPT = "interrupt"


class Envelope(Value):
    """One payload on its way from a source to a target."""

    id: Id
    schema_version: PositiveInt
    organization: OrganizationName
    genome_id: Sha256
    channel: Channel
    source: Address
    target: Address
    payload_type: str
    payload: Payload
    correlation_id: Id
    causation_id: Id
    priority: Priority = Priority.NORMAL
    created_at: Instant
    expires_at: Instant
    cancel_epoch: NonNegativeInt = 0
    path: Annotated[tuple[NodeId, ...], Field(max_length=PATH_LIMIT)] = ()

    @model_validator(mode="after")
    def _header_matches_payload(self) -> Self:
        if self.payload_type != self.payload.payload_type:
            raise ValueError(
                f"the header says {self.payload_type}, the payload is {self.payload.payload_type}"
            )
        return self

    @property
    def lane(self) -> Lane:
        """The lane this envelope travels on."""
        return lane_of(self.payload_type)

    def expired(self, now: datetime) -> bool:
        """Say whether nobody waits for this any more, by any clock that may have stamped it."""
        return self.expires_at + CLOCK_SKEW <= now

    def encoded(self) -> bytes:
        """Return the wire bytes, made on first use; raise EnvelopeError where they are over the limit."""
        kept = self.__dict__.get("_wire")
        if isinstance(kept, bytes):
            return kept
        made = wire_bytes(self)
        if len(made) > BODY_LIMIT:
            raise EnvelopeError(f"{self.payload_type} of {len(made)} bytes is over the limit of {BODY_LIMIT}")
        self.__dict__["_wire"] = made
        return made

    def reply(self, *, envelope_id: str, channel: Channel, payload: AnyPayload, now: datetime) -> "Envelope":
        """Return an answer to the sender: same story, caused by this envelope."""
        return self._follow(envelope_id, channel, payload, now, (self.target, self.source))

    def forward(
        self, *, envelope_id: str, target: str, channel: Channel, payload: AnyPayload, now: datetime
    ) -> "Envelope":
        """Return an envelope that carries the story on from its receiver to another node."""
        return self._follow(envelope_id, channel, payload, now, (self.target, target))

    def _follow(
        self, envelope_id: str, channel: Channel, payload: AnyPayload, now: datetime, route: tuple[str, str]
    ) -> "Envelope":
        source, target = route
        path = self.path if source.startswith("_") else (*self.path, source)[-PATH_LIMIT:]
        return Envelope(
            id=envelope_id,
            schema_version=payload.schema_version,
            organization=self.organization,
            genome_id=self.genome_id,
            channel=channel,
            source=source,
            target=target,
            payload_type=payload.payload_type,
            payload=payload,
            correlation_id=self.correlation_id,
            causation_id=self.id,
            priority=self.priority,
            created_at=now,
            expires_at=now + LIFETIME,
            cancel_epoch=self.cancel_epoch,
            path=path,
        )


class Heading(NamedTuple):
    """In whose organization, on which channel, from whom, to whom."""

    organization: str
    genome_id: str
    channel: Channel
    source: str
    target: str


class Story(NamedTuple):
    """What names an envelope, which story it belongs to, and what caused it."""

    id: str
    correlation_id: str
    causation_id: str


def new_envelope(
    payload: AnyPayload,
    heading: Heading,
    story: Story,
    now: datetime,
    *,
    priority: Priority = Priority.NORMAL,
) -> Envelope:
    """Return an envelope that begins a story, or that no decision made: from a client, or from a host itself."""
    return Envelope(
        **heading._asdict(),
        **story._asdict(),
        payload=payload,
        payload_type=payload.payload_type,
        schema_version=payload.schema_version,
        priority=priority,
        created_at=now,
        expires_at=now + LIFETIME,
    )


def decode_envelope(body: bytes) -> Envelope:
    """Return the envelope in ``body``; raise EnvelopeError with the reason where it can't be read."""
    if len(body) > BODY_LIMIT:
        raise EnvelopeError(f"{len(body)} bytes are over the limit of {BODY_LIMIT}")
    try:
        envelope = Envelope.model_validate_json(body)
    except ValidationError as error:
        raise EnvelopeError(_first_problem(error)) from error
    newest = PAYLOAD_CLASSES[envelope.payload_type].schema_version
    if newest - 1 <= envelope.schema_version <= newest:
        return envelope
    kind = NewerVersionError if envelope.schema_version > newest else EnvelopeError
    raise kind(
        f"{envelope.payload_type} version {envelope.schema_version}: this reads {newest - 1} and {newest}"
    )


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"malformed envelope at {place or 'the top'}: {first['msg']}"
