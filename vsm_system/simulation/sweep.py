"""Design questions: one property of the organization is varied, and the simulator says what it does to another.

Two questions so far. How many directives does an organization of many leaves get done per hour when its span of control
is wider or narrower? How long does it take to recover when its leases are longer or shorter? An answer is a median with
its smallest and largest value over some seeds, because one seed is an anecdote.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ViableNode
from vsm_system.simulation.campaign import HOUR_SECONDS, run_seeds
from vsm_system.simulation.chances import Fault
from vsm_system.simulation.scenario import LIMITS, add_leaf
from vsm_system.simulation.simulator import Plan, SeedResult

TEAMS = 64  # of a coder and a tester each: with their superiors, hundreds of nodes
DIRECTIVES = 128
TREES = 64  # so that directives wait for people, not for each other's files
A_WEEK_SECONDS = 604_800.0
CLASSES = ("lint", "imports", "modernise", "format")


@dataclass(frozen=True, slots=True)
class Question:
    """What is varied, what is measured, and over which values unless others are named."""

    varied: str
    measured: str
    values: tuple[int, ...]
    plan: Callable[[int], Plan]
    answer: Callable[[SeedResult], float]


@dataclass(frozen=True, slots=True)
class Point:
    """The answer at one value."""

    value: int
    median: float
    least: float
    most: float
    seeds: int
    violations: int


def ask(question: Question, values: Sequence[int], seeds: int, processes: int | None) -> Iterator[Point]:
    """Yield the answer at each value."""
    for value in values:
        results = list(run_seeds(range(seeds), question.plan(value), processes))
        answers = [question.answer(each) for each in results]
        broken = sum(len(each.violations) for each in results)
        yield Point(value, median(answers), min(answers), max(answers), len(results), broken)


def tree_of(teams: int, span: int) -> OrganizationalGenome:
    """Return an organization whose metasystems have at most ``span`` children besides their tester.

    Teams of a coder and a tester hang below as many levels of superiors as it takes.
    """
    genome = add_leaf(new_genome(ViableNode(id="root")), "root", "root-tester", LeafOperation.testing())
    level = ["root"]
    made = 0
    while len(level) * span < teams:
        below = []
        for parent in level:
            for _ in range(span):
                made += 1
                genome = _superior(genome, parent, f"unit-{made}")
                below.append(f"unit-{made}")
        level = below
    for number in range(teams):
        team = f"team-{number}"
        genome = _superior(genome, level[number % len(level)], team)
        genome = add_leaf(genome, team, f"{team}-coder", LeafOperation.coding(), CLASSES)
    return genome


def _superior(genome: OrganizationalGenome, parent: str, name: str) -> OrganizationalGenome:
    genome = add_child(genome, parent, ViableNode(id=name))
    return add_leaf(genome, name, f"{name}-tester", LeafOperation.testing())


def _spread(span: int) -> Plan:
    return Plan(
        genome=tree_of(TEAMS, span),
        directives=DIRECTIVES,
        trees=TREES,
        faults=frozenset(),
        disturbed_seconds=1.0,
        recovery_seconds=A_WEEK_SECONDS,
    )


def _leased(seconds: int) -> Plan:
    kills = frozenset({Fault.KILL, Fault.PAUSE})
    return Plan(limits=LIMITS.model_copy(update={"lease_seconds": seconds}), faults=kills)


def _per_hour(result: SeedResult) -> float:
    return len(result.outcomes) / (result.virtual_seconds / HOUR_SECONDS)


QUESTIONS: Mapping[str, Question] = {
    "span": Question("span of control", "directives per virtual hour", (2, 4, 8, 16, 64), _spread, _per_hour),
    "lease": Question(
        "lease in seconds",
        "virtual seconds from the last fault to the last result",
        (10, 20, 40, 80, 160, 300),
        _leased,
        lambda result: result.recovery_seconds,
    ),
}
