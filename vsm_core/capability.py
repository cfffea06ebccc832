"""Capability: what structure allows, the hard gate.

A node with at least one non-retired child is a metasystem and never holds a leaf capability, whatever its operation or
its prompt says. Limits only narrow downward: what an ancestor denies, no descendant has.
Source of the rule: Beer's distinction of operation and metasystem (The Heart of Enterprise, 1979).
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from vsm_core.value import Sorted, Value


class Capability(StrEnum):
    """One thing a node may do."""

    DELEGATE = "delegate"
    AUDIT_CHILDREN = "audit_children"
    MUTATE_CHILD_TOPOLOGY = "mutate_child_topology"
    ISSUE_COMMAND = "issue_command"
    COORDINATE = "coordinate"
    ALLOCATE_RESOURCES = "allocate_resources"
    RUN_FUTURE_PROBES = "run_future_probes"
    WRITE_CODE = "write_code"
    RUN_TESTS = "run_tests"
    REVIEW = "review"
    WRITE_FILESYSTEM = "write_filesystem"
    RESEARCH = "research"
    INTEGRATE = "integrate"
    READ_FILESYSTEM = "read_filesystem"


Capabilities = Annotated[frozenset[Capability], Sorted]

METASYSTEM_ONLY = frozenset(
    {
        Capability.DELEGATE,
        Capability.AUDIT_CHILDREN,
        Capability.MUTATE_CHILD_TOPOLOGY,
        Capability.ISSUE_COMMAND,
        Capability.COORDINATE,
        Capability.ALLOCATE_RESOURCES,
        Capability.RUN_FUTURE_PROBES,
    }
)
LEAF_ONLY = frozenset(
    {Capability.WRITE_CODE, Capability.RUN_TESTS, Capability.REVIEW, Capability.WRITE_FILESYSTEM}
)
SHARED = frozenset({Capability.RESEARCH, Capability.INTEGRATE, Capability.READ_FILESYSTEM})
NOTHING: frozenset[Capability] = frozenset()


class PermissionSpec(Value):
    """Which paths and tools a node may use; a path is a tree (``src`` covers ``src/a.py``), ``.`` is everything."""

    allowed_paths: tuple[str, ...] = (".",)
    denied_paths: tuple[str, ...] = ()
    allowed_tools: tuple[str, ...] = ("*",)
    denied_tools: tuple[str, ...] = ()
    network: bool = False
    requires_human_approval: bool = False


class AuthorityLink(Value):
    """One node of an authority chain: all that narrowing needs, small enough to travel."""

    id: str
    has_children: bool
    operation_capabilities: Capabilities | None = None
    denied_capabilities: Capabilities = NOTHING
    permissions: PermissionSpec = PermissionSpec()


AuthorityChain = tuple[AuthorityLink, ...]


def capabilities_of_chain(chain: Sequence[AuthorityLink]) -> frozenset[Capability]:
    """Return what the last node of a chain (root first) may do."""
    if not chain:
        return NOTHING
    denied = frozenset[Capability]().union(*(link.denied_capabilities for link in chain))
    return _by_structure(chain[-1]) - denied


def _by_structure(link: AuthorityLink) -> frozenset[Capability]:
    if link.has_children:
        return METASYSTEM_ONLY | SHARED
    return (link.operation_capabilities or NOTHING) - METASYSTEM_ONLY


def covers(tree: str, path: str) -> bool:
    """Say whether ``path`` lies inside the path tree; an absolute path, or one that climbs, lies inside none."""
    if path.startswith("/") or (".." in path and ".." in path.split("/")):
        return False
    return tree in (".", path) or path.startswith(f"{tree}/")


def trees_overlap(one: str, other: str) -> bool:
    """Say whether two path trees share a file."""
    return covers(one, other) or covers(other, one)


def path_refusal(chain: Sequence[AuthorityLink], path: str) -> str | None:
    """Return why the chain forbids a path, or None; every level must allow it and none may deny it."""
    for link in chain:
        if not any(covers(tree, path) for tree in link.permissions.allowed_paths):
            return f"{path} lies outside the allowed paths of {link.id}"
        if any(covers(tree, path) for tree in link.permissions.denied_paths):
            return f"{path} lies inside the denied paths of {link.id}"
    return None


def tool_refusal(chain: Sequence[AuthorityLink], tool: str) -> str | None:
    """Return why the chain forbids a tool, or None."""
    for link in chain:
        allowed = link.permissions.allowed_tools
        if "*" not in allowed and tool not in allowed:
            return f"{tool} is not among the allowed tools of {link.id}"
        if tool in link.permissions.denied_tools:
            return f"{tool} is denied by {link.id}"
    return None


def network_allowed(chain: Sequence[AuthorityLink]) -> bool:
    """Say whether every level of the chain grants the network."""
    return bool(chain) and all(link.permissions.network for link in chain)
