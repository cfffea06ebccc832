"""Envelopes from node to node, at least once, on two lanes, through one port and its adapters.

Adapters load on first use; importing the package loads the port alone.
"""

from vsm_transport.connect import open_transport
from vsm_transport.errors import (
    AdapterMissing,
    AddressError,
    DeadLetterError,
    NodeNotDeclared,
    PublishUnconfirmed,
    TransportClosed,
    TransportError,
    UnroutableError,
)
from vsm_transport.protocol import (
    DeadLetter,
    DeadLetters,
    Deliveries,
    Delivery,
    Features,
    Hold,
    NodeKind,
    OutgoingEnvelope,
    Subscription,
    Transport,
)

__all__ = [
    "AdapterMissing",
    "AddressError",
    "DeadLetter",
    "DeadLetterError",
    "DeadLetters",
    "Deliveries",
    "Delivery",
    "Features",
    "Hold",
    "NodeKind",
    "NodeNotDeclared",
    "OutgoingEnvelope",
    "PublishUnconfirmed",
    "Subscription",
    "Transport",
    "TransportClosed",
    "TransportError",
    "UnroutableError",
    "open_transport",
]
