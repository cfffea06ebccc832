"""Organizations as YAML: the starters keep their promises, files round-trip, errors name the place."""

from pathlib import Path

import pytest

from vsm_controller.state.supply import has_verifier, supplies
from vsm_controller.system_3.predicates import CLASS_WORDS, CODE
from vsm_core.capability import Capability
from vsm_core.genome import OrganizationalGenome, capabilities_of, is_metasystem, subtree
from vsm_core.node import LeafOperation, ToolSpec, ViableNode
from vsm_core.validation import validate
from vsm_system.organizations import (
    OrganizationError,
    known_organizations,
    load_organization,
    organization_yaml,
)
from vsm_system.organizations.loading import parse_organization

STARTERS = ("maintenance", "nested", "single-coder")
CLASSES = (*(name for name, _ in CLASS_WORDS), CODE)
EDITING = ("lint", "imports", "modernise", "format", CODE)


def metasystems(genome: OrganizationalGenome) -> list[str]:
    return [node for node in genome.nodes if is_metasystem(genome, node)]


def depth(genome: OrganizationalGenome, node: str) -> int:
    children = [child for child in genome.nodes[node].children if is_metasystem(genome, child)]
    return 1 + max((depth(genome, child) for child in children), default=0)


def test_the_starters_are_these() -> None:
    assert known_organizations() == STARTERS


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_is_valid_and_its_root_is_named_after_it(name: str) -> None:
    genome = load_organization(name)
    validate(genome)
    assert genome.root_id == name


@pytest.mark.parametrize("name", STARTERS)
def test_every_metasystem_of_a_starter_has_a_testing_leaf_of_its_own(name: str) -> None:
    genome = load_organization(name)
    assert all(has_verifier(genome, node, None) for node in metasystems(genome))


@pytest.mark.parametrize("name", STARTERS)
def test_every_editing_class_finds_a_leaf(name: str) -> None:
    genome = load_organization(name)
    writing = frozenset({Capability.WRITE_CODE, Capability.WRITE_FILESYSTEM})
    assert all(supplies(genome, genome.root_id, each, writing) for each in EDITING)


@pytest.mark.parametrize("task_class", CLASSES)
def test_the_default_organization_supplies_every_class(task_class: str) -> None:
    genome = load_organization("maintenance")
    assert supplies(genome, genome.root_id, task_class, frozenset({Capability.READ_FILESYSTEM}))


def test_the_starters_are_as_deep_as_they_say() -> None:
    assert [depth(genome, genome.root_id) for genome in map(load_organization, STARTERS)] == [2, 3, 1]


@pytest.mark.parametrize("name", STARTERS)
def test_a_leaf_that_reports_can_not_write(name: str) -> None:
    genome = load_organization(name)
    for node in subtree(genome, genome.root_id):
        if any(tool.effect == "report" for tool in genome.nodes[node].tools):
            assert Capability.WRITE_FILESYSTEM not in capabilities_of(genome, node)


def test_every_tool_serves_a_class_that_its_node_is_meant_for() -> None:
    for genome in map(load_organization, STARTERS):
        for node in genome.nodes.values():
            assert all(tool.task_class in node.routing.task_classes for tool in node.tools)


@pytest.mark.parametrize("name", STARTERS)
def test_what_is_written_reads_back_as_the_same_organization(name: str) -> None:
    genome = load_organization(name)
    again = parse_organization(organization_yaml(genome), source="written")
    assert again == genome
    assert again.id == genome.id


def test_an_operation_of_ones_own_survives_the_round_trip() -> None:
    text = "id: a\nchildren: [{id: b, operation: {kind: gardening, capabilities: [research]}}]\n"
    genome = parse_organization(text, source="text")
    kept = genome.nodes["b"].operation
    assert kept == LeafOperation(kind="gardening", capabilities=frozenset({Capability.RESEARCH}))
    assert parse_organization(organization_yaml(genome), source="written") == genome


