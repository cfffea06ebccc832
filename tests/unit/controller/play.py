"""A play: the organization's real controllers, decided one envelope at a time, with leaves and jobs that answer by script."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1

from vsm_controller.actor import ControllerActor
from vsm_controller.state.controller import ControllerState, Seat
from vsm_core.actor import Context, Decision, Limits, Timer
from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.facts import AnyFact
from vsm_core.genome import OrganizationalGenome, add_child, is_metasystem, new_genome
from vsm_core.ids import derive_id
from vsm_core.node import LeafOperation, RoutingRules, ViableNode
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import HostStarted, HostStopping, JobFinished, TimerFired
from vsm_core.payloads.jobs import (
    Job,
    JobOutcome,
    JobReport,
    MergeCommits,
    MergeMode,
    MergeReport,
    MoveReport,
    RepositoryInventory,
    SurveyReport,
    SurveyRepository,
)
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


@dataclass
class Play:
    """One run of an organization; every fact is kept in order."""

    genome: OrganizationalGenome
    answer: Answer = does_it
    limits: Limits = field(default_factory=Limits)
    survey: Callable[[], SurveyReport | None] = lambda: SurveyReport(
        inventory=INVENTORY, acceptance=(PYTEST,)
    )
    conflicts: Callable[[MergeCommits], tuple[str, ...]] = lambda _request: ()

    def __post_init__(self) -> None:
        """Seat an actor on every metasystem."""
        self.now = START
        self.facts: list[tuple[str, AnyFact]] = []
        self.sent: list[Envelope] = []
        self.timers: dict[str, Timer] = {}
        self.open_jobs: list[Job] = []
        self.held: set[str] = set()  # leaves that do not answer
        self.refs: dict[str, str] = {}
        self.bases: dict[str, str] = {}  # commit -> the commit it was made on
        self._queue: deque[Envelope] = deque()
        self._count = 0
        self._actors = {
            node: ControllerActor(Seat(node, "test", self.genome))
            for node in self.genome.nodes
            if is_metasystem(self.genome, node)
        }
        self.states: dict[str, ControllerState] = {
            node: actor.initial() for node, actor in self._actors.items()
        }

    # -- acting ----------------------------------------------------------------------------------------------

    def give(
        self, payload: AnyPayload, target: str = "root", source: str = CLIENT, **how: object
    ) -> Decision | None:
        """Send one payload and let everything follow from it."""
        channel = how.pop("channel", Channel.OPERATION_TO_ENVIRONMENT)
        envelope = self.envelope(payload, target, source, channel)  # type: ignore[arg-type]
        decision = self._decide(envelope)
        self.run()
        return decision

    def internal(self, payload: AnyPayload, target: str) -> None:
        """Let a host speak to its own actor."""
        self.give(payload, target, target, channel=Channel.INTERNAL)

    def restart(self, process: str = "p2") -> None:
        """Let every controller hear that a new process runs all nodes."""
        for node in self.states:
            self.internal(HostStarted(process=process, nodes=tuple(self.genome.nodes)), node)

    def stop(self, process: str = "p1") -> None:
        """Let every controller hear that its process stops on request."""
        for node in self.states:
            self.internal(HostStopping(process=process, nodes=tuple(self.genome.nodes)), node)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and every timer due in it fire."""
        self.now += timedelta(seconds=seconds)
        for timer in sorted(self.timers.values(), key=lambda each: (each.due_at, each.id)):
            if timer.due_at <= self.now and self.timers.pop(timer.id, None):
                fired = TimerFired(
                    timer_id=timer.id, purpose=timer.purpose, subject=timer.subject, token=timer.token
                )
                self.internal(fired, timer.node)

    def run(self) -> None:
        """Deliver everything that waits, until nothing follows."""
        while self._queue or self.open_jobs:
            if self._queue:
                self._deliver(self._queue.popleft())
            else:
                self._finish(self.open_jobs.pop(0))

    def envelope(self, payload: AnyPayload, target: str, source: str, channel: Channel) -> Envelope:
        """Return an envelope with a fresh id."""
        self._count += 1
        return Envelope(
            id=f"e-{self._count}",
            schema_version=payload.schema_version,
            organization="test",
            genome_id=self.genome.id,
            channel=channel,
            source=source,
            target=target,
            payload_type=payload.payload_type,
            payload=payload,
            correlation_id="d-1",
            causation_id="d-1",
            created_at=self.now,
            expires_at=self.now + LIFETIME,
        )

    # -- looking ---------------------------------------------------------------------------------------------

    def of(self, kind: str) -> list[AnyFact]:
        """Return the facts of a kind, in order."""
        return [fact for _, fact in self.facts if fact.kind == kind]

    def packets(self, target: str | None = None) -> list[TaskPacket]:
        """Return the packets that were sent, to one node or to all."""
        return [
            each.payload
            for each in self.sent
            if isinstance(each.payload, TaskPacket) and target in (None, each.target)
        ]

    def outcome(self) -> tuple[Outcome, str]:
        """Return how the one directive ended."""
        (over,) = self.of("DirectiveFinished")
        return over.outcome, over.reason  # type: ignore[union-attr]

    # -- the machinery ---------------------------------------------------------------------------------------

    def _decide(self, envelope: Envelope) -> Decision | None:
        actor = self._actors.get(envelope.target)
        if actor is None:
            return None
        context = Context(
            now=self.now, cause_id=envelope.id, seed=0, limits=self.limits, process="p1", delivery_attempt=1
        )
        decision = actor.decide(self.states[envelope.target], envelope, context)
        for recorded in decision.facts:
            self.facts.append((envelope.target, recorded.fact))
            self.states[envelope.target] = actor.evolve(self.states[envelope.target], recorded.fact)
        for timer_id in decision.timers_cancelled:
            self.timers.pop(timer_id, None)
        self.timers.update({timer.id: timer for timer in decision.timers})
        self.open_jobs.extend(decision.jobs)
        self.sent.extend(decision.sends)
        self._queue.extend(decision.sends)
        return decision

    def _deliver(self, envelope: Envelope) -> None:
        if envelope.target in self._actors:
            self._decide(envelope)
        elif isinstance(envelope.payload, TaskPacket) and envelope.target not in self.held:
            for payload in self._answers(envelope.payload):
                back = self.envelope(
                    payload, envelope.source, envelope.target, Channel.MANAGEMENT_TO_OPERATION
                )
                self._queue.append(back)

    def _answers(self, packet: TaskPacket) -> Iterator[AnyPayload]:
        assert packet.assignment is not None
        execution = derive_id(
            "execution", packet.assignment.node.id, f"{packet.id}/{packet.assignment.fencing_token}"
        )
        shared = {
            "task_id": packet.id,
            "attempt": packet.assignment.attempt,
            "fencing_token": packet.assignment.fencing_token,
            "execution_id": execution,
            "produced_by": packet.assignment.node.id,
        }
        yield TaskProgress(process="p1", **shared)  # type: ignore[arg-type]
        said = self.answer(packet)
        if said.get("commit") and packet.base_commit:
            self.bases[str(said["commit"])] = packet.base_commit
        if said:
            yield TaskResult(**shared, **said)  # type: ignore[arg-type]

    def _finish(self, job: Job) -> None:
        report = self._report(job)
        ended = JobFinished(
            job_id=job.id,
            subject=job.subject,
            outcome=JobOutcome.DONE if report else JobOutcome.FAILED,
            failure_class=None if report else FailureClass.INTERNAL,
            reason="" if report else "no such thing",
            report=report,
        )
        self._decide(self.envelope(ended, job.node, job.node, Channel.INTERNAL))

    def _report(self, job: Job) -> JobReport | None:
        request = job.request
        if isinstance(request, SurveyRepository):
            return self.survey()
        if isinstance(request, MergeCommits):
            return self._merge(request)
        found = self.refs.get(request.ref)  # type: ignore[union-attr]
        if found in (request.expected, request.commit):  # type: ignore[union-attr]
            self.refs[request.ref] = request.commit  # type: ignore[union-attr]
            return MoveReport(moved=True)
        return MoveReport(moved=False, found=found)

    def _merge(self, request: MergeCommits) -> MergeReport:
        paths = self.conflicts(request)
        if paths:
            return MergeReport(conflicts=paths)
        ahead = self._descends(request.commit, request.onto)
        if request.mode is MergeMode.FAST_FORWARD and ahead:
            return MergeReport(tip=request.commit, fast_forward=True)
        tip = commit_of(f"merge {request.onto} {request.commit} {request.mode}")
        self.bases[tip] = request.onto
        return MergeReport(tip=tip)

    def _descends(self, commit: str, ancestor: str) -> bool:
        current: str | None = commit
        while current is not None and current != ancestor:
            current = self.bases.get(current)
        return current == ancestor
