"""Replaying: does the log of a node, decided on again, come to the same facts and envelopes.

Every decision is made again on the state that the recorded facts fold to, so that the first one which comes out
otherwise is found, and not its consequences. Bytes are compared where the same version of the program decided; of
another version the facts are compared as values. What can't be decided again is passed over and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import orjson
from sqlalchemy import Connection

from vsm_controller.actor import ControllerActor
from vsm_controller.state.controller import Seat
from vsm_core.actor import Decision
from vsm_core.codec import wire_bytes
from vsm_core.envelope import Envelope, decode_envelope
from vsm_core.errors import CoreError
from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome, is_metasystem
from vsm_ledger.history import History
from vsm_ledger.texts import REDACTED
from vsm_ledger.views.log import Decided, ToldFact, decisions
from vsm_system.errors import UserError

SHOWN = 160  # characters of a value that differs


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first decision that comes out otherwise."""

    position: int
    envelope_id: str
    payload_type: str
    detail: str

    def __str__(self) -> str:
        return f"decision {self.position} on {self.payload_type} {self.envelope_id}: {self.detail}"


@dataclass(slots=True)
class Replayed:
    """What was decided again for one node."""

    node: str
    decisions: int = 0
    facts: int = 0
    envelopes: int = 0
    facts_only: int = 0  # decisions of another version of the program: their envelopes were not compared
    pruned: int = 0  # passed over: their bytes are gone
    foreign: int = 0  # passed over: another organization decided them
    envelopes_pruned: int = 0
    versions: set[str] = field(default_factory=set)  # of the program, other than this one
    divergence: Divergence | None = None


async def replay(
    history: History, genome: OrganizationalGenome, node: str | None, code_version: str
) -> tuple[Replayed, ...]:
    """Decide again what a node, or every metasystem with a stream, has decided; raise UserError where nobody can."""
    streams = [row.stream for row in await history.streams() if row.version]
    if node is not None and node not in streams:
        raise UserError(f"no node {node!r} in this ledger: it has {', '.join(streams) or 'none'}")
    nodes = [each for each in streams if each in genome.nodes and is_metasystem(genome, each)]
    if node is not None and node not in nodes:
        raise UserError(f"{node} is no metasystem of this organization: name its own with --organization")
    if not nodes:
        raise UserError("no node of this ledger is in this organization: name its own with --organization")
    told = []
    for each in [node] if node is not None else nodes:
        actor = ControllerActor(Seat(each, history.organization, genome))
        again = partial(retold, node=each, actor=actor, genome_id=genome.id, code_version=code_version)
        told.append(await history.ask(again))
    if not any(each.decisions for each in told) and any(each.foreign for each in told):
        raise UserError("another organization decided all of this: name it with --organization")
    return tuple(told)


def retold(
    connection: Connection, node: str, actor: ControllerActor, genome_id: str, code_version: str
) -> Replayed:
    """Decide a node's log again, up to the first divergence."""
    said = Replayed(node)
    state = actor.initial()
    under = genome_id
    for entry in decisions(connection, node):
        for each in entry.before:
            state = actor.evolve(state, each.recorded.fact)
        under = entry.facts[-1].recorded.genome_id if entry.facts else under
        if not entry.envelope or _is_redacted(entry):
            said.pruned += 1
        elif under != genome_id:
            said.foreign += 1
        else:
            said.divergence = _decided_again(entry, said, code_version, partial(actor.decide, state))
        if said.divergence is not None:
            break
        for each in entry.facts:
            state = actor.evolve(state, each.recorded.fact)
    return said


def _is_redacted(entry: Decided) -> bool:
    return any(REDACTED in each.body for each in entry.facts)


def _decided_again(
    entry: Decided, said: Replayed, code_version: str, decide: "partial[Decision]"
) -> Divergence | None:
    same_version = entry.code_version == code_version
    said.decisions += 1
    if not same_version:
        said.facts_only += 1
        said.versions.add(entry.code_version)
    try:
        again = decide(decode_envelope(entry.envelope), entry.context)
        detail = next(_differences(entry, again, said, same_version=same_version), None)
    except (CoreError, ValueError, KeyError, AssertionError) as error:
        detail = f"it can't be decided any more: {type(error).__name__}: {error}"
    return Divergence(entry.position, entry.envelope_id, entry.payload_type, detail) if detail else None


def _differences(entry: Decided, again: Decision, said: Replayed, *, same_version: bool) -> Iterator[str]:
    if len(again.facts) != len(entry.facts):
        then = ", ".join(each.recorded.fact.kind for each in entry.facts) or "none"
        now = ", ".join(each.fact.kind for each in again.facts) or "none"
        yield f"facts were {then}; now {now}"
    for number, (told, made) in enumerate(zip(entry.facts, again.facts, strict=True), start=1):
        said.facts += 1
        if told.recorded != made or (same_version and told.body != wire_bytes(made.fact).decode()):
            yield f"fact {number} of {len(entry.facts)}, {told.recorded.fact.kind}: {_fact_difference(told, made)}"
    if again.refusal != entry.refusal:
        yield f"refusal was {entry.refusal!r}; now {again.refusal!r}"
    if same_version:
        yield from _send_differences(entry, again.sends, said)


def _fact_difference(told: ToldFact, made: RecordedFact) -> str:
    bodies = first_difference(orjson.loads(told.body), orjson.loads(wire_bytes(made.fact)))
    return bodies or first_difference(_around(told.recorded), _around(made)) or "the order of its bytes"


def _around(recorded: RecordedFact) -> dict[str, str]:
    names = ("id", "occurred_at", "genome_id", "correlation_id", "causation_id")
    return {name: str(getattr(recorded, name)) for name in names}


def _send_differences(entry: Decided, sends: tuple[Envelope, ...], said: Replayed) -> Iterator[str]:
    if len(sends) != len(entry.sends):
        yield f"{len(entry.sends)} envelopes were sent; now {len(sends)}"
    for number, (told, made) in enumerate(zip(entry.sends, sends, strict=True), start=1):
        if not told:
            said.envelopes_pruned += 1
            continue
        said.envelopes += 1
        if told != made.encoded():
            where = (
                first_difference(orjson.loads(told), orjson.loads(made.encoded())) or "the order of its bytes"
            )
            yield f"envelope {number} of {len(sends)}, {made.payload_type}: {where}"


def first_difference(then: object, now: object, where: str = "") -> str | None:
    """Return where two JSON values differ first, and how; None where they are equal."""
    if isinstance(then, dict) and isinstance(now, dict):
        pairs = ((f"{where}.{name}", then.get(name), now.get(name)) for name in sorted({*then, *now}))
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        pairs = ((f"{where}[{at}]", *pair) for at, pair in enumerate(zip(then, now, strict=True)))
    else:
        return None if then == now else f"{where.lstrip('.') or 'it'} was {_short(then)}; now {_short(now)}"
    return next((found for name, one, two in pairs if (found := first_difference(one, two, name))), None)


def _short(value: object) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
