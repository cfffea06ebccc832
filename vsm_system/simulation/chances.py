"""Which faults a seed brings, how often, and how many there were: one literal table of kinds.

A kind is chosen for a seed with its own chance, so that most seeds mix a few kinds and some are calm. What is drawn for
one kind moves no other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final


class Fault(StrEnum):
    """Everything that can be made to go wrong."""

    DROP = "drop"  # an envelope is lost before its confirmation
    UNCONFIRMED = "unconfirmed"  # it arrives, its confirmation does not
    DUPLICATE = "duplicate"
    DELAY = "delay"
    REORDER = "reorder"
    ACK_LOST = "ack_lost"
    SLOW_CONSUMER = "slow_consumer"
    PARTITION = "partition"  # a process can't reach the broker
    CRASH = "crash"  # at a named crash point
    KILL = "kill"  # at any moment
    PAUSE = "pause"  # SIGSTOP, and SIGCONT later
    CLOCK_STEP = "clock_step"
    DISK_FULL = "disk_full"
    LEDGER_LOCKED = "ledger_locked"
    FSYNC_ERROR = "fsync_error"  # written, but nobody is told
    FORGED = "forged"  # an envelope whose sender may not send it
    THROTTLE = "throttle"
    HANG = "hang"
    LIE = "lie"  # success is claimed, nothing has changed
    HALF_STREAM = "half_stream"
    PROVIDER_CRASH = "provider_crash"
    REJECT = "reject"  # a verification finds the work wanting


@dataclass(frozen=True, slots=True)
class Rate:
    """How likely a kind is to be among a seed's faults, and how often it then strikes where it can."""

    chosen: float
    strikes: float  # per opportunity, or per mean interval for what comes from outside


# Opportunities: an envelope for the network's, a pass of a crash point, a commit for the ledger's, an execution for the
# provider's. For what comes from outside - kill, pause, partition, clock, disk, lock, forgery - the mean number per
# virtual minute of disturbance.
RATES: Final[Mapping[Fault, Rate]] = {
    Fault.DROP: Rate(0.4, 0.02),
    Fault.UNCONFIRMED: Rate(0.4, 0.02),
    Fault.DUPLICATE: Rate(0.4, 0.04),
    Fault.DELAY: Rate(0.4, 0.04),
    Fault.REORDER: Rate(0.4, 0.05),
    Fault.ACK_LOST: Rate(0.4, 0.02),
    Fault.SLOW_CONSUMER: Rate(0.2, 0.01),
    Fault.PARTITION: Rate(0.25, 0.5),
    Fault.CRASH: Rate(0.5, 0.004),
    Fault.KILL: Rate(0.5, 1.2),
    Fault.PAUSE: Rate(0.3, 0.6),
    Fault.CLOCK_STEP: Rate(0.25, 0.8),
    Fault.DISK_FULL: Rate(0.2, 0.4),
    Fault.LEDGER_LOCKED: Rate(0.2, 0.4),
    Fault.FSYNC_ERROR: Rate(0.2, 0.01),
    Fault.FORGED: Rate(0.3, 1.0),
    Fault.THROTTLE: Rate(0.2, 0.05),
    Fault.HANG: Rate(0.2, 0.03),
    Fault.LIE: Rate(0.2, 0.03),
    Fault.HALF_STREAM: Rate(0.2, 0.05),
    Fault.PROVIDER_CRASH: Rate(0.2, 0.05),
    Fault.REJECT: Rate(0.2, 0.03),
}
ALL = frozenset(Fault)
MINIMUM_KINDS = 4  # of a seed, where so many are allowed


def faults_named(names: str) -> frozenset[Fault]:
    """Return the kinds of a comma-separated list, ``all`` or ``none``; raise ValueError that names an unknown one."""
    if names in ("all", "none"):
        return ALL if names == "all" else frozenset()
    known = {each.value: each for each in Fault}
    asked = [name.strip() for name in names.split(",") if name.strip()]
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        raise ValueError(f"unknown fault {unknown!r}; known: all, none, {', '.join(sorted(known))}")
    return frozenset(known[name] for name in asked)


@dataclass(slots=True)
class Chances:
    """The faults of one seed: asked at every opportunity, silent once the disturbance is over."""

    seed: int
    allowed: frozenset[Fault] = ALL
    intensity: float = 1.0  # of what strikes at opportunities
    struck: Counter[str] = field(default_factory=Counter)
    over: bool = False
    _active: frozenset[Fault] = frozenset()
    _draws: dict[Fault, Random] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose the kinds of this seed, MINIMUM_KINDS at least."""
        allowed = sorted(self.allowed)
        choice = Random(f"{self.seed}/choice")  # noqa: S311 - faults that come again, no secret
        chosen = {each for each in allowed if choice.random() < RATES[each].chosen}
        spare = [each for each in allowed if each not in chosen]
        while spare and len(chosen) < MINIMUM_KINDS:
            chosen.add(spare.pop(choice.randrange(len(spare))))
        self._active = frozenset(chosen)
        self._draws = {each: Random(f"{self.seed}/{each}") for each in allowed}  # noqa: S311

    def active(self) -> Iterable[Fault]:
        """Return the kinds of this seed, in the order of the table."""
        return (each for each in Fault if each in self._active)

    def strikes(self, fault: Fault) -> bool:
        """Say whether a fault strikes at this opportunity, and count it if so."""
        if self.over or fault not in self._active:
            return False
        if self._draws[fault].random() >= RATES[fault].strikes * self.intensity:
            return False
        self.struck[fault.value] += 1
        return True

    def note(self, fault: Fault) -> None:
        """Count a fault that came from outside."""
        self.struck[fault.value] += 1

    def random(self, fault: Fault) -> Random:
        """Return the source of a kind's own numbers: how long, whom, how far."""
        return self._draws[fault]
