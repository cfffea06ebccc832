"""The cast: small organizations, a directive for them, and what their leaves answer."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha1

from vsm_core.capability import Capability
from vsm_core.facts import AnyFact, DirectiveAccepted, RepositorySurveyed, TaskPlanned
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.ids import derive_id
from vsm_core.node import LeafOperation, RoutingRules, System3Config, ViableNode
from vsm_core.payloads.jobs import RepositoryInventory
from vsm_core.payloads.work import Directive, TaskPacket, TaskProgress, TaskResult
from vsm_core.task import (
    AcceptanceCriterion,
    DiffSize,
    Evidence,
    FailureClass,
    Outcome,
    RepositoryRef,
    Role,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
BASE = sha1(b"base").hexdigest()
CLIENT = "_client-test"
WRITING = frozenset({Capability.WRITE_CODE, Capability.WRITE_FILESYSTEM})
PYTEST = AcceptanceCriterion(name="pytest", verifier=("pytest",))
INVENTORY = RepositoryInventory(
    total_files=3,
    python_files=2,
    languages=("python",),
    files=("a.py", "src/b.py"),
    test_files=("test_a.py",),
)


def commit_of(text: str) -> str:
    """Return a made-up commit id."""
    return sha1(text.encode()).hexdigest()


def leaf(node_id: str, *classes: str, kind: str = "coding") -> ViableNode:
    """Return a leaf meant for some classes of work."""
    return ViableNode(
        id=node_id, operation=LeafOperation.of(kind), routing=RoutingRules(task_classes=classes)
    )


def flat() -> OrganizationalGenome:
    """Return a root with two editing leaves and a testing leaf."""
    genome = new_genome(ViableNode(id="root"))
    for child in (leaf("linter", "lint"), leaf("moderniser", "modernise"), leaf("tester", kind="testing")):
        genome = add_child(genome, "root", child)
    return genome


def deep() -> OrganizationalGenome:
    """Return a root over a metasystem that has the editing leaves; both have a testing leaf."""
    genome = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="engineering"))
    for child in (leaf("linter", "lint"), leaf("moderniser", "modernise"), leaf("checker", kind="testing")):
        genome = add_child(genome, "engineering", child)
    return add_child(genome, "root", leaf("verifier", kind="testing"))


def directive(text: str = "Fix the lint errors and modernise the syntax", **changes: object) -> Directive:
    """Return a directive about a repository."""
    made = Directive(
        id="d-1",
        title=text,
        reply_to=CLIENT,
        repository=RepositoryRef(identity="repo", location="repo", base_commit=BASE),
    )
    return made.model_copy(update=changes)


Answer = Callable[[TaskPacket], dict[str, object]]


def does_it(packet: TaskPacket) -> dict[str, object]:
    """Answer as a leaf that does what it is asked, and a tester that finds it good."""
    if packet.role is Role.TEST:
        proof = Evidence(argv=("pytest",), exit_code=0, commit=packet.subject_commit)
        return {"outcome": Outcome.COMPLETED, "evidence": (proof,)}
    return {
        "outcome": Outcome.COMPLETED,
        "commit": commit_of(f"{packet.id}/{packet.base_commit}"),
        "files_touched": ("a.py",),
        "diff": DiffSize(files_changed=1, lines_added=1),
    }


def execution_of(packet: TaskPacket) -> str:
    """Return the id of a leaf's one execution of a packet."""
    assert packet.assignment is not None
    return derive_id("execution", packet.assignment.node.id, f"{packet.id}/{packet.assignment.fencing_token}")


def _shared(packet: TaskPacket) -> dict[str, object]:
    assert packet.assignment is not None
    return {
        "task_id": packet.id,
        "attempt": packet.assignment.attempt,
        "fencing_token": packet.assignment.fencing_token,
        "execution_id": execution_of(packet),
        "produced_by": packet.assignment.node.id,
    }


