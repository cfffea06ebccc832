"""The last look at a simulated world: is all that was accepted over, is nothing lost, can it be told again?"""

from collections import Counter
from collections.abc import Iterator

from vsm_controller.actor import ControllerActor
from vsm_controller.state.controller import ControllerState, Seat
from vsm_core.actor import Context, LogEntry
from vsm_core.task import Outcome
from vsm_system.simulation.scenario import ORGANIZATION
from vsm_system.simulation.world import World

ROOT_BRANCH = "refs/heads/vsm/"


def last_look(world: World) -> Iterator[str]:
    """Yield what is wrong at the end."""
    yield from _over(world)
    yield from _nothing_lost(world)
    yield from _forgeries(world)
    for node in sorted(world.watch.controllers):
        yield from _told_again(world, node)


def _over(world: World) -> Iterator[str]:
    root = world.watch.rules.get(world.genome.root_id)
    finished = root.finished if root else {}
    for directive_id in world.watch.handed_in:
        if directive_id not in finished:
            yield f"I1 {directive_id}: accepted, and never over"
        elif directive_id not in world.reports:
            yield f"I8 {directive_id}: over, and its client was never told"
    for rules in world.watch.rules.values():
        for task_id, task in rules.tasks.items():
            if not task.concluded:
                yield f"I8 {rules.stream}: {task_id} is not over"


def _nothing_lost(world: World) -> Iterator[str]:
    """A completed directive's branch holds every result that was integrated for it."""
    root = world.genome.root_id
    rules = world.watch.rules.get(root)
    for report in world.reports.values():
        branch = world.repository.refs.get(f"{ROOT_BRANCH}{report.directive_id}")
        if report.outcome is Outcome.COMPLETED and (branch is None or branch != report.commit):
            yield f"I2 {report.directive_id}: completed as {report.commit}, its branch is {branch}"
        for task_id, task in rules.tasks.items() if rules else ():
            commit = task.result_commit
            ours = task.mandate_id == report.directive_id and task.integrated and commit
            if ours and not (branch and world.repository.contains(branch, str(commit))):
                yield f"I2 {report.directive_id}: the branch lacks {task_id}, which was integrated"
    for (ref, _, commit), times in Counter(world.repository.moves).items():
        if times > 1:
            yield f"I2 {ref} was moved to {commit} {times} times"


def _forgeries(world: World) -> Iterator[str]:
    for stream in world.watch.controllers:
        for recorded in world.ledger.facts(stream):
            if recorded.causation_id in world.forged and recorded.fact.kind != "EnvelopeRefused":
                yield f"I5 {stream}: {recorded.fact.kind} because of a forged envelope"


def _told_again(world: World, node: str) -> Iterator[str]:
    """The inbox log decides again to the same facts, and their fold is what the live actor knows."""
    actor = ControllerActor(Seat(node, ORGANIZATION, world.genome))
    state, facts = actor.initial(), list(world.ledger.facts(node))
    handled: set[str] = set()
    for entry in world.ledger.log(node):
        if entry.envelope.id in handled:
            yield f"I2 {node}: {entry.envelope.payload_type} {entry.envelope.id} was decided on twice"
        handled.add(entry.envelope.id)
        told, facts = facts[: entry.facts], facts[entry.facts :]
        again = actor.decide(state, entry.envelope, _context(entry))
        if list(again.facts) != told:
            yield f"I6 {node}: {entry.envelope.payload_type} {entry.envelope.id} is decided otherwise again"
            return
        for recorded in told:
            state = actor.evolve(state, recorded.fact)
    yield from _same_as_live(world, node, state)


def _same_as_live(world: World, node: str, state: ControllerState) -> Iterator[str]:
    live = world.last_states.get(node)
    if live is not None and live != state:
        yield f"I6 {node}: what the live actor knows is not the fold of its facts"


def _context(entry: LogEntry) -> Context:
    return Context(
        now=entry.now,
        cause_id=entry.envelope.id,
        seed=entry.seed,
        limits=entry.limits,
        process=entry.process,
        delivery_attempt=entry.delivery_attempt,
    )
