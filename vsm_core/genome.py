"""The organizational genome: the organization as an immutable value, addressed by its content.

Two equal organizations have equal ids; a change of a node's status keeps the id, so that evidence gathered on probation
still speaks of the same organization. Adding a child copies references, never nodes.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from typing import Self, TypeVar, cast

from pydantic import ModelWrapValidatorHandler, computed_field, model_validator

from vsm_core.capability import AuthorityChain, AuthorityLink, Capability, capabilities_of_chain
from vsm_core.channel import Channels, channel_bundle
from vsm_core.codec import canonical_bytes
from vsm_core.errors import GenomeError
from vsm_core.ids import Id, NodeId, Sha256
from vsm_core.node import Status, ViableNode
from vsm_core.value import Value

AnswerT = TypeVar("AnswerT")
DEPTH_LIMIT = 64  # recursion levels of one organization
NODE_LIMIT = 100_000
ANSWERS_KEPT = 100_000  # per genome, before they are worked out anew


class Lineage(Value):
    """Where a genome came from; not part of its identity."""

    parents: tuple[Sha256, ...] = ()
    suggestions: tuple[Id, ...] = ()


class OrganizationalGenome(Value):
    """A tree of viable nodes and the channels between them."""

    root_id: NodeId
    nodes: Mapping[NodeId, ViableNode]
    channels: Channels = Channels()
    lineage: Lineage = Lineage()

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def id(self) -> str:
        """The sha256 over the root id, the channels and every node's hash."""
        hashes = sorted((node_id, node_hash(node)) for node_id, node in self.nodes.items())
        channels = sorted(f"{c.parent}>{c.child}:{c.channel}:{c.direction}" for c in self.channels)
        return sha256(canonical_bytes([self.root_id, channels, hashes])).hexdigest()

    @model_validator(mode="wrap")
    @classmethod
    def _id_must_match(cls, data: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, Mapping) or "id" not in data:
            return handler(data)
        genome = handler({key: item for key, item in data.items() if key != "id"})
        if genome.id != data["id"]:
            raise ValueError(f"the id does not match the content: {data['id']} is not {genome.id}")
        return genome


def node_hash(node: ViableNode) -> str:
    """Return the hash of a node without its status; made on first use and kept with the node."""
    kept = node.__dict__.get("_hash")
    if isinstance(kept, str):
        return kept
    content = {name: getattr(node, name) for name in type(node).model_fields if name != "status"}
    made = sha256(canonical_bytes(content)).hexdigest()
    node.__dict__["_hash"] = made
    return made


def new_genome(root: ViableNode) -> OrganizationalGenome:
    """Return the organization that is one node."""
    alone = root.model_copy(update={"parent_id": None, "children": ()})
    return OrganizationalGenome(root_id=root.id, nodes={root.id: alone})


def node_of(genome: OrganizationalGenome, node_id: str) -> ViableNode:
    """Return a node; raise GenomeError where there is none of that id."""
    node = genome.nodes.get(node_id)
    if node is None:
        raise GenomeError(node_id, "there is no such node")
    return node


def add_child(genome: OrganizationalGenome, parent_id: str, child: ViableNode) -> OrganizationalGenome:
    """Return the genome with a new leaf under a parent and the standard channels between them."""
    parent = node_of(genome, parent_id)
    if child.id in genome.nodes:
        raise GenomeError(child.id, "the id is already taken")
    if len(genome.nodes) >= NODE_LIMIT:
        raise GenomeError(child.id, f"an organization has at most {NODE_LIMIT} nodes")
    placed = child.model_copy(update={"parent_id": parent_id, "children": ()})
    grown = parent.model_copy(update={"children": (*parent.children, child.id)})
    return genome.model_copy(
        update={
            "nodes": {**genome.nodes, parent_id: grown, child.id: placed},
            "channels": genome.channels + channel_bundle(parent_id, child.id),
        }
    )


def remove_subtree(genome: OrganizationalGenome, node_id: str) -> OrganizationalGenome:
    """Return the genome without a node and all below it; the root can't be removed."""
    node = node_of(genome, node_id)
    if node.parent_id is None:
        raise GenomeError(node_id, "the root can't be removed")
    gone = frozenset(subtree(genome, node_id))
    parent = node_of(genome, node.parent_id)
    shrunk = parent.model_copy(update={"children": tuple(c for c in parent.children if c != node_id)})
    kept = {other: item for other, item in genome.nodes.items() if other not in gone}
    kept[parent.id] = shrunk
    channels = Channels(c for c in genome.channels if c.parent not in gone and c.child not in gone)
    return genome.model_copy(update={"nodes": kept, "channels": channels})


