"""`vsm genome`: an organization as text, its rules, and what differs between two."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, Json, Organization, Workspace, configured

if TYPE_CHECKING:
    from vsm_core.genome import OrganizationalGenome

app = typer.Typer(help="Show, check and compare organizations.")
Which = Annotated[
    str | None,
    typer.Argument(metavar="[FILE|NAME]", help="A starter or a file; by default the configured one."),
]


@app.command()
def show(
    which: Which = None,
    *,
    tree: Annotated[bool, typer.Option("--tree", help="As a tree, one node in a line.")] = False,
    node: Annotated[
        str | None, typer.Option("--node", metavar="ID", help="Only this node and all below it.")
    ] = None,
    organization: Organization = None,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> int:
    """Print an organization as the YAML that --organization reads."""
    from vsm_system.organizations import organization_yaml

    genome = _at(_loaded(which or organization, workspace), node)
    if as_json:
        print(genome.model_dump_json(indent=2))
    elif tree:
        _print_tree(genome)
    else:
        print(organization_yaml(genome), end="")
    return 0


def _loaded(which: str | None, workspace: object) -> "OrganizationalGenome":
    from vsm_system.organizations import load_organization

    return load_organization(which or configured(workspace).values.organization)  # type: ignore[arg-type]


def _at(genome: "OrganizationalGenome", node: str | None) -> "OrganizationalGenome":
    from vsm_core.genome import subtree
    from vsm_system.config import guess
    from vsm_system.errors import UserError

    if node is None:
        return genome
    if node not in genome.nodes:
        raise UserError(
            f"unknown node {node!r}{guess(node, tuple(genome.nodes))}: known are {', '.join(sorted(genome.nodes))}"
        )
    kept = set(subtree(genome, node))
    top = genome.nodes[node].model_copy(update={"parent_id": None})
    nodes = {key: item for key, item in genome.nodes.items() if key in kept} | {node: top}
    channels = type(genome.channels)(c for c in genome.channels if {c.parent, c.child} <= kept)
    return genome.model_copy(update={"root_id": node, "nodes": nodes, "channels": channels})


def _print_tree(genome: "OrganizationalGenome") -> None:
    from rich.text import Text
    from rich.tree import Tree

    from vsm_core.genome import working_children
    from vsm_system.report.console import console_for, put

    def label(node_id: str) -> Text:
        node = genome.nodes[node_id]
        classes = ", ".join(node.routing.task_classes)
        leaf = f"  {node.operation.kind} by {node.model.provider}" if node.operation else ""
        return Text.assemble((node_id, "bold"), (leaf, "cyan"), (f"  {classes}" if classes else "", "dim"))

    def grow(tree: Tree, node_id: str) -> None:
        for child in working_children(genome, node_id):
            grow(tree.add(label(child.id)), child.id)

    top = Tree(label(genome.root_id))
    grow(top, genome.root_id)
    put(console_for(sys.stdout), top)


@app.command()
def validate(which: Which = None, *, organization: Organization = None, workspace: Workspace = HERE) -> int:
    """Check an organization; a rule that is broken is one line with its place, and exit code 2."""
    from vsm_controller.state.supply import has_verifier
    from vsm_core.genome import complexity, is_metasystem

    genome = _loaded(which or organization, workspace)
    print(f"{genome.root_id}: {len(genome.nodes)} nodes, complexity {complexity(genome):.1f}, id {genome.id}")
    for node_id, node in genome.nodes.items():
        if (
            is_metasystem(genome, node_id)
            and node.system_3.may_integrate
            and not has_verifier(genome, node_id, None)
        ):
            print(f"note: {node_id} has no testing leaf of its own: its work goes up unverified")
    if not is_metasystem(genome, genome.root_id):
        print("note: the root has no children, so run-directive refuses this organization")
    return 0


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A starter or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="A starter or a file.")],
) -> int:
    """Show what differs between two organizations, as a diff of their YAML; exit code 1 where something does."""
    from difflib import unified_diff

    from vsm_system.organizations import organization_yaml

    one, other = (organization_yaml(_loaded(each, HERE)).splitlines(keepends=True) for each in (old, new))
    lines = list(unified_diff(one, other, fromfile=old, tofile=new))
    print("".join(lines), end="")
    return 1 if lines else 0
