"""The genome: a tree addressed by its content."""

import json

import pytest
from pydantic import ValidationError

from tests.unit.core.organizations import organization
from vsm_core import genome as genomes
from vsm_core.capability import LEAF_ONLY, METASYSTEM_ONLY, SHARED, Capability
from vsm_core.channel import BUNDLE, Channel, ChannelConfig, Channels, Direction
from vsm_core.errors import GenomeError
from vsm_core.genome import (
    Lineage,
    OrganizationalGenome,
    add_child,
    ancestors,
    authority_chain,
    capabilities_of,
    complexity,
    is_metasystem,
    new_genome,
    node_hash,
    node_of,
    remove_subtree,
    replace_node,
    subtree,
    working_children,
)
from vsm_core.node import (
    LeafOperation,
    PromptComponent,
    PromptGenome,
    Status,
    System5Policy,
    ToolSpec,
    ViableNode,
)
from vsm_core.validation import validate

# Ids of two organizations, pinned: a change of one orphans every fact that was recorded under it.
ALONE = "0e21aff931d39c6757be35f1e84077be4107f0dd85a43d620c457f1f0ed7a0cc"
FIVE_NODES = "243c88baa05d774f6b6210ba0331b23bfb644f97599fc5256f9a4c4645951576"


def test_genome_ids_are_pinned() -> None:
    assert new_genome(ViableNode(id="root")).id == ALONE
    assert organization().id == FIVE_NODES


def test_equal_organizations_have_equal_ids_whatever_their_history() -> None:
    detour = add_child(organization(), "solo", ViableNode(id="extra"))
    assert detour.id != organization().id
    back = remove_subtree(detour, "extra")
    assert back.id == organization().id
    assert back.model_copy(update={"lineage": Lineage(parents=("0" * 64,))}).id == back.id


def test_the_order_in_which_nodes_came_does_not_matter_but_that_of_children_does() -> None:
    base = new_genome(ViableNode(id="root"))
    one = add_child(add_child(base, "root", ViableNode(id="a")), "root", ViableNode(id="b"))
    other = add_child(add_child(base, "root", ViableNode(id="b")), "root", ViableNode(id="a"))
    assert one.id != other.id
    swapped = other.nodes["root"].model_copy(update={"children": ("a", "b")})
    assert replace_node(other, swapped).id == one.id


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another"},
        {"operation": LeafOperation.testing()},
        {"system_5": System5Policy(denied_capabilities=frozenset({Capability.REVIEW}))},
        {"tools": (ToolSpec(name="ruff"),)},
        {"prompt": PromptGenome(domain_hints=(PromptComponent(id="h", text="hint"),))},
    ],
)
def test_a_change_of_a_nodes_content_changes_the_id(change: dict[str, object]) -> None:
    genome = organization()
    changed = replace_node(genome, node_of(genome, "coder").model_copy(update=change))
    assert changed.id != genome.id


def test_a_change_of_status_keeps_the_id() -> None:
    genome = organization()
    for status in Status:
        coder = node_of(genome, "coder").model_copy(update={"status": status})
        assert replace_node(genome, coder).id == genome.id


def test_a_node_hash_is_made_once_and_never_outlives_its_fields() -> None:
    node = ViableNode(id="a")
    first = node_hash(node)
    assert node_hash(node) is first
    assert node_hash(node.model_copy(update={"name": "b"})) != first
    assert node_hash(node.model_copy()) == first


def test_a_serialised_genome_comes_back_with_its_id() -> None:
    genome = organization()
    assert OrganizationalGenome.model_validate_json(genome.model_dump_json()) == genome
    assert json.loads(genome.model_dump_json())["id"] == genome.id
    assert OrganizationalGenome.model_validate(genome) is genome
    without = {key: item for key, item in genome.model_dump().items() if key != "id"}
    assert OrganizationalGenome.model_validate(without).id == genome.id


def test_a_serialised_genome_whose_content_was_changed_is_refused() -> None:
    content = json.loads(organization().model_dump_json())
    content["nodes"]["coder"]["operation"]["capabilities"].append("delegate")
    with pytest.raises(ValidationError, match="the id does not match the content"):
        OrganizationalGenome.model_validate_json(json.dumps(content))
    with pytest.raises(ValidationError):
        OrganizationalGenome.model_validate_json("[]")


