"""Whether a sender may use a channel towards a receiver, judged by the authority table and the genome alone.

The receiver asks before it handles anything. What the table does not list is refused; so is a sender that the genome
does not know. Nothing here reads a payload's content: a forged claim inside a payload is its handler's business.
"""

from collections.abc import Callable, Mapping

from vsm_core.channel import AUTHORITY, SenderRelation
from vsm_core.envelope import Envelope
from vsm_core.genome import OrganizationalGenome, ancestors

ENVIRONMENT_PREFIXES = ("_user-", "_client-")
TO_THE_ROOT_ONLY = frozenset({"directive", "cancel"})  # what the environment may say to nobody but the root

Holds = Callable[[OrganizationalGenome, str, str], bool]


def check_sender(genome: OrganizationalGenome, receiver: str, envelope: Envelope) -> str | None:
    """Return why the authority table refuses this sender, in one line; None where it may send this."""
    relation = AUTHORITY.get((envelope.channel, envelope.payload_type))
    if relation is None:
        return f"{envelope.payload_type} does not travel on {envelope.channel}"
    source = envelope.source
    if source not in genome.nodes and not is_environment(source):
        return f"{source!r} is not a node of genome {genome.id[:12]}"
    if relation is SenderRelation.ENVIRONMENT and _bypasses_root(genome, receiver, envelope):
        return f"the environment sends {envelope.payload_type} to the root only, not to {receiver!r}"
    if _HOLDS[relation](genome, receiver, source):
        return None
    return f"{source!r} is not {_WORDS[relation]} {receiver!r}, as {envelope.payload_type} asks for"


def is_environment(source: str) -> bool:
    """Say whether an address is a user's or a client's, outside the organization."""
    return source.startswith(ENVIRONMENT_PREFIXES)


def _bypasses_root(genome: OrganizationalGenome, receiver: str, envelope: Envelope) -> bool:
    return envelope.payload_type in TO_THE_ROOT_ONLY and receiver != genome.root_id


def _parent_of(genome: OrganizationalGenome, node_id: str) -> str | None:
    node = genome.nodes.get(node_id)
    return node.parent_id if node else None


def _is_parent(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return _parent_of(genome, receiver) == source


def _is_child(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return _is_parent(genome, source, receiver)


def _is_neighbour(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return _is_parent(genome, receiver, source) or _is_child(genome, receiver, source)


def _is_ancestor(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return receiver in genome.nodes and source in ancestors(genome, receiver)


def _is_descendant(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return _is_ancestor(genome, source, receiver)


def _is_relative(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return _is_ancestor(genome, receiver, source) or _is_descendant(genome, receiver, source)


def _is_descendant_or_user(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return is_environment(source) or _is_descendant(genome, receiver, source)


def _is_sibling(genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    shared = _parent_of(genome, receiver)
    return shared is not None and source != receiver and shared == _parent_of(genome, source)


def _is_self(_genome: OrganizationalGenome, receiver: str, source: str) -> bool:
    return source == receiver


def _is_outside(_genome: OrganizationalGenome, _receiver: str, source: str) -> bool:
    return is_environment(source)


def _is_root(genome: OrganizationalGenome, _receiver: str, source: str) -> bool:
    return source == genome.root_id


_HOLDS: Mapping[SenderRelation, Holds] = {
    SenderRelation.PARENT: _is_parent,
    SenderRelation.CHILD: _is_child,
    SenderRelation.PARENT_OR_CHILD: _is_neighbour,
    SenderRelation.RELATIVE: _is_relative,
    SenderRelation.DESCENDANT_OR_USER: _is_descendant_or_user,
    SenderRelation.ANCESTOR: _is_ancestor,
    SenderRelation.SIBLING: _is_sibling,
    SenderRelation.SELF: _is_self,
    SenderRelation.ENVIRONMENT: _is_outside,
    SenderRelation.ROOT: _is_root,
}
_WORDS: Mapping[SenderRelation, str] = {
    SenderRelation.PARENT: "the parent of",
    SenderRelation.CHILD: "a child of",
    SenderRelation.PARENT_OR_CHILD: "the parent or a child of",
    SenderRelation.RELATIVE: "above or below",
    SenderRelation.DESCENDANT_OR_USER: "a user or below",
    SenderRelation.ANCESTOR: "above",
    SenderRelation.SIBLING: "a sibling of",
    SenderRelation.SELF: "itself",
    SenderRelation.ENVIRONMENT: "in the environment of",
    SenderRelation.ROOT: "the root above",
}
