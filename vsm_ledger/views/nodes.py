"""Nodes: every name that a ledger knows a node by."""

from sqlalchemy import Connection, select

from vsm_ledger.projections.measures import BETWEEN
from vsm_ledger.schema import node_rollups, streams, tasks


def nodes(connection: Connection) -> tuple[str, ...]:
    """Return the nodes that write streams, have tasks or are above those that worked, by name."""
    named = {*connection.execute(select(streams.c.stream)).scalars()}
    named.update(
        connection.execute(select(tasks.c.node).where(tasks.c.node.is_not(None)).distinct()).scalars()
    )
    lines = select(node_rollups.c.node, node_rollups.c.ancestors).distinct()
    for node, ancestors in connection.execute(lines):
        named.update((node, *filter(None, ancestors.split(BETWEEN))))
    return tuple(sorted(named))