def test_a_child_is_added_with_the_standard_channels() -> None:
    genome = new_genome(ViableNode(id="root", parent_id="x", children=("y",)))
    assert (genome.nodes["root"].parent_id, genome.nodes["root"].children) == (None, ())
    grown = add_child(genome, "root", ViableNode(id="a", parent_id="z", children=("q",)))
    assert (grown.nodes["a"].parent_id, grown.nodes["a"].children) == ("root", ())
    assert grown.nodes["root"].children == ("a",)
    assert [(each.channel, each.parent, each.child) for each in grown.channels] == [
        (channel, "root", "a") for channel, _ in BUNDLE
    ]
    assert genome.nodes["root"].children == ()
    assert len(genome.channels) == 0


def test_adding_under_nobody_or_twice_is_refused() -> None:
    with pytest.raises(GenomeError, match="no such node") as raised:
        add_child(organization(), "nobody", ViableNode(id="a"))
    assert raised.value.node_id == "nobody"
    with pytest.raises(GenomeError, match="already taken"):
        add_child(organization(), "root", ViableNode(id="coder"))


def test_an_organization_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genomes, "NODE_LIMIT", 5)
    with pytest.raises(GenomeError, match="at most 5 nodes"):
        add_child(organization(), "root", ViableNode(id="a"))


def test_a_subtree_goes_with_its_channels() -> None:
    genome = remove_subtree(organization(), "chief")
    assert set(genome.nodes) == {"root", "solo"}
    assert genome.nodes["root"].children == ("solo",)
    assert {each.child for each in genome.channels} == {"solo"}
    validate(genome)
    with pytest.raises(GenomeError, match="the root can't be removed"):
        remove_subtree(genome, "root")


def test_the_tree_is_read_from_any_node() -> None:
    genome = organization()
    assert subtree(genome, "root") == ("root", "chief", "coder", "tester", "solo")
    assert subtree(genome, "coder") == ("coder",)
    assert ancestors(genome, "coder") == ("chief", "root")
    assert ancestors(genome, "root") == ()
    assert [each.id for each in working_children(genome, "chief")] == ["coder", "tester"]
    for question in (subtree, ancestors, working_children, node_of, capabilities_of):
        with pytest.raises(GenomeError):
            question(genome, "nobody")


def test_ancestors_of_a_broken_tree_still_end() -> None:
    nodes = {"a": ViableNode(id="a", parent_id="b"), "b": ViableNode(id="b", parent_id="a")}
    assert ancestors(OrganizationalGenome(root_id="a", nodes=nodes), "a") == ("b", "a")
    orphan = {"a": ViableNode(id="a", parent_id="gone")}
    assert ancestors(OrganizationalGenome(root_id="a", nodes=orphan), "a") == ("gone",)


def test_structure_decides_what_a_node_may_do() -> None:
    genome = organization()
    assert capabilities_of(genome, "root") == METASYSTEM_ONLY | SHARED
    assert capabilities_of(genome, "coder") == LeafOperation.coding().capabilities
    assert not capabilities_of(genome, "root") & LEAF_ONLY
    plain = add_child(genome, "root", ViableNode(id="plain"))
    assert capabilities_of(plain, "plain") == frozenset()


def test_a_leaf_that_gains_a_child_loses_its_leaf_capabilities_and_a_retired_child_does_not_count() -> None:
    genome = add_child(organization(), "coder", ViableNode(id="helping", operation=LeafOperation.coding()))
    assert is_metasystem(genome, "coder")
    assert not capabilities_of(genome, "coder") & LEAF_ONLY
    retired = node_of(genome, "helping").model_copy(update={"status": Status.RETIRED})
    genome = replace_node(genome, retired)
    assert not is_metasystem(genome, "coder")
    assert capabilities_of(genome, "coder") == LeafOperation.coding().capabilities


def test_the_authority_chain_runs_from_the_root_to_the_node() -> None:
    chain = authority_chain(organization(), "coder")
    assert [(link.id, link.has_children) for link in chain] == [
        ("root", True),
        ("chief", True),
        ("coder", False),
    ]
    assert chain[0].operation_capabilities is None
    assert chain[2].operation_capabilities == LeafOperation.coding().capabilities


