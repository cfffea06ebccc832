"""Writing an organization in the tree form of YAML: what stands at its default is left out."""

import yaml

from vsm_core.genome import OrganizationalGenome
from vsm_core.node import OPERATIONS, ViableNode

WIDTH = 110  # characters of a line


def organization_yaml(genome: OrganizationalGenome) -> str:
    """Return the text that ``load_organization`` reads back as an equal organization."""
    return yaml.safe_dump(
        _written(genome, genome.root_id),
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
        default_flow_style=None,
    )


def _written(genome: OrganizationalGenome, node_id: str) -> dict[str, object]:
    node = genome.nodes[node_id]
    fields: dict[str, object] = {"id": node.id}
    fields |= node.model_dump(mode="json", exclude_defaults=True, exclude={"id", "parent_id", "children"})
    if node.name == node.id:
        del fields["name"]
    if _is_standard(node):
        fields["operation"] = node.operation.kind if node.operation else None
    if node.children:
        fields["children"] = [_written(genome, child) for child in node.children]
    return fields


def _is_standard(node: ViableNode) -> bool:
    return node.operation is not None and OPERATIONS.get(node.operation.kind) == node.operation.capabilities
