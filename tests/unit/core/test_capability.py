"""Capability and permission: the hard gate, on chains written by hand."""

import pytest

from vsm_core.capability import (
    LEAF_ONLY,
    METASYSTEM_ONLY,
    NOTHING,
    SHARED,
    AuthorityLink,
    Capability,
    PermissionSpec,
    capabilities_of_chain,
    covers,
    network_allowed,
    path_refusal,
    tool_refusal,
    trees_overlap,
)
from vsm_core.node import OPERATIONS, LeafOperation

CODING = OPERATIONS["coding"]


def link(name: str, **fields: object) -> AuthorityLink:
    return AuthorityLink.model_validate({"id": name, "has_children": False, **fields})


def test_every_capability_is_of_exactly_one_kind() -> None:
    assert set(Capability) == METASYSTEM_ONLY | LEAF_ONLY | SHARED
    assert len(METASYSTEM_ONLY) + len(LEAF_ONLY) + len(SHARED) == len(Capability)


def test_no_standard_operation_holds_a_capability_of_the_metasystem() -> None:
    for kind, capabilities in OPERATIONS.items():
        assert not capabilities & METASYSTEM_ONLY, kind
    assert LeafOperation.coding().capabilities == CODING
    assert LeafOperation.reviewing().capabilities == OPERATIONS["reviewing"]
    assert LeafOperation.of("planning").kind == "planning"
    with pytest.raises(KeyError):
        LeafOperation.of("dreaming")


def test_nobody_may_do_nothing() -> None:
    assert capabilities_of_chain(()) == NOTHING
    assert capabilities_of_chain((link("a"),)) == NOTHING


def test_a_node_with_children_is_a_metasystem_whatever_its_operation_says() -> None:
    chain = (link("a", has_children=True, operation_capabilities=CODING),)
    assert capabilities_of_chain(chain) == METASYSTEM_ONLY | SHARED


def test_a_leaf_never_holds_what_is_the_metasystems() -> None:
    chain = (link("a", operation_capabilities=frozenset(Capability)),)
    assert capabilities_of_chain(chain) == LEAF_ONLY | SHARED


def test_what_any_ancestor_denies_is_gone() -> None:
    root = link("root", has_children=True, denied_capabilities={Capability.WRITE_CODE})
    leaf = link("leaf", operation_capabilities=CODING, denied_capabilities={Capability.RUN_TESTS})
    assert capabilities_of_chain((root, leaf)) == CODING - {Capability.WRITE_CODE} - {Capability.RUN_TESTS}
    assert Capability.DELEGATE in capabilities_of_chain((root,))


@pytest.mark.parametrize(
    ("tree", "path", "inside"),
    [
        (".", "a/b.py", True),
        ("src", "src", True),
        ("src", "src/a.py", True),
        ("src", "srcs/a.py", False),
        ("src/a.py", "src", False),
        (".", "../a.py", False),
        ("src", "src/../secret", False),
        ("src", "src/a..b/c", True),
        (".", "/etc/passwd", False),
    ],
)
def test_a_tree_covers_what_lies_in_it(tree: str, path: str, inside: object) -> None:
    assert covers(tree, path) is inside


def test_trees_overlap_when_one_covers_the_other() -> None:
    assert trees_overlap("src", "src/a")
    assert trees_overlap("src/a", "src")
    assert not trees_overlap("src/a", "src/b")


def permitted(name: str, **fields: object) -> AuthorityLink:
    return link(name, permissions=PermissionSpec.model_validate(fields))


def test_every_level_must_allow_a_path_and_none_may_deny_it() -> None:
    chain = (
        permitted("root", denied_paths=("src/vendor",)),
        permitted("leaf", allowed_paths=("src", "docs")),
    )
    assert path_refusal(chain, "src/a.py") is None
    assert path_refusal(chain, "src/vendor/x.py") == "src/vendor/x.py lies inside the denied paths of root"
    assert path_refusal(chain, "setup.py") == "setup.py lies outside the allowed paths of leaf"
    assert path_refusal(chain, "src/../setup.py") == "src/../setup.py lies outside the allowed paths of root"
    assert path_refusal((), "anything") is None


def test_every_level_must_allow_a_tool_and_none_may_deny_it() -> None:
    chain = (permitted("root", denied_tools=("rm",)), permitted("leaf", allowed_tools=("ruff", "rm")))
    assert tool_refusal(chain, "ruff") is None
    assert tool_refusal(chain, "rm") == "rm is denied by root"
    assert tool_refusal(chain, "pytest") == "pytest is not among the allowed tools of leaf"


def test_the_network_is_open_only_where_every_level_opens_it() -> None:
    opened, closed = permitted("a", network=True), permitted("b")
    assert network_allowed((opened, opened))
    assert not network_allowed((opened, closed))
    assert not network_allowed(())
