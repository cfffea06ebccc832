"""The organization as rows: which genome each node works under, and what it would not listen to."""

from vsm_core.facts import EnvelopeRefused, GenomeAdopted
from vsm_ledger.projections.change import Cells, Change, Changes, Origin


def adopted(fact: GenomeAdopted, origin: Origin) -> Changes:
    """A node works under a genome."""
    cells: Cells = {"adopted_at": origin.occurred_at, "replaces": fact.replaces}
    yield Change("genomes", {"genome_id": fact.genome_id, "stream": origin.stream}, cells, whole=True)


def refused(fact: EnvelopeRefused, origin: Origin) -> Changes:
    """An envelope had no authority."""
    cells: Cells = {
        "source": fact.source,
        "channel": fact.channel,
        "payload_type": fact.payload_type,
        "reason": fact.reason,
        "refused_at": origin.occurred_at,
    }
    key = {"stream": origin.stream, "envelope_id": fact.envelope_id}
    yield Change("dead_letters", key, cells, whole=True)
