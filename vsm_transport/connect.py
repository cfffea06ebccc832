"""From an address to a transport by one table; adapters load where they are used."""

from collections.abc import Awaitable, Callable, Mapping
from importlib import import_module
from typing import NamedTuple, cast
from urllib.parse import urlsplit

from vsm_transport.errors import AdapterMissing, AddressError
from vsm_transport.protocol import Transport

Connect = Callable[[str, str], Awaitable[Transport]]


class Adapter(NamedTuple):
    """Where an adapter's ``connect(url, organization)`` lives, and the extra that brings what it needs."""

    module: str
    extra: str


ADAPTERS: Mapping[str, Adapter] = {
    "memory": Adapter("vsm_transport.memory", ""),
    "amqp": Adapter("vsm_transport.amqp", "amqp"),
    "amqps": Adapter("vsm_transport.amqp", "amqp"),
    "nats": Adapter("vsm_transport.nats", "nats"),
    "tls": Adapter("vsm_transport.nats", "nats"),
}


async def open_transport(url: str, organization: str) -> Transport:
    """Return a connected transport for an organization.

    Raises AddressError for an unknown scheme or option, AdapterMissing where an extra must be installed first.
    """
    scheme = urlsplit(url).scheme
    adapter = ADAPTERS.get(scheme)
    if adapter is None:
        raise AddressError(url, f"unknown scheme {scheme!r}; known: {', '.join(ADAPTERS)}")
    try:
        module = import_module(adapter.module)
    except ModuleNotFoundError as error:
        raise AdapterMissing(scheme, adapter.extra) from error
    return await cast("Connect", module.connect)(url, organization)
