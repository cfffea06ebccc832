"""What the organization below a node can supply: read from the genome alone, asked by planning, routing and judging."""

from vsm_core.capability import Capability
from vsm_core.genome import (
    OrganizationalGenome,
    capabilities_of,
    is_metasystem,
    kept,
    subtree,
    working_children,
)
from vsm_core.node import Status, ViableNode

TESTING = "testing"


def supplies(
    genome: OrganizationalGenome, node_id: str, task_class: str | None, needed: frozenset[Capability]
) -> bool:
    """Say whether some leaf at or below a node is meant for a class of task and has the capabilities for it."""

    def found() -> bool:
        leaves = (each for each in subtree(genome, node_id) if not is_metasystem(genome, each))
        return any(_leaf_supplies(genome, genome.nodes[leaf], task_class, needed) for leaf in leaves)

    return kept(genome, "supplies", (node_id, task_class, needed), found)


def _leaf_supplies(
    genome: OrganizationalGenome, leaf: ViableNode, task_class: str | None, needed: frozenset[Capability]
) -> bool:
    if leaf.status is not Status.ACTIVE or leaf.operation is None or leaf.operation.kind == TESTING:
        return False
    classes = leaf.routing.task_classes
    return (not classes or task_class in classes) and needed <= capabilities_of(genome, leaf.id)


def verifier_refusal(genome: OrganizationalGenome, child: ViableNode, author: str | None) -> str | None:
    """Return why a child can't verify an author's work, or None: it must be another, a testing leaf, and active."""
    if child.status is not Status.ACTIVE:
        return f"it is {child.status}"
    if child.id == author:
        return "it is the author"
    if is_metasystem(genome, child.id) or child.operation is None or child.operation.kind != TESTING:
        return "it is no testing leaf"
    if Capability.RUN_TESTS not in capabilities_of(genome, child.id):
        return "it may not run tests"
    return None


def has_verifier(genome: OrganizationalGenome, node_id: str, author: str | None) -> bool:
    """Say whether a testing leaf other than the author stands directly below a node."""
    children = working_children(genome, node_id)
    return any(verifier_refusal(genome, child, author) is None for child in children)
