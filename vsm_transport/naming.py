"""Names of queues, routing keys, streams and subjects, as pure functions on which every process agrees.

Node ids and organization names are safe in all of these by their alphabet; a process id is not, so it is hashed.
"""

from base64 import b32encode
from hashlib import sha256

from vsm_core.channel import Channel, Lane

PROCESS_TOKEN_LENGTH = 16  # base32 characters: 80 bits


def is_client(address: str) -> bool:
    """Say whether an address is a client's; the leading underscore can't occur in a node id."""
    return address.startswith("_")


def process_token(process: str) -> str:
    """Return a short name for a process that is safe in queue and consumer names."""
    return b32encode(sha256(process.encode()).digest()).decode().lower()[:PROCESS_TOKEN_LENGTH]


def amqp_exchange(organization: str) -> str:
    """Return the topic exchange of an organization."""
    return f"vsm.{organization}"


def amqp_queue(organization: str, node: str, lane: Lane) -> str:
    """Return the queue of a node's lane."""
    return f"vsm.{organization}.{node}.{lane}"


def amqp_process_queue(organization: str, node: str, process: str) -> str:
    """Return the expiring queue of one process on a leaf's control lane."""
    return f"{amqp_queue(organization, node, Lane.CONTROL)}.{process_token(process)}"


def amqp_retry_queue(organization: str, node: str, lane: Lane) -> str:
    """Return the queue in which a lane's nacked envelopes wait for their delay."""
    return f"{amqp_queue(organization, node, lane)}.retry"


def amqp_dead(organization: str) -> str:
    """Return the name of both the dead-letter exchange and its queue."""
    return f"vsm.{organization}.dead"


def amqp_routing_key(node: str, lane: Lane, channel: Channel) -> str:
    """Return the key an envelope is published with."""
    return f"{lane}.{node}.{channel}"


def amqp_binding(node: str, lane: Lane) -> str:
    """Return the pattern that binds a lane's queue: all channels of that node and lane."""
    return f"{lane}.{node}.*"


def nats_stream(organization: str) -> str:
    """Return the stream of work lanes and controllers' control lanes."""
    return f"VSM_{organization}"


def nats_clients_stream(organization: str) -> str:
    """Return the stream of clients and of leaves' control lanes."""
    return f"VSM_{organization}_CLIENTS"


def nats_dead_stream(organization: str) -> str:
    """Return the stream of dead letters."""
    return f"VSM_{organization}_DEAD"


def nats_stream_subjects(organization: str) -> tuple[str, ...]:
    """Return what the main stream listens to."""
    return tuple(f"vsm.{organization}.{lane}.>" for lane in Lane)


def nats_clients_subjects(organization: str) -> tuple[str, ...]:
    """Return what the clients' stream listens to."""
    return (f"vsm.{organization}.client.>",)


def nats_dead_subjects(organization: str) -> tuple[str, ...]:
    """Return what the dead-letter stream listens to."""
    return (f"vsm.{organization}.dead.>",)


def nats_subject(organization: str, node: str, lane: Lane, channel: Channel) -> str:
    """Return the subject of an envelope to a node's queue."""
    return f"vsm.{organization}.{lane}.{node}.{channel}"


def nats_client_subject(organization: str, address: str, channel: Channel) -> str:
    """Return the subject of an envelope to a client, or to a leaf's control lane."""
    return f"vsm.{organization}.client.{address}.{channel}"


def nats_dead_subject(organization: str, node: str, lane: Lane) -> str:
    """Return the subject of a dead letter."""
    return f"vsm.{organization}.dead.{lane}.{node}"


def nats_filter(organization: str, node: str, lane: Lane) -> str:
    """Return the pattern of a lane's consumer: all channels of that node and lane."""
    return f"vsm.{organization}.{lane}.{node}.*"


def nats_client_filter(organization: str, address: str) -> str:
    """Return the pattern of a client's consumer."""
    return f"vsm.{organization}.client.{address}.*"


def nats_consumer(node: str, lane: Lane) -> str:
    """Return the durable consumer of a node's lane."""
    return f"{node}-{lane}"


def nats_process_consumer(address: str, process: str) -> str:
    """Return the consumer of one process of a client or of a leaf's control lane."""
    return f"{address}-{process_token(process)}"