def test_a_file_may_use_anything_a_node_has(tmp_path: Path) -> None:
    file = tmp_path / "crew.yaml"
    file.write_text(
        "id: crew\nchildren:\n"
        "- {id: agent, operation: coding, model: {provider: command}, permissions: {network: true},\n"
        '   tools: [{name: agent, argv: [claude, -p, "{prompt}"], timeout_seconds: 1800}]}\n',
        encoding="utf-8",
    )
    node = load_organization(file).nodes["agent"]
    tool = ToolSpec(name="agent", argv=("claude", "-p", "{prompt}"), timeout_seconds=1_800)
    assert (node.tools, node.permissions.network) == ((tool,), True)


def test_a_root_alone_is_an_organization() -> None:
    assert parse_organization("id: alone", source="text").nodes["alone"] == ViableNode(id="alone")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f:1:1: the file is empty"),
        ("a: [", "f:1:5: expected the node content"),
        ("- x", "f:1:1: a node is a mapping with an id, not a list"),
        ("name: x", "f:1:1: node '?': the field 'id' is missing"),
        ("id: Upper", "f:1:1: node 'Upper': id: string should match"),
        (
            "id: a\noperatoin: coding",
            "f:2:1: node 'a': unknown field 'operatoin' (did you mean 'operation'?)",
        ),
        ("id: a\noperation: codin", "f:2:1: node 'a': unknown operation 'codin' (did you mean 'coding'?)"),
        ("id: a\nid: b", "f:2:1: the key 'id' stands here twice"),
        ("id: a\nparent_id: b", "f:2:1: node 'a': 'parent_id' is not written down"),
        ("id: a\nchildren: {id: b}", "f:2:11: node 'a': children is a list of nodes"),
        ("id: a\nchildren: [x]", "f:2:12: a node is a mapping with an id, not a text"),
        ("id: a\nchildren:\n- id: b\n- id: b", "f:4:3: node 'b': the id is already taken in line 3"),
        (
            "id: a\ntools:\n- {name: x, argv: [echo, yes]}",
            "f:3:26: node 'a': tools.0.argv.1: input should be a valid",
        ),
        ("id: a\npermissions: {netwrk: true}", "f:2:15: node 'a': unknown field 'permissions.netwrk'"),
        ("&x {id: a, children: [*x]}", "f:1:1: a reference to something that contains it"),
        ("id: !!python/name:os.system x", "f:1:5: could not determine a constructor"),
        ("{[a]: b}", "f:1:2: a key must be a plain word"),
        ("id: a\n---\nid: b", "f:2:1: but found another document"),
        ("id: \x00", "f:1:1: not YAML"),
    ],
)
def test_an_error_names_line_column_and_what_is_wrong(text: str, expected: str) -> None:
    with pytest.raises(OrganizationError) as raised:
        parse_organization(text, source="f")
    assert str(raised.value).startswith(expected)
    assert "\n" not in str(raised.value)


def test_references_that_multiply_are_refused() -> None:
    levels = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(OrganizationError, match="too large or too deep"):
        parse_organization("\n".join(["id: a", "x0: &x0 [a]", *levels]), source="f")


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(OrganizationError):
        parse_organization("[" * 10_000, source="f")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "maintenence",
            "unknown organization 'maintenence' (did you mean 'maintenance'?): known are maintenance, ",
        ),
        ("no-such.yaml", "no-such.yaml: No such file or directory; name a YAML file or one of maintenance, "),
        ("./no-such", "no-such: No such file or directory"),
    ],
)
def test_an_organization_that_is_not_there_is_one_line(name: str, expected: str) -> None:
    with pytest.raises(OrganizationError) as raised:
        load_organization(name)
    assert str(raised.value).startswith(expected)


def test_a_folder_and_bytes_are_no_organization(tmp_path: Path) -> None:
    with pytest.raises(OrganizationError, match="Is a directory"):
        load_organization(tmp_path)
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(OrganizationError, match="not UTF-8 text"):
        load_organization(file)
