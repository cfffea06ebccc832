"""Channels, lanes, and who may send what: authority as data.

AUTHORITY answers one question for each (channel, payload type): which relation must the sender have to the receiver?
LANES answers another: does this payload ask for capacity (work), or may it never wait behind work (control)?
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from itertools import chain

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from vsm_core.ids import NodeId
from vsm_core.value import Value


class Channel(StrEnum):
    """The channels of the viable system model; ``internal`` is a host's own, and never leaves its process."""

    RESOURCE_BARGAINING = "resource_bargaining"
    COMMAND = "command"
    COORDINATION = "coordination"
    AUDIT = "audit"
    HOMEOSTAT = "homeostat"
    MANAGEMENT_TO_OPERATION = "management_to_operation"
    OPERATION_TO_OPERATION = "operation_to_operation"
    OPERATION_TO_ENVIRONMENT = "operation_to_environment"
    FUTURE_PROBE_TO_ENVIRONMENT = "future_probe_to_environment"
    ENVIRONMENT_TO_ENVIRONMENT = "environment_to_environment"
    ALGEDONIC = "algedonic"
    INTERNAL = "internal"


class Lane(StrEnum):
    """A node's two queues."""

    WORK = "work"
    CONTROL = "control"


class Direction(StrEnum):
    """Which way a channel between parent and child runs."""

    BOTH = "both"
    DOWN = "down"
    UP = "up"


class SenderRelation(StrEnum):
    """What the sender must be to the receiver."""

    PARENT = "parent"
    CHILD = "child"
    PARENT_OR_CHILD = "parent_or_child"
    RELATIVE = "relative"  # an ancestor or a descendant, at any distance
    DESCENDANT_OR_USER = "descendant_or_user"
    ANCESTOR = "ancestor"
    SIBLING = "sibling"
    SELF = "self"
    ENVIRONMENT = "environment"
    ROOT = "root"


class ChannelConfig(Value):
    """One channel between a parent and a child."""

    channel: Channel
    parent: NodeId
    child: NodeId
    direction: Direction


CHUNK = 512  # channels copied at most when one bundle is added


