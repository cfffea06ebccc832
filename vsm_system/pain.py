"""Pain a process raises by itself, because what hurts is what it would decide with: its ledger."""

from datetime import datetime

from vsm_core.ids import derive_id
from vsm_core.payloads.signals import AlgedonicSignal, Valence

LEDGER_SEVERITY = 8  # of 10: nothing can be decided, but nothing is lost either
DETAIL_LIMIT = 500  # characters


def pain(node: str, cause_id: str, cause: BaseException, now: datetime) -> AlgedonicSignal:
    """Return the signal that a node's ledger can't be written."""
    return AlgedonicSignal(
        signal_id=derive_id("signal", node, cause_id),
        valence=Valence.PAIN,
        severity=LEDGER_SEVERITY,
        raised_by=node,
        subject="the ledger can't be written",
        detail=str(cause)[:DETAIL_LIMIT],
        raised_at=now,
    )
