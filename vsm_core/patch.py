"""Genome patches: the only way an organization changes, each a typed value with one small apply function.

``apply`` returns a valid genome or raises PatchError with the node and the rule; a patch never half-applies.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from vsm_core.channel import channel_bundle
from vsm_core.errors import GenomeError, PatchError
from vsm_core.genome import (
    Lineage,
    OrganizationalGenome,
    add_child,
    is_metasystem,
    node_of,
    remove_subtree,
    replace_node,
)
from vsm_core.ids import NodeId, derive_id
from vsm_core.node import Name, Status, ViableNode
from vsm_core.validation import validate
from vsm_core.value import Value

BATCH_LIMIT = 64  # patches in one batch


class AddChild(Value):
    """Put a new leaf under a node."""

    kind: Literal["add_child"] = "add_child"
    parent_id: NodeId
    child: ViableNode


class PromoteLeafToMetasystem(Value):
    """Turn a leaf into a metasystem whose first child does what the leaf did."""

    kind: Literal["promote_leaf_to_metasystem"] = "promote_leaf_to_metasystem"
    node_id: NodeId
    extracted_child_name: Name


class RemoveSubtree(Value):
    """Take a node and all below it out of the organization."""

    kind: Literal["remove_subtree"] = "remove_subtree"
    node_id: NodeId


class SetNodeStatus(Value):
    """Move a node through its life."""

    kind: Literal["set_node_status"] = "set_node_status"
    node_id: NodeId
    status: Status


class Batch(Value):
    """Several patches that apply together or not at all."""

    kind: Literal["batch"] = "batch"
    patches: Annotated[tuple["GenomePatch", ...], Field(min_length=1, max_length=BATCH_LIMIT)]


AnyPatch = AddChild | PromoteLeafToMetasystem | RemoveSubtree | SetNodeStatus | Batch
GenomePatch = Annotated[AnyPatch, Field(discriminator="kind")]
Batch.model_rebuild()


def apply(patch: AnyPatch, genome: OrganizationalGenome) -> OrganizationalGenome:
    """Return the patched genome, with the old one as its parent in the lineage; raise PatchError otherwise."""
    try:
        patched = _apply_one(patch, genome)
        validate(patched)
    except PatchError:
        raise
    except GenomeError as error:
        raise PatchError(error.node_id, error.rule) from error
    lineage = Lineage(parents=(genome.id,), suggestions=genome.lineage.suggestions)
    return patched.model_copy(update={"lineage": lineage})


def _apply_one(patch: AnyPatch, genome: OrganizationalGenome) -> OrganizationalGenome:
    return _APPLY[patch.kind](patch, genome)


def _add_child(patch: AddChild, genome: OrganizationalGenome) -> OrganizationalGenome:
    if node_of(genome, patch.parent_id).status is Status.RETIRED:
        raise PatchError(patch.parent_id, "a retired node takes no children")
    return add_child(genome, patch.parent_id, patch.child)


def _promote(patch: PromoteLeafToMetasystem, genome: OrganizationalGenome) -> OrganizationalGenome:
    leaf = node_of(genome, patch.node_id)
    if is_metasystem(genome, leaf.id):
        raise PatchError(leaf.id, "only a leaf can be promoted, and this node has children")
    if leaf.operation is None:
        raise PatchError(leaf.id, "only a leaf with an operation can be promoted")
    worker = _extracted(leaf, patch.extracted_child_name)
    if worker.id in genome.nodes:
        raise PatchError(worker.id, "the derived id is already taken")
    plain = ViableNode(
        id=leaf.id,
        name=leaf.name,
        parent_id=leaf.parent_id,
        children=(*leaf.children, worker.id),
        status=leaf.status,
        system_5=leaf.system_5,
        permissions=leaf.permissions,
        routing=leaf.routing,
        budget=leaf.budget,
    )
    nodes = {**genome.nodes, leaf.id: plain, worker.id: worker}
    channels = genome.channels + channel_bundle(leaf.id, worker.id)
    return genome.model_copy(update={"nodes": nodes, "channels": channels})


def _extracted(leaf: ViableNode, name: str) -> ViableNode:
    node_id = derive_id("node", leaf.id, name)
    return leaf.model_copy(update={"id": node_id, "name": name, "parent_id": leaf.id, "children": ()})


def _remove(patch: RemoveSubtree, genome: OrganizationalGenome) -> OrganizationalGenome:
    return remove_subtree(genome, patch.node_id)


def _set_status(patch: SetNodeStatus, genome: OrganizationalGenome) -> OrganizationalGenome:
    node = node_of(genome, patch.node_id)
    if node.id == genome.root_id and patch.status is Status.RETIRED:
        raise PatchError(node.id, "the root can't be retired")
    return replace_node(genome, node.model_copy(update={"status": patch.status}))


def _batch(patch: Batch, genome: OrganizationalGenome) -> OrganizationalGenome:
    for each in patch.patches:
        genome = _apply_one(each, genome)
    return genome


_APPLY: dict[str, Callable[..., OrganizationalGenome]] = {
    "add_child": _add_child,
    "promote_leaf_to_metasystem": _promote,
    "remove_subtree": _remove,
    "set_node_status": _set_status,
    "batch": _batch,
}