class Channels:
    """An immutable run of channels that shares what it grew from, so that adding a child copies no channel list."""

    __slots__ = ("_chunks",)

    def __init__(self, items: Iterable[ChannelConfig] = ()) -> None:
        flat = tuple(items)
        self._chunks = tuple(flat[start : start + CHUNK] for start in range(0, len(flat), CHUNK))

    def __iter__(self) -> Iterator[ChannelConfig]:
        """Yield the channels in the order they were added."""
        return chain.from_iterable(self._chunks)

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(map(len, self._chunks))

    def __add__(self, more: tuple[ChannelConfig, ...]) -> "Channels":
        """Return these and then those."""
        last = self._chunks[-1] if self._chunks else ()
        grown = Channels()
        if last and len(last) + len(more) <= CHUNK:
            grown._chunks = (*self._chunks[:-1], last + more)
        else:
            grown._chunks = self._chunks + Channels(more)._chunks
        return grown

    def __eq__(self, other: object) -> bool:
        """Equal by content: where the chunks begin does not matter."""
        return isinstance(other, Channels) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return a hash that agrees with equality."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{len(self)} channels>"

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read and write it as a plain list of channels."""
        flat = handler(tuple[ChannelConfig, ...])
        return core_schema.no_info_before_validator_function(
            lambda value: tuple(value) if isinstance(value, cls) else value,
            core_schema.no_info_after_validator_function(cls, flat),
            serialization=core_schema.plain_serializer_function_ser_schema(tuple, return_schema=flat),
        )


BUNDLE: tuple[tuple[Channel, Direction], ...] = (
    (Channel.RESOURCE_BARGAINING, Direction.BOTH),
    (Channel.COMMAND, Direction.DOWN),
    (Channel.COORDINATION, Direction.BOTH),
    (Channel.MANAGEMENT_TO_OPERATION, Direction.BOTH),
    (Channel.AUDIT, Direction.BOTH),
    (Channel.ALGEDONIC, Direction.UP),
)


def channel_bundle(parent: NodeId, child: NodeId) -> tuple[ChannelConfig, ...]:
    """Return the standard channels between a parent and a new child."""
    return tuple(
        ChannelConfig(channel=channel, parent=parent, child=child, direction=direction)
        for channel, direction in BUNDLE
    )


_R = SenderRelation
AUTHORITY: Mapping[tuple[Channel, str], SenderRelation] = {
    (Channel.RESOURCE_BARGAINING, "task_packet"): _R.PARENT,
    (Channel.RESOURCE_BARGAINING, "resource_bargain"): _R.PARENT_OR_CHILD,
    (Channel.RESOURCE_BARGAINING, "resource_allocation"): _R.PARENT,
    (Channel.COMMAND, "command"): _R.PARENT,
    (Channel.COMMAND, "adopt_genome"): _R.PARENT,
    (Channel.COMMAND, "cancel"): _R.PARENT,
    (Channel.COMMAND, "task_packet"): _R.PARENT,
    (Channel.COORDINATION, "coordination_signal"): _R.PARENT_OR_CHILD,
    (Channel.COORDINATION, "lease_granted"): _R.PARENT,
    (Channel.COORDINATION, "lease_revoked"): _R.PARENT,
    (Channel.COORDINATION, "task_packet"): _R.PARENT,
    (Channel.AUDIT, "audit_request"): _R.ANCESTOR,
    (Channel.AUDIT, "audit_sample"): _R.DESCENDANT_OR_USER,
    (Channel.AUDIT, "audit_report"): _R.RELATIVE,
    (Channel.AUDIT, "gene_suggestion"): _R.RELATIVE,
    (Channel.HOMEOSTAT, "homeostat_signal"): _R.SELF,
    (Channel.HOMEOSTAT, "gene_suggestion"): _R.SELF,
    (Channel.MANAGEMENT_TO_OPERATION, "management_directive"): _R.PARENT,
    (Channel.MANAGEMENT_TO_OPERATION, "task_result"): _R.CHILD,
    (Channel.MANAGEMENT_TO_OPERATION, "task_result_ack"): _R.PARENT,
    (Channel.MANAGEMENT_TO_OPERATION, "task_progress"): _R.CHILD,
    (Channel.OPERATION_TO_OPERATION, "handoff"): _R.SIBLING,
    (Channel.OPERATION_TO_ENVIRONMENT, "directive"): _R.ENVIRONMENT,
    (Channel.OPERATION_TO_ENVIRONMENT, "directive_query"): _R.ENVIRONMENT,
    (Channel.OPERATION_TO_ENVIRONMENT, "directive_report"): _R.ROOT,
    (Channel.OPERATION_TO_ENVIRONMENT, "environment_signal"): _R.ENVIRONMENT,
    (Channel.OPERATION_TO_ENVIRONMENT, "cancel"): _R.ENVIRONMENT,
    (Channel.FUTURE_PROBE_TO_ENVIRONMENT, "environment_signal"): _R.SELF,
    (Channel.ENVIRONMENT_TO_ENVIRONMENT, "environment_signal"): _R.ENVIRONMENT,
    (Channel.ALGEDONIC, "algedonic_signal"): _R.DESCENDANT_OR_USER,
    (Channel.ALGEDONIC, "algedonic_ack"): _R.ANCESTOR,
    (Channel.INTERNAL, "timer_fired"): _R.SELF,
    (Channel.INTERNAL, "job_finished"): _R.SELF,
    (Channel.INTERNAL, "host_started"): _R.SELF,
    (Channel.INTERNAL, "host_stopping"): _R.SELF,
    (Channel.INTERNAL, "unroutable"): _R.SELF,
}

WORK_PAYLOADS = frozenset({"directive", "task_packet", "handoff"})


def lane_of(payload_type: str) -> Lane:
    """Return the lane of a payload type: work if it asks for capacity, control otherwise."""
    return Lane.WORK if payload_type in WORK_PAYLOADS else Lane.CONTROL


LANES: Mapping[str, Lane] = {payload_type: lane_of(payload_type) for _, payload_type in AUTHORITY}
