"""The errors of transports, each saying whether the thing asked for did not happen or may have happened.

A definite error is final (reject, or mend and ask anew); after an indefinite one the same envelopes are sent again,
and the receiver's inbox drops what it already has.
"""

from collections.abc import Iterable
from typing import ClassVar


class TransportError(Exception):
    """The root of every error raised by vsm_transport."""

    definite: ClassVar[bool] = True


class UnroutableError(TransportError):
    """Nobody declared these targets; the rest of the batch is confirmed."""

    def __init__(self, targets: Iterable[str], envelope_ids: Iterable[str]) -> None:
        self.targets = tuple(dict.fromkeys(targets))
        self.envelope_ids = tuple(envelope_ids)
        super().__init__(f"nobody declared {', '.join(map(repr, self.targets))}")


class NodeNotDeclared(TransportError):
    """A subscription names a node that nobody declared on this transport."""

    def __init__(self, node: str) -> None:
        super().__init__(f"declare {node!r} before subscribing to it")
        self.node = node


class TransportClosed(TransportError):
    """The transport was closed before it took the envelopes."""

    def __init__(self) -> None:
        super().__init__("the transport is closed")


class PublishUnconfirmed(TransportError):
    """No confirmation came for these envelopes: they may or may not have arrived; the rest is confirmed."""

    definite: ClassVar[bool] = False

    def __init__(self, envelope_ids: Iterable[str], reason: str) -> None:
        self.envelope_ids = tuple(envelope_ids)
        self.reason = reason
        super().__init__(f"{len(self.envelope_ids)} envelopes are not confirmed: {reason}")


class DeadLetterError(TransportError):
    """There is no such dead letter, or it can't be sent again."""

    def __init__(self, letter_id: str, reason: str) -> None:
        super().__init__(f"dead letter {letter_id!r}: {reason}")
        self.letter_id = letter_id
        self.reason = reason


class AddressError(TransportError):
    """A transport's address can't be used as it stands."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url!r}: {reason}")
        self.url = url
        self.reason = reason


class AdapterMissing(TransportError):
    """The adapter for a scheme is not installed; ``extra`` is what to install."""

    def __init__(self, scheme: str, extra: str) -> None:
        super().__init__(f"{scheme}:// needs an extra: pip install 'vsm-kernel[{extra}]'")
        self.scheme = scheme
        self.extra = extra