def test_complexity_counts_nodes_tools_prompt_parts_and_levels() -> None:
    genome = organization()
    assert complexity(genome) == pytest.approx(5 + 0.5 * 2)
    prompt = PromptGenome(domain_hints=(PromptComponent(id="h", text="hint"),) * 2)
    richer = node_of(genome, "coder").model_copy(update={"tools": (ToolSpec(name="ruff"),), "prompt": prompt})
    assert complexity(replace_node(genome, richer)) == pytest.approx(5 + 1.0 + 0.1 + 0.1)
    retired = node_of(genome, "tester").model_copy(update={"status": Status.RETIRED})
    assert complexity(replace_node(genome, retired)) == pytest.approx(4 + 1.0)


# -------------------------------------------------------------------------------------------------------- validation


def changed(node_id: str, **update: object) -> OrganizationalGenome:
    genome = organization()
    nodes = {**genome.nodes, node_id: genome.nodes[node_id].model_copy(update=update)}
    return genome.model_copy(update={"nodes": nodes})


def without(node_id: str) -> OrganizationalGenome:
    genome = organization()
    return genome.model_copy(update={"nodes": {k: v for k, v in genome.nodes.items() if k != node_id}})


def with_channel(parent: str, child: str) -> OrganizationalGenome:
    config = ChannelConfig(channel=Channel.AUDIT, parent=parent, child=child, direction=Direction.BOTH)
    return organization().model_copy(update={"channels": Channels([config])})


def renamed_key() -> OrganizationalGenome:
    genome = organization()
    return genome.model_copy(update={"nodes": {**genome.nodes, "other": genome.nodes["solo"]}})


def island() -> OrganizationalGenome:
    one = ViableNode(id="one", parent_id="two", children=("two",))
    two = ViableNode(id="two", parent_id="one", children=("one",))
    genome = organization()
    return genome.model_copy(update={"nodes": {**genome.nodes, "one": one, "two": two}})


BROKEN = {
    "no root": (without("root"), "root", "the root is not among the nodes"),
    "a root with a parent": (changed("root", parent_id="solo"), "root", "the root has a parent"),
    "a key that lies": (renamed_key(), "other", "the key names a node whose id is 'solo'"),
    "two roots": (changed("solo", parent_id=None), "solo", "another"),
    "a free second root": (
        organization().model_copy(
            update={"nodes": {**organization().nodes, "free": ViableNode(id="free")}},
        ),
        "free",
        "a second root",
    ),
    "a child twice": (changed("chief", children=("coder", "coder", "tester")), "chief", "listed twice"),
    "a child that is gone": (without("tester"), "chief", "its child 'tester' does not exist"),
    "another's child": (changed("solo", children=("coder",)), "coder", "its parent is another"),
    "an orphan": (
        organization().model_copy(
            update={"nodes": {**organization().nodes, "lost": ViableNode(id="lost", parent_id="gone")}},
        ),
        "lost",
        "an orphan",
    ),
    "an unlisted child": (changed("chief", children=("coder",)), "tester", "not reachable from the root"),
    "a cycle": (island(), "one", "not reachable from the root"),
    "a channel to nobody": (with_channel("chief", "gone"), "gone", "does not exist"),
    "a channel from nobody": (with_channel("gone", "coder"), "gone", "does not exist"),
    "a channel past the parent": (with_channel("root", "coder"), "coder", "not its parent"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_genome_names_the_node_and_the_rule(case: str) -> None:
    genome, node, rule = BROKEN[case]
    with pytest.raises(GenomeError, match=rule) as raised:
        validate(genome)
    assert raised.value.node_id == node
    assert raised.value.definite


def test_limits_are_part_of_validity(monkeypatch: pytest.MonkeyPatch) -> None:
    validate(organization())
    monkeypatch.setattr("vsm_core.validation.NODE_LIMIT", 4)
    with pytest.raises(GenomeError, match="at most 4 nodes"):
        validate(organization())
    monkeypatch.setattr("vsm_core.validation.NODE_LIMIT", 5)
    monkeypatch.setattr("vsm_core.validation.DEPTH_LIMIT", 2)
    with pytest.raises(GenomeError, match="deeper than 2 levels"):
        validate(organization())
