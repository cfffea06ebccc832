"""What must be true of every play, whatever its leaves did: judged on the recorded facts, one node at a time."""

from collections import Counter
from collections.abc import Iterator

from pydantic import TypeAdapter

from tests.unit.controller.play import Play
from vsm_controller.state.controller import ControllerState
from vsm_controller.state.fold import fold
from vsm_controller.state.mandate import Phase
from vsm_core.capability import trees_overlap
from vsm_core.facts import AnyFact, Fact, ProcessStarted, TaskAssigned

FACT: TypeAdapter[AnyFact] = TypeAdapter(Fact)
ENDS = frozenset({"AttemptLost", "TaskConcluded"})


def check(play: Play) -> None:
    """Check every invariant that holds at any moment of a play."""
    for node, state in play.states.items():
        facts = [fact for where, fact in play.facts if where == node]
        facts_rebuild_the_state(play, node, facts)
        indexes_are_true(state)
        each_task_ends_once(facts)
        each_task_has_one_owner(facts)
        written_paths_never_overlap(facts)


def over(play: Play) -> None:
    """Check what must be true besides when all work has ended: one end for all, and nothing is left."""
    check(play)
    assert len(play.of("DirectiveFinished")) == len(play.of("DirectiveAccepted"))
    for node, state in play.states.items():
        planned = Counter(fact.task_id for fact in play.of("TaskPlanned", node))
        concluded = Counter(fact.task_id for fact in play.of("TaskConcluded", node))
        assert planned == concluded
        assert (state.mandates, state.tasks) == ({}, {})
        assert not any(state.by_status.values())


def facts_rebuild_the_state(play: Play, node: str, facts: list[AnyFact]) -> None:
    """Recovery: the facts as the ledger keeps them make the very state that was lived in."""
    read = [FACT.validate_json(FACT.dump_json(fact)) for fact in facts]
    assert written(fold(play.actors[node].initial(), read)) == written(play.states[node])


def written(state: ControllerState) -> str:
    """Return a state as text in which order counts; its genome never changes here."""
    return state.model_dump_json(exclude={"genome"})


def indexes_are_true(state: ControllerState) -> None:
    """Indexes say what the tasks say."""
    indexed = {task_id: status for status, ids in state.by_status.items() for task_id in ids}
    assert indexed == {task_id: task.status for task_id, task in state.tasks.items()}
    for mandate in state.mandates.values():
        assert mandate.open_tasks == sum(state.tasks[each].open for each in mandate.task_ids)
        done = mandate.phase is Phase.WORKING and mandate.open_tasks == 0
        assert (mandate.id in state.idle) == done
    assert set(state.idle) <= set(state.mandates)


def each_task_ends_once(facts: list[AnyFact]) -> None:
    """I1: after its terminal state nothing happens to a task, unless it is asked for anew."""
    over: set[str] = set()
    for fact in facts:
        if fact.kind == "TaskPlanned":
            over.discard(fact.task_id)
        elif fact.kind in {"TaskAssigned", "TaskAdmitted", "TaskIntegrated", "TaskConcluded"}:
            assert fact.task_id not in over, f"{fact.kind} after the end of {fact.task_id}"
        if fact.kind == "TaskConcluded":
            over.add(fact.task_id)


def each_task_has_one_owner(facts: list[AnyFact]) -> None:
    """I3: one assignment at a time, under tokens that only rise; only the newest one may end in a result."""
    newest = 0
    for fact, held in assignments(facts, frozenset({"TaskFinished", *ENDS})):
        if fact.kind == "TaskAssigned":
            assert fact.task_id not in held
            assert fact.fencing_token > newest
            newest = fact.fencing_token
        elif fact.kind == "TaskAdmitted" and fact.packet is None:
            assert held[fact.task_id].fencing_token == fact.fencing_token
        elif fact.kind == "TaskFinished" and fact.task_id in held:
            assert held[fact.task_id].fencing_token == fact.result.fencing_token


def written_paths_never_overlap(facts: list[AnyFact]) -> None:
    """System 2: no two tasks hold the same path tree of one repository at once."""
    place = {fact.task_id: fact.packet.repository for fact in facts if fact.kind == "TaskPlanned"}
    for fact, held in assignments(facts, ENDS):
        if fact.kind == "TaskAssigned":
            near = [each for each in held.values() if place[each.task_id] == place[fact.task_id]]
            taken = [path for each in near for path in each.leased_paths]
            assert not any(trees_overlap(one, other) for one in fact.leased_paths for other in taken)


def assignments(
    facts: list[AnyFact], ends: frozenset[str]
) -> Iterator[tuple[AnyFact, dict[str, TaskAssigned]]]:
    """Yield each fact with the assignments that stood before it; ``ends`` are the kinds that end one."""
    held: dict[str, TaskAssigned] = {}
    admitted: set[str] = set()
    for fact in facts:
        yield fact, held
        if isinstance(fact, TaskAssigned):
            held[fact.task_id] = fact
            admitted.discard(fact.task_id)
        elif fact.kind == "TaskAdmitted":
            admitted.add(fact.task_id)
        elif fact.kind in ends:
            held.pop(fact.task_id, None)
        elif isinstance(fact, ProcessStarted):  # takes back what was handed out and not admitted
            held = {
                task: each for task, each in held.items() if task in admitted or each.child not in fact.nodes
            }
