"""The errors of the domain.

Every class says through ``definite`` whether the thing asked for certainly did not happen (reject it) or may have
happened (retry it). The domain is pure, so all of its errors are definite.
"""

from typing import ClassVar


class CoreError(Exception):
    """The root of every error raised by vsm_core."""

    definite: ClassVar[bool] = True


class GenomeError(CoreError):
    """A genome breaks a structural rule; ``node_id`` and ``rule`` say where and which."""

    def __init__(self, node_id: str, rule: str) -> None:
        super().__init__(f"node {node_id!r}: {rule}")
        self.node_id = node_id
        self.rule = rule


class PatchError(GenomeError):
    """A patch does not apply to this genome."""


class WideningError(CoreError):
    """A child contract asks for more than its parent's; ``field`` is the one that widens."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field} widens the parent's limit: {detail}")
        self.field = field


class AuthorityError(CoreError):
    """A sender used a channel or payload that the authority table does not grant it."""

    def __init__(self, source: str, channel: str, payload_type: str, rule: str) -> None:
        super().__init__(f"{source!r} may not send {payload_type} on {channel}: {rule}")
        self.source = source
        self.channel = channel
        self.payload_type = payload_type
        self.rule = rule


class EnvelopeError(CoreError):
    """Bytes are not an envelope this version can read; ``reason`` is what a dead letter carries."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NewerVersionError(EnvelopeError):
    """The envelope was written by a newer program: a receiver that is replaced soon may read it later."""


class CanonicalError(CoreError):
    """A value has no canonical form (NaN, an unknown type, a naive time)."""
