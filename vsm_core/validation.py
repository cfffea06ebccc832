"""The structural rules of a genome, checked in one pass over its nodes."""

from vsm_core.channel import ChannelConfig
from vsm_core.errors import GenomeError
from vsm_core.genome import DEPTH_LIMIT, NODE_LIMIT, OrganizationalGenome
from vsm_core.node import ViableNode


def validate(genome: OrganizationalGenome) -> None:
    """Raise GenomeError at the first rule a genome breaks.

    One root, no cycle, no orphan, ids unique and equal to their keys, parents and children agree, channels join a
    parent and its child, and the organization stays within its limits.
    """
    _check_root(genome)
    if len(genome.nodes) > NODE_LIMIT:
        raise GenomeError(genome.root_id, f"an organization has at most {NODE_LIMIT} nodes")
    for key, node in genome.nodes.items():
        _check_node(genome, key, node)
    _check_reach(genome)
    for channel in genome.channels:
        _check_channel(genome, channel)


def _check_root(genome: OrganizationalGenome) -> None:
    root = genome.nodes.get(genome.root_id)
    if root is None:
        raise GenomeError(genome.root_id, "the root is not among the nodes")
    if root.parent_id is not None:
        raise GenomeError(genome.root_id, "the root has a parent")


def _check_node(genome: OrganizationalGenome, key: str, node: ViableNode) -> None:
    if key != node.id:
        raise GenomeError(key, f"the key names a node whose id is {node.id!r}")
    if node.parent_id is None and key != genome.root_id:
        raise GenomeError(key, "a second root: only the root has no parent")
    if len(set(node.children)) != len(node.children):
        raise GenomeError(key, "a child is listed twice")
    for child in node.children:
        if child not in genome.nodes:
            raise GenomeError(key, f"its child {child!r} does not exist")
        if genome.nodes[child].parent_id != key:
            raise GenomeError(child, f"{key!r} lists it as a child, but its parent is another")
    if node.parent_id is not None and node.parent_id not in genome.nodes:
        raise GenomeError(key, f"an orphan: its parent {node.parent_id!r} does not exist")


def _check_reach(genome: OrganizationalGenome) -> None:
    level, depth, reached = [genome.root_id], 0, 0
    while level:
        reached += len(level)
        depth += 1
        if depth > DEPTH_LIMIT:
            raise GenomeError(level[0], f"deeper than {DEPTH_LIMIT} levels")
        level = [child for node in level for child in genome.nodes[node].children]
    if reached != len(genome.nodes):
        raise GenomeError(_first_unreached(genome), "not reachable from the root: a cycle or an orphan")


def _first_unreached(genome: OrganizationalGenome) -> str:
    reached, level = {genome.root_id}, [genome.root_id]
    while level:
        level = [child for node in level for child in genome.nodes[node].children]
        reached.update(level)
    return min(set(genome.nodes) - reached)


def _check_channel(genome: OrganizationalGenome, config: ChannelConfig) -> None:
    child = genome.nodes.get(config.child)
    if child is None or config.parent not in genome.nodes:
        missing = config.parent if child else config.child
        raise GenomeError(missing, f"the channel {config.channel} points to a node that does not exist")
    if child.parent_id != config.parent:
        raise GenomeError(
            config.child, f"the channel {config.channel} joins it to {config.parent!r}, not its parent"
        )
