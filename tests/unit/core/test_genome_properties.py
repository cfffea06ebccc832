"""What holds for every organization, however it came about."""

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.core.organizations import NODE, PATCHES, PATHS, grown, trees
from vsm_core.capability import (
    LEAF_ONLY,
    METASYSTEM_ONLY,
    AuthorityLink,
    network_allowed,
    path_refusal,
    tool_refusal,
)
from vsm_core.genome import (
    OrganizationalGenome,
    add_child,
    ancestors,
    authority_chain,
    capabilities_of,
    is_metasystem,
    node_of,
    remove_subtree,
    subtree,
)
from vsm_core.node import Status, ViableNode
from vsm_core.patch import AnyPatch
from vsm_core.validation import validate


@given(PATCHES)
def test_patches_keep_an_organization_valid(patches: list[AnyPatch]) -> None:
    genome = grown(patches)
    validate(genome)
    assert OrganizationalGenome.model_validate_json(genome.model_dump_json()).id == genome.id


@given(PATCHES)
def test_a_metasystem_never_holds_a_leaf_capability_at_any_depth(patches: list[AnyPatch]) -> None:
    genome = grown(patches)
    for node_id in genome.nodes:
        own = capabilities_of(genome, node_id)
        assert not own & (LEAF_ONLY if is_metasystem(genome, node_id) else METASYSTEM_ONLY)


@given(trees())
def test_what_an_ancestor_denies_no_descendant_has(genome: OrganizationalGenome) -> None:
    for node_id in genome.nodes:
        for above in (node_id, *ancestors(genome, node_id)):
            denied = node_of(genome, above).system_5.denied_capabilities
            assert not capabilities_of(genome, node_id) & denied


@given(trees(), st.sampled_from(PATHS))
def test_a_path_refused_above_is_refused_below(genome: OrganizationalGenome, path: str) -> None:
    for node_id in genome.nodes:
        own = path_refusal(authority_chain(genome, node_id), path)
        for above in ancestors(genome, node_id):
            if path_refusal(authority_chain(genome, above), path):
                assert own


@given(trees(), st.sampled_from(("ruff", "pytest", "rm")))
def test_tools_and_network_only_narrow(genome: OrganizationalGenome, tool: str) -> None:
    for node_id in genome.nodes:
        chain = authority_chain(genome, node_id)
        for length in range(1, len(chain)):
            if tool_refusal(chain[:length], tool):
                assert tool_refusal(chain, tool)
            if not network_allowed(chain[:length]):
                assert not network_allowed(chain)


@given(trees())
def test_a_chain_that_travelled_says_the_same(genome: OrganizationalGenome) -> None:
    for node_id in genome.nodes:
        chain = authority_chain(genome, node_id)
        assert tuple(AuthorityLink.model_validate_json(each.model_dump_json()) for each in chain) == chain
        assert [each.id for each in chain] == [*reversed(ancestors(genome, node_id)), node_id]


@given(trees(), NODE, st.data())
def test_adding_and_removing_a_child_leaves_no_trace(
    genome: OrganizationalGenome, child: ViableNode, data: st.DataObject
) -> None:
    parent = data.draw(st.sampled_from(sorted(genome.nodes)))
    child = child.model_copy(update={"id": "newcomer"})
    added = add_child(genome, parent, child)
    validate(added)
    assert added.id != genome.id
    removed = remove_subtree(added, "newcomer")
    assert removed == genome
    assert removed.id == genome.id


@given(trees(), st.data())
def test_a_subtree_and_the_rest_make_the_whole(genome: OrganizationalGenome, data: st.DataObject) -> None:
    node_id = data.draw(st.sampled_from(sorted(genome.nodes)))
    below = subtree(genome, node_id)
    assert len(set(below)) == len(below)
    for each in genome.nodes:
        assert (each in below) == (each == node_id or node_id in ancestors(genome, each))
    assume(node_id != "root")
    assert set(remove_subtree(genome, node_id).nodes) == set(genome.nodes) - set(below)


@given(trees(), st.data())
def test_status_never_changes_the_id(genome: OrganizationalGenome, data: st.DataObject) -> None:
    node = node_of(genome, data.draw(st.sampled_from(sorted(genome.nodes))))
    other = node.model_copy(update={"status": data.draw(st.sampled_from(Status))})
    assert genome.model_copy(update={"nodes": {**genome.nodes, node.id: other}}).id == genome.id
