"""Patches: small, typed, atomic, and never a broken organization."""

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.unit.core.organizations import organization
from vsm_core.capability import LEAF_ONLY
from vsm_core.errors import PatchError
from vsm_core.genome import OrganizationalGenome, capabilities_of, new_genome, node_of
from vsm_core.ids import derive_id
from vsm_core.node import LeafOperation, Status, ToolSpec, ViableNode
from vsm_core.patch import (
    AddChild,
    AnyPatch,
    Batch,
    GenomePatch,
    PromoteLeafToMetasystem,
    RemoveSubtree,
    SetNodeStatus,
    apply,
)
from vsm_core.validation import validate


def retired(node_id: str) -> OrganizationalGenome:
    return apply(SetNodeStatus(node_id=node_id, status=Status.RETIRED), organization())


def test_a_patched_genome_names_its_parent() -> None:
    genome = organization()
    patched = apply(AddChild(parent_id="solo", child=ViableNode(id="new")), genome)
    assert patched.lineage.parents == (genome.id,)
    assert "new" in patched.nodes
    assert "new" not in genome.nodes


def test_promotion_moves_all_that_the_leaf_was_into_one_child() -> None:
    genome = organization()
    tools = (ToolSpec(name="ruff"),)
    leaf = node_of(genome, "coder").model_copy(update={"tools": tools, "name": "The coder"})
    genome = genome.model_copy(update={"nodes": {**genome.nodes, "coder": leaf}})
    patched = apply(PromoteLeafToMetasystem(node_id="coder", extracted_child_name="Worker"), genome)
    worker_id = derive_id("node", "coder", "Worker")
    promoted, worker = patched.nodes["coder"], patched.nodes[worker_id]
    assert (promoted.id, promoted.name, promoted.operation, promoted.tools) == (
        "coder",
        "The coder",
        None,
        (),
    )
    assert promoted.children == (worker_id,)
    assert (worker.name, worker.parent_id, worker.tools) == ("Worker", "coder", tools)
    assert capabilities_of(patched, worker_id) == capabilities_of(genome, "coder")
    assert not capabilities_of(patched, "coder") & LEAF_ONLY
    assert {each.channel for each in patched.channels if each.child == worker_id}
    validate(patched)


def test_a_promotion_keeps_children_that_are_retired() -> None:
    genome = apply(AddChild(parent_id="coder", child=ViableNode(id="old")), organization())
    genome = apply(SetNodeStatus(node_id="old", status=Status.RETIRED), genome)
    patched = apply(PromoteLeafToMetasystem(node_id="coder", extracted_child_name="W"), genome)
    assert patched.nodes["coder"].children == ("old", derive_id("node", "coder", "W"))


def test_removing_and_retiring() -> None:
    assert set(apply(RemoveSubtree(node_id="chief"), organization()).nodes) == {"root", "solo"}
    genome = retired("coder")
    assert genome.nodes["coder"].status is Status.RETIRED
    assert genome.id == organization().id


def test_a_batch_applies_together_or_not_at_all() -> None:
    good = AddChild(parent_id="root", child=ViableNode(id="new"))
    nested = Batch(patches=(good, Batch(patches=(RemoveSubtree(node_id="solo"),))))
    patched = apply(nested, organization())
    assert "new" in patched.nodes
    assert "solo" not in patched.nodes
    assert patched.lineage.parents == (organization().id,)
    genome = organization()
    with pytest.raises(PatchError) as raised:
        apply(Batch(patches=(good, RemoveSubtree(node_id="gone"))), genome)
    assert raised.value.node_id == "gone"
    assert genome == organization()


def twice_promoted() -> OrganizationalGenome:
    taken = ViableNode(id=derive_id("node", "solo", "W"))
    return apply(AddChild(parent_id="root", child=taken), organization())


PROMOTE = PromoteLeafToMetasystem
REFUSED: dict[str, tuple[AnyPatch, OrganizationalGenome, str, str]] = {
    "add under nobody": (
        AddChild(parent_id="gone", child=ViableNode(id="a")),
        organization(),
        "gone",
        "no such node",
    ),
    "add twice": (
        AddChild(parent_id="root", child=ViableNode(id="solo")),
        organization(),
        "solo",
        "already taken",
    ),
    "add under a retired node": (
        AddChild(parent_id="coder", child=ViableNode(id="a")),
        retired("coder"),
        "coder",
        "a retired node takes no children",
    ),
    "promote a metasystem": (
        PROMOTE(node_id="chief", extracted_child_name="W"),
        organization(),
        "chief",
        "this node has children",
    ),
    "promote nothing": (
        PROMOTE(node_id="root", extracted_child_name="W"),
        new_genome(ViableNode(id="root")),
        "root",
        "a leaf with an operation",
    ),
    "promote into a taken id": (
        PROMOTE(node_id="solo", extracted_child_name="W"),
        twice_promoted(),
        derive_id("node", "solo", "W"),
        "the derived id is already taken",
    ),
    "remove the root": (RemoveSubtree(node_id="root"), organization(), "root", "can't be removed"),
    "retire the root": (
        SetNodeStatus(node_id="root", status=Status.RETIRED),
        organization(),
        "root",
        "the root can't be retired",
    ),
    "status of nobody": (
        SetNodeStatus(node_id="gone", status=Status.ACTIVE),
        organization(),
        "gone",
        "no such node",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_patch_names_the_node_and_the_rule(case: str) -> None:
    patch, genome, node, rule = REFUSED[case]
    with pytest.raises(PatchError, match=rule) as raised:
        apply(patch, genome)
    assert raised.value.node_id == node
    assert rule in raised.value.rule


def test_a_patch_of_a_broken_genome_is_refused() -> None:
    broken = organization().model_copy(update={"root_id": "gone"})
    with pytest.raises(PatchError, match="the root is not among the nodes"):
        apply(SetNodeStatus(node_id="solo", status=Status.SHADOW), broken)


def test_a_patch_comes_back_from_json() -> None:
    adapter: TypeAdapter[AnyPatch] = TypeAdapter(GenomePatch)
    child = ViableNode(id="a", operation=LeafOperation.coding())
    patch = Batch(
        patches=(AddChild(parent_id="root", child=child), SetNodeStatus(node_id="a", status=Status.SHADOW))
    )
    assert adapter.validate_json(adapter.dump_json(patch)) == patch
    for wrong in ('{"kind":"wish"}', '{"kind":"batch","patches":[]}'):
        with pytest.raises(ValidationError):
            adapter.validate_json(wrong)
