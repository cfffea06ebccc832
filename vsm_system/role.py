"""What a host is given: which node it plays, what it acts on, and what it says and decides in its own name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from vsm_core.actor import Actor, Context, Decision, Freezer, Limits, Owner, Step, seal
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope, Heading, Story, new_envelope
from vsm_core.facts import EnvelopeRefused, RecordedFact
from vsm_core.ids import derive_id
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import HostStarted
from vsm_system.batch import Input
from vsm_system.clock import Clock
from vsm_system.crash import Crash
from vsm_system.jobs import Jobs
from vsm_system.journal import Journal
from vsm_transport.protocol import Hold, Transport

Observer = Callable[[str, RecordedFact], None]


@dataclass(frozen=True, slots=True)
class Role:
    """Which node a host plays, by which actor, and how its work lane is held."""

    node_id: str
    organization: str
    genome_id: str
    actor: Actor[object]
    slots: int
    hold: Hold
    freezer: Freezer[object] | None = None  # None: no snapshots, what it knows is not kept
    announcement: HostStarted | None = None  # what its actor hears before anything else


@dataclass(frozen=True, slots=True)
class World:
    """What a host acts on: everything with an effect comes in here."""

    transport: Transport
    journal: Journal
    jobs: Jobs
    clock: Clock
    limits: Limits
    owner: Owner
    crash: Crash
    observe: Observer


def own_envelope(
    role: Role, now: datetime, payload: AnyPayload, cause: str, told: tuple[str, str]
) -> Envelope:
    """Return an envelope of a host to its own actor; the same cause makes the same one.

    ``told`` is the story it belongs to, and what caused it.
    """
    node = role.node_id
    heading = Heading(role.organization, role.genome_id, Channel.INTERNAL, node, node)
    name = derive_id("env", node, f"{payload.payload_type}/{cause}")
    return new_envelope(payload, heading, Story(name, *told), now)


def context_of(given: Input, world: World) -> Context:
    """Return all that a decision on an envelope may know besides its state."""
    cause = given.envelope.id
    return Context(
        now=world.clock.now(),
        cause_id=cause,
        seed=int.from_bytes(sha256(cause.encode()).digest()[:8], "big"),
        limits=world.limits,
        process=world.owner.process,
        delivery_attempt=given.delivery.attempt if given.delivery else 1,
    )


def refusal(role: Role, envelope: Envelope, context: Context, reason: str) -> Decision:
    """Return the decision that makes an envelope a dead letter before its actor ever sees it."""
    refused = EnvelopeRefused(
        envelope_id=envelope.id,
        source=envelope.source,
        channel=envelope.channel.value,
        payload_type=envelope.payload_type,
        reason=reason,
    )
    return replace(
        seal(Step(facts=(refused,)), role.node_id, role.genome_id, envelope, context), refusal=reason
    )