def progress_of(packet: TaskPacket, **changes: object) -> TaskProgress:
    """Return the sign of life of a packet's execution."""
    return TaskProgress(**{**_shared(packet), "process": "p1", **changes})  # type: ignore[arg-type]


def result_of(packet: TaskPacket, **said: object) -> TaskResult:
    """Return the result of a packet's execution; completed, where nothing else is said."""
    return TaskResult(**{**_shared(packet), "outcome": Outcome.COMPLETED, **said})  # type: ignore[arg-type]


def saying(**lines: dict[str, object]) -> Answer:
    """Return leaves that say what a script has for a task's class, else for its role, else what all is well says."""

    def answer(packet: TaskPacket) -> dict[str, object]:
        line = lines.get(packet.task_class or "", lines.get(packet.role.value))
        return does_it(packet) if line is None else line

    return answer


def failed(
    failure: FailureClass | None = None, reason: str = "it broke", **more: object
) -> dict[str, object]:
    """Return what a leaf says that failed."""
    return {"outcome": Outcome.FAILED, "failure_class": failure, "reason": reason, **more}


BROKEN = Evidence(argv=("pytest",), exit_code=1)
REJECTS: dict[str, object] = {
    "outcome": Outcome.REJECTED,
    "failure_class": FailureClass.TESTS_FAILED,
    "reason": "test_a.py::test_it passed before and fails now",
    "evidence": (BROKEN,),
}
CANNOT_TELL: dict[str, object] = {"outcome": Outcome.NEEDS_HUMAN, "reason": "pytest is not installed"}
NOTHING_TO_DO: dict[str, object] = {"outcome": Outcome.NO_CHANGE, "reason": "nothing to change"}
SILENCE: dict[str, object] = {}


def task(task_id: str, *scope: str, after: tuple[str, ...] = (), **changes: object) -> TaskPacket:
    """Return a packet to be planned: an edit of some paths that any leaf meant for everything can do."""
    packet = TaskPacket(
        id=task_id,
        directive_id="d-1",
        title=task_id,
        scope=scope or (".",),
        repository=directive().repository,
        base_commit=BASE,
        dependencies=after,
        required_capabilities=WRITING,
    )
    return packet.model_copy(update=changes)


def plan(*tasks: TaskPacket, **changes: object) -> tuple[AnyFact, ...]:
    """Return the facts of a directive whose plan is these tasks."""
    asked = directive("Do it all", **changes)
    surveyed = RepositorySurveyed(directive_id="d-1", inventory=INVENTORY, acceptance=(PYTEST,))
    planned = (
        TaskPlanned(task_id=each.id, directive_id="d-1", mandate_id="d-1", packet=each) for each in tasks
    )
    known = (surveyed,) if asked.repository else ()
    return (DirectiveAccepted(directive_id="d-1", directive=asked), *known, *planned)


def crew(count: int = 2, **system_3: object) -> OrganizationalGenome:
    """Return a root with some leaves that can do anything, and a testing leaf."""
    genome = new_genome(ViableNode(id="root", system_3=System3Config(**system_3)))  # type: ignore[arg-type]
    for number in range(count):
        genome = add_child(genome, "root", leaf(f"coder-{number}"))
    return add_child(genome, "root", leaf("tester", kind="testing"))


def organization(**below: object) -> OrganizationalGenome:
    """Return a tree under the root: a mapping is a metasystem, a tuple a coding leaf's classes, a node itself."""
    genome = new_genome(ViableNode(id="root"))
    return _grown(genome, "root", below)


def _grown(genome: OrganizationalGenome, parent: str, below: Mapping[str, object]) -> OrganizationalGenome:
    for name, what in below.items():
        node = ViableNode(id=name) if isinstance(what, Mapping) else what
        child = leaf(name, *what) if isinstance(what, tuple) else node
        assert isinstance(child, ViableNode)
        genome = add_child(genome, parent, child.model_copy(update={"id": name}))
        if isinstance(what, Mapping):
            genome = _grown(genome, name, what)
    return genome


TESTER = leaf("tester", kind="testing")
