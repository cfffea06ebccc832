"""What a simulation runs: an organization, what is asked of it, and how its nodes are spread over processes."""

from dataclasses import dataclass
from random import Random

from vsm_core.actor import Limits
from vsm_core.genome import OrganizationalGenome, add_child, is_metasystem, new_genome, subtree
from vsm_core.node import LeafOperation, ViableNode
from vsm_core.payloads.work import Directive
from vsm_core.task import AcceptanceCriterion, RepositoryRef
from vsm_system.simulation.repository import BASE, tree

ORGANIZATION = "simulated"
TEXT = "Fix the lint errors, sort the imports, modernise the syntax and format the code"
REPOSITORY = RepositoryRef(identity="simulated", location="/simulated", base_commit=BASE)
TESTS = AcceptanceCriterion(name="tests", verifier=("pytest", "-q"))
# Shorter than in production by one rule: a virtual hour costs as much as the events in it.
LIMITS = Limits(
    admit_seconds=60,
    lease_seconds=30,
    heartbeat_seconds=5,
    result_resend_seconds=10,
    task_seconds=300,
    job_seconds=300,
)


def default_organization() -> OrganizationalGenome:
    """Return three levels: a root and two teams as controllers, and five leaves."""
    genome = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="team-a"))
    genome = add_child(genome, "root", ViableNode(id="team-b"))
    genome = add_leaf(genome, "root", "tester", LeafOperation.testing())
    for team, classes in (("a", ("lint", "imports")), ("b", ("modernise", "format"))):
        genome = add_leaf(genome, f"team-{team}", f"coder-{team}", LeafOperation.coding(), classes)
        genome = add_leaf(genome, f"team-{team}", f"tester-{team}", LeafOperation.testing())
    return genome


def add_leaf(
    genome: OrganizationalGenome,
    parent: str,
    name: str,
    operation: LeafOperation,
    classes: tuple[str, ...] = (),
) -> OrganizationalGenome:
    """Return the organization with one more leaf that does some classes of work."""
    leaf = ViableNode(id=name, operation=operation)
    routing = leaf.routing.model_copy(update={"task_classes": classes})
    return add_child(genome, parent, leaf.model_copy(update={"routing": routing}))


def directive(number: int, trees: int) -> Directive:
    """Return what is asked the ``number``-th time: the same maintenance, each time in the next tree."""
    return Directive(
        id=f"directive-{number}",
        title=f"{TEXT} in {tree(number % trees)}/",
        repository=REPOSITORY,
        acceptance=(TESTS,),
        reply_to="_client-sim",
    )


@dataclass(frozen=True, slots=True)
class Post:
    """One process to be: which nodes it runs, and on which machine."""

    name: str
    machine: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the nodes are spread over processes, and whether the broker lives in one of them."""

    posts: tuple[Post, ...]
    broker_survives: bool
    decode: bool  # receivers get an envelope decoded from its bytes


def layout_of(genome: OrganizationalGenome, seed: int) -> Layout:
    """Return a seed's layout: all in one process, controllers and workers apart, or every controller apart."""
    drawn = Random(f"{seed}/layout")  # noqa: S311 - a layout that comes again
    nodes = tuple(reversed(subtree(genome, genome.root_id)))
    controllers = tuple(node for node in nodes if is_metasystem(genome, node))
    leaves = tuple(node for node in nodes if not is_metasystem(genome, node))
    decode = drawn.random() < HALF
    kind = drawn.randrange(3)
    if kind == 0:
        return Layout((Post("all", "here", nodes),), broker_survives=False, decode=decode)
    groups = (controllers,) if kind == 1 else tuple((each,) for each in controllers)
    posts = [Post(f"controllers-{at}", f"machine-{at}", group) for at, group in enumerate(groups)]
    posts += [Post(f"workers-{at}", f"worker-machine-{at}", leaves) for at in range(WORKER_PROCESSES)]
    return Layout(tuple(posts), broker_survives=True, decode=decode)


HALF = 0.5
WORKER_PROCESSES = 2
