"""Small organizations to test with, and random ones."""

from hypothesis import strategies as st

from vsm_core.capability import LEAF_ONLY, METASYSTEM_ONLY, SHARED, PermissionSpec
from vsm_core.errors import PatchError
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import OPERATIONS, LeafOperation, Status, System5Policy, ViableNode
from vsm_core.patch import (
    AddChild,
    AnyPatch,
    Batch,
    PromoteLeafToMetasystem,
    RemoveSubtree,
    SetNodeStatus,
    apply,
)

EVERY_CAPABILITY = sorted(LEAF_ONLY | METASYSTEM_ONLY | SHARED)
NAMES = tuple(f"n{number}" for number in range(12))
TREES = (".", "src", "src/a", "src/a/b", "docs", "tests")
PATHS = ("src/a/b/c.py", "src/x.py", "docs/i.md", "setup.py", "tests/t.py", "srcs/a.py")


def organization() -> OrganizationalGenome:
    """Root over ``chief`` and ``solo``; chief over ``coder`` and ``tester``; coder has a grandparent."""
    genome = new_genome(ViableNode(id="root"))
    genome = add_child(genome, "root", ViableNode(id="chief"))
    genome = add_child(genome, "root", ViableNode(id="solo", operation=LeafOperation.research()))
    genome = add_child(genome, "chief", ViableNode(id="coder", operation=LeafOperation.coding()))
    return add_child(genome, "chief", ViableNode(id="tester", operation=LeafOperation.testing()))


OPERATION = st.sampled_from(sorted(OPERATIONS)).map(LeafOperation.of) | st.builds(
    LeafOperation, kind=st.just("anything"), capabilities=st.frozensets(st.sampled_from(EVERY_CAPABILITY))
)
PERMISSIONS = st.builds(
    PermissionSpec,
    allowed_paths=st.lists(st.sampled_from(TREES), min_size=1, max_size=2).map(tuple),
    denied_paths=st.lists(st.sampled_from(TREES[1:]), max_size=1).map(tuple),
    allowed_tools=st.lists(st.sampled_from(("*", "ruff", "pytest")), max_size=2).map(tuple),
    denied_tools=st.lists(st.sampled_from(("ruff", "pytest")), max_size=1).map(tuple),
    network=st.booleans(),
)
NODE = st.builds(
    ViableNode,
    id=st.sampled_from(NAMES),
    operation=st.none() | OPERATION,
    permissions=PERMISSIONS,
    system_5=st.builds(
        System5Policy, denied_capabilities=st.frozensets(st.sampled_from(EVERY_CAPABILITY), max_size=3)
    ),
    status=st.sampled_from(Status),
)
WHERE = st.sampled_from(("root", *NAMES))
PATCH = st.one_of(
    st.builds(AddChild, parent_id=WHERE, child=NODE),
    st.builds(AddChild, parent_id=WHERE, child=NODE),
    st.builds(
        PromoteLeafToMetasystem, node_id=WHERE, extracted_child_name=st.sampled_from(("worker", "other"))
    ),
    st.builds(RemoveSubtree, node_id=WHERE),
    st.builds(SetNodeStatus, node_id=WHERE, status=st.sampled_from(Status)),
)
PATCHES = st.lists(
    PATCH | st.builds(Batch, patches=st.lists(PATCH, min_size=1, max_size=3).map(tuple)), max_size=25
)


def grown(patches: list[AnyPatch]) -> OrganizationalGenome:
    """The organization that is left of the patches that apply."""
    genome = new_genome(ViableNode(id="root", operation=LeafOperation.coding()))
    for patch in patches:
        try:
            genome = apply(patch, genome)
        except PatchError:
            continue
    return genome


@st.composite
def trees(draw: st.DrawFn) -> OrganizationalGenome:
    """A tree of random shape: each new node goes under any node there is, so that it may be deep."""
    genome = new_genome(draw(NODE).model_copy(update={"id": "root", "status": Status.ACTIVE}))
    for number in range(draw(st.integers(0, 10))):
        child = draw(NODE).model_copy(update={"id": f"n{number}"})
        genome = add_child(genome, draw(st.sampled_from(sorted(genome.nodes))), child)
    return genome