def replace_node(genome: OrganizationalGenome, node: ViableNode) -> OrganizationalGenome:
    """Return the genome with one node's content replaced; its place in the tree stays."""
    node_of(genome, node.id)
    return genome.model_copy(update={"nodes": {**genome.nodes, node.id: node}})


def subtree(genome: OrganizationalGenome, node_id: str) -> tuple[str, ...]:
    """Return a node's id and those of all below it, parents first."""
    found: list[str] = []
    waiting = [node_of(genome, node_id).id]
    while waiting:
        current = waiting.pop()
        found.append(current)
        waiting.extend(reversed(genome.nodes[current].children))
    return tuple(found)


def ancestors(genome: OrganizationalGenome, node_id: str) -> tuple[str, ...]:
    """Return the ids above a node, from the immediate parent outward."""
    return kept(
        genome, "ancestors", node_id, lambda: tuple(_climb(genome, node_of(genome, node_id).parent_id))
    )


def _climb(genome: OrganizationalGenome, start: str | None) -> Iterator[str]:
    seen: set[str] = set()
    current = start
    while current is not None and current not in seen:
        seen.add(current)
        yield current
        above = genome.nodes.get(current)
        current = above.parent_id if above else None


def kept(genome: OrganizationalGenome, question: str, key: object, answer: Callable[[], AnswerT]) -> AnswerT:
    """Return the answer to a question about a genome, worked out once: every decision asks the same few again.

    The answers lie with the genome, which never changes; a copy of it starts without them.
    """
    answers = genome.__dict__.setdefault("_kept", {})
    known = answers.get((question, key))
    if known is None:
        if len(answers) >= ANSWERS_KEPT:
            answers.clear()
        known = answers[question, key] = answer()
    return cast("AnswerT", known)


def working_children(genome: OrganizationalGenome, node_id: str) -> tuple[ViableNode, ...]:
    """Return the children that are not retired, in their order."""

    def found() -> tuple[ViableNode, ...]:
        children = (genome.nodes[each] for each in node_of(genome, node_id).children if each in genome.nodes)
        return tuple(child for child in children if child.status is not Status.RETIRED)

    return kept(genome, "working_children", node_id, found)


def is_metasystem(genome: OrganizationalGenome, node_id: str) -> bool:
    """Say whether a node has at least one child that is not retired."""
    return bool(working_children(genome, node_id))


def authority_chain(genome: OrganizationalGenome, node_id: str) -> AuthorityChain:
    """Return the links from the root to the node: all that deciding its capabilities needs."""

    def links() -> AuthorityChain:
        line = (*reversed(ancestors(genome, node_id)), node_id)
        return tuple(_link(genome, each) for each in line)

    return kept(genome, "authority_chain", node_id, links)


def _link(genome: OrganizationalGenome, node_id: str) -> AuthorityLink:
    node = node_of(genome, node_id)
    return kept(genome, "link", node_id, lambda: node.as_link(has_children=is_metasystem(genome, node_id)))


def capabilities_of(genome: OrganizationalGenome, node_id: str) -> frozenset[Capability]:
    """Return what a node may do: a function of structure alone."""
    return kept(
        genome, "capabilities", node_id, lambda: capabilities_of_chain(authority_chain(genome, node_id))
    )


def complexity(genome: OrganizationalGenome) -> float:
    """Return the size of an organization in complexity units: nodes, tools, prompt parts, levels after the first."""
    units = 0.0
    for node in genome.nodes.values():
        if node.status is Status.RETIRED:
            continue
        prompt = sum(len(getattr(node.prompt, part)) for part in type(node.prompt).model_fields)
        units += 1.0 + 0.1 * len(node.tools) + 0.05 * prompt
    return units + 0.5 * _depth(genome)


def _depth(genome: OrganizationalGenome) -> int:
    level, depth = [genome.root_id], 0
    while level:
        level = [child for node in level for child in genome.nodes[node].children]
        depth += bool(level)
    return depth
