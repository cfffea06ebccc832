"""The watch: sees every commit, every publication and every report of a simulated world as it happens."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from vsm_core.actor import Commit, Limits
from vsm_core.channel import Channel
from vsm_core.envelope import Envelope
from vsm_core.payloads.jobs import ExecuteTask
from vsm_core.payloads.signals import DirectiveReport
from vsm_ledger.memory import MemoryLedger
from vsm_system.simulation.invariants import StreamRules
from vsm_system.simulation.life import Life


@dataclass(slots=True)
class Watch:
    """Collects what happened, and what must not have."""

    ledger: MemoryLedger
    limits: Limits
    controllers: frozenset[str]
    random: Random
    slots: int
    rules: dict[str, StreamRules] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    handed_in: dict[str, None] = field(default_factory=dict)
    reports: dict[str, list[DirectiveReport]] = field(default_factory=dict)
    trouble: Counter[str] = field(default_factory=Counter)
    executing: dict[tuple[str, str], int] = field(default_factory=dict)
    commits: int = 0

    def committed(self, life: Life, commit: Commit) -> None:
        """Check a commit that was just written."""
        self.commits += 1
        stream = self.ledger.streams[commit.stream]
        if commit.epoch != stream.epoch:
            self.found.append(
                f"I3 {commit.stream}: {life.name} wrote under epoch {commit.epoch}, {stream.epoch} holds it"
            )
        rules = self.rules.setdefault(commit.stream, StreamRules(commit.stream, self.limits))
        for recorded in commit.facts:
            rules.take(recorded.fact)

    def published(self, envelope: Envelope) -> None:
        """Check that what a controller says is committed before it is said."""
        if envelope.source not in self.controllers or envelope.channel is Channel.ALGEDONIC:
            return  # pain about the ledger can't wait for the ledger
        stream = self.ledger.streams.get(envelope.source)
        known = stream is not None and (envelope.id in stream.unsent or envelope.id in stream.sent)
        if not known:
            self.found.append(
                f"I6 {envelope.source}: {envelope.payload_type} {envelope.id} was published before it was committed"
            )

    def execution(self, process: str, request: ExecuteTask, change: int) -> None:
        """Note that an execution begins or ends; a leaf runs no more at once in one process than it has slots."""
        assignment = request.packet.assignment
        place = (process, assignment.node.id if assignment else "")
        self.executing[place] = self.executing.get(place, 0) + change
        if self.executing[place] > self.slots:
            self.found.append(f"I7 {place[1]}: {self.executing[place]} executions at once in {process}")

    def accepted(self, directive_id: str) -> None:
        """Note that a directive was handed in and confirmed."""
        self.handed_in[directive_id] = None

    def reported(self, report: DirectiveReport) -> None:
        """Note a last report; two of one directive must agree."""
        known = self.reports.setdefault(report.directive_id, [])
        if known and known[0].outcome is not report.outcome:
            self.found.append(f"I1 {report.directive_id}: reported {known[0].outcome}, then {report.outcome}")
        known.append(report)

    def failed_to_start(self, error: BaseException) -> None:
        """Note why a process ended."""
        self.trouble[type(error).__name__] += 1

    def violations(self) -> list[str]:
        """Return what was broken so far."""
        return [*self.found, *(text for rules in self.rules.values() for text in rules.found)]
