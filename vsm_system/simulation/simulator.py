"""One seed from beginning to end: a world is made, disturbed, calmed, and judged."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from vsm_core.actor import Limits
from vsm_core.codec import canonical_bytes
from vsm_core.genome import OrganizationalGenome, is_metasystem
from vsm_ledger.memory import MemoryLedger
from vsm_system.simulation.chances import ALL, Chances, Fault
from vsm_system.simulation.loop import VirtualLoop
from vsm_system.simulation.repository import Repository
from vsm_system.simulation.saboteur import STRIKES, disturb
from vsm_system.simulation.scenario import LIMITS, default_organization, directive, layout_of
from vsm_system.simulation.verdict import last_look
from vsm_system.simulation.watch import Watch
from vsm_system.simulation.world import World

DISTURBANCE_SECONDS = 240.0
RECOVERY_SECONDS = 3_600.0  # T of I8: after the last fault, everything is over within this
SPREAD_SECONDS = 60.0  # the directives come in within this
SETTLE_SECONDS = 20.0  # for the last acknowledgements
LOOK_SECONDS = 1.0
SLOTS = 2  # executions of one leaf at once in one process


@dataclass(frozen=True, slots=True)
class Plan:
    """What every seed runs."""

    genome: OrganizationalGenome = field(default_factory=default_organization)
    directives: int = 4
    faults: frozenset[Fault] = ALL
    intensity: float = 1.0
    limits: Limits = LIMITS
    disturbed_seconds: float = DISTURBANCE_SECONDS
    recovery_seconds: float = RECOVERY_SECONDS
    trees: int = 2  # top-level folders; directives that work in different ones don't wait for each other


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What one seed came to."""

    seed: int
    digest: str
    virtual_seconds: float
    recovery_seconds: float  # from the end of the disturbance until all was over
    faults: dict[str, int]
    restarts: int
    tasks: int
    outcomes: dict[str, str]
    violations: tuple[str, ...]


def run_seed(seed: int, plan: Plan) -> SeedResult:
    """Simulate one seed; the same seed and plan always come to the same result."""
    loop = VirtualLoop(seed)
    loop.set_exception_handler(
        lambda _loop, _context: None
    )  # what dies in a simulated process is its own affair
    world = _world(loop, seed, plan)
    try:
        recovery = loop.run_until_complete(_history(world, plan))
        violations = (*world.watch.violations(), *last_look(world))
    finally:
        world.end()
        loop.bury()
    return SeedResult(
        seed=seed,
        digest=digest_of(world.ledger),
        virtual_seconds=loop.time(),
        recovery_seconds=recovery,
        faults=_counted(world),
        restarts=world.restarts,
        tasks=sum(len(rules.tasks) for rules in world.watch.rules.values()),
        outcomes={each: str(report.outcome) for each, report in sorted(world.reports.items())},
        violations=violations,
    )


def digest_of(ledger: MemoryLedger) -> str:
    """Return the sha256 over all facts, stream by stream."""
    told = sha256()
    for stream in sorted(ledger.streams):
        for recorded in ledger.facts(stream):
            told.update(recorded.id.encode() + canonical_bytes(recorded.fact))
    return told.hexdigest()


def _world(loop: VirtualLoop, seed: int, plan: Plan) -> World:
    ledger = MemoryLedger()
    controllers = frozenset(node for node in plan.genome.nodes if is_metasystem(plan.genome, node))
    watch = Watch(ledger, plan.limits, controllers, Random(f"{seed}/operator"), SLOTS)  # noqa: S311 - comes again, no secret
    chances = Chances(seed, plan.faults, plan.intensity)
    layout = layout_of(plan.genome, seed)
    repository = Repository(plan.trees)
    return World(loop, plan.genome, layout, chances, seed, watch, plan.limits, ledger, repository)


async def _history(world: World, plan: Plan) -> float:
    """Let it all happen; return how long recovery took."""
    drawn = Random(f"{world.seed}/client")  # noqa: S311 - comes again, no secret
    work = [world.operate(post) for post in world.layout.posts]
    work += [world.listen()]
    work += [disturb(world, fault) for fault in world.chances.active() if fault in STRIKES]
    work += [
        world.ask(directive(number, plan.trees), drawn.uniform(0, SPREAD_SECONDS))
        for number in range(plan.directives)
    ]
    tasks = [asyncio.ensure_future(each) for each in work]
    await asyncio.sleep(plan.disturbed_seconds)
    world.calm()
    recovery = await _until_over(world, plan)
    await asyncio.sleep(SETTLE_SECONDS)
    await world.stop()
    del tasks
    return recovery


async def _until_over(world: World, plan: Plan) -> float:
    waited = 0.0
    while len(world.reports) < plan.directives and waited < plan.recovery_seconds:
        await asyncio.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
    return waited


def _counted(world: World) -> dict[str, int]:
    counted = Counter(world.chances.struck)
    for broker in world.brokers:
        counted.update(broker.injected)
    return {kind: times for kind, times in sorted(counted.items()) if times}
