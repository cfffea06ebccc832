"""A play: an organization's real controllers, decided one envelope at a time; leaves and jobs answer by script."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from tests.unit.controller.cast import (
    CLIENT,
    INVENTORY,
    PYTEST,
    START,
    Answer,
    commit_of,
    does_it,
    progress_of,
    result_of,
)
from vsm_controller.actor import ControllerActor
from vsm_controller.state.controller import ControllerState, Seat
from vsm_controller.state.fold import fold
from vsm_core.actor import Context, Decision, Limits, Timer
from vsm_core.authority import check_sender
from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, Envelope, decode_envelope
from vsm_core.facts import AnyFact
from vsm_core.genome import OrganizationalGenome, is_metasystem
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import HostStarted, HostStopping, JobFinished, TimerFired
from vsm_core.payloads.jobs import (
    Job,
    JobOutcome,
    JobReport,
    JobRequest,
    MergeCommits,
    MergeMode,
    MergeReport,
    MoveReport,
    SurveyReport,
    SurveyRepository,
)
from vsm_core.payloads.work import TaskPacket, TaskProgress, TaskResult
from vsm_core.task import FailureClass, Outcome

PLAYS: list["Play"] = []  # what this test has played: conftest.py checks each of them when it is over


@dataclass
class Play:
    """One run of an organization; every fact is kept in order.

    Each decision is made twice and must be the same, and each envelope must be one its receiver may accept, after a
    round trip over the wire.
    """

    genome: OrganizationalGenome
    answer: Answer = does_it
    limits: Limits = field(default_factory=Limits)
    survey: Callable[[], SurveyReport | None] = lambda: SurveyReport(
        inventory=INVENTORY, acceptance=(PYTEST,)
    )
    conflicts: Callable[[MergeCommits], tuple[str, ...]] = lambda _request: ()
    pick: Callable[[int], int] = lambda _waiting: 0  # which of the waiting envelopes and jobs comes next
    copies: Callable[[Envelope], int] = lambda _envelope: 1  # how often what a leaf sends or gets arrives

    def __post_init__(self) -> None:
        """Seat an actor on every metasystem."""
        PLAYS.append(self)
        self.now = START
        self.process = "p1"
        self.facts: list[tuple[str, AnyFact]] = []
        self.sent: list[Envelope] = []
        self.timers: dict[str, Timer] = {}
        self.open_jobs: list[Job] = []
        self.jobs: list[Job] = []
        self.held: set[str] = set()  # leaves that do not answer, and kinds of jobs that do not end
        self.refs: dict[str, str] = {}
        self.parents: dict[str, tuple[str, ...]] = {}  # commit -> the commits it was made on
        self._queue: list[Envelope] = []
        self._count = 0
        self.actors = {
            node: ControllerActor(Seat(node, "test", self.genome))
            for node in self.genome.nodes
            if is_metasystem(self.genome, node)
        }
        self.states: dict[str, ControllerState] = {
            node: actor.initial() for node, actor in self.actors.items()
        }

    # -- acting ----------------------------------------------------------------------------------------------

    def give(
        self, payload: AnyPayload, target: str = "root", source: str = CLIENT, **how: object
    ) -> Decision:
        """Send one payload and let everything follow from it."""
        channel = how.pop("channel", Channel.OPERATION_TO_ENVIRONMENT)
        decision = self._decide(self.envelope(payload, target, source, channel))  # type: ignore[arg-type]
        self.run()
        return decision

    def internal(self, payload: AnyPayload, target: str) -> Decision:
        """Let a host speak to its own actor."""
        return self.give(payload, target, target, channel=Channel.INTERNAL)

    def hear(self, payload: TaskProgress | TaskResult, packet: TaskPacket) -> Decision:
        """Let the child that got a packet say something to the node that sent it."""
        assert packet.assignment is not None
        up = Channel.MANAGEMENT_TO_OPERATION
        return self.give(payload, packet.assignment.routed_by, packet.assignment.node.id, channel=up)

    def record(self, node: str, *facts: AnyFact) -> None:
        """Let facts be given: they happened before the play began."""
        self.facts.extend((node, fact) for fact in facts)
        self.states[node] = fold(self.states[node], facts)

    def begin(self, *given: AnyFact) -> None:
        """Let the root wake up with some facts behind it."""
        self.record("root", *given)
        self.internal(HostStarted(process=self.process, nodes=()), "root")

    def restart(self, process: str = "p2") -> None:
        """Let every controller hear that a new process runs all nodes."""
        self.process = process
        for node in self.states:
            self.internal(HostStarted(process=process, nodes=tuple(self.genome.nodes)), node)

    def stop(self) -> None:
        """Let every controller hear that its process stops on request."""
        for node in self.states:
            self.internal(HostStopping(process=self.process, nodes=tuple(self.genome.nodes)), node)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and every timer due in it fire."""
        self.now += timedelta(seconds=seconds)
        for timer in sorted(self.timers.values(), key=lambda each: (each.due_at, each.id)):
            if timer.due_at <= self.now and self.timers.get(timer.id) == timer:
                del self.timers[timer.id]
                self.fire(timer)

    def fire(self, timer: Timer) -> Decision:
        """Let one timer come due."""
        fired = TimerFired(timer_id=timer.id, purpose=timer.purpose, subject=timer.subject, token=timer.token)
        return self.internal(fired, timer.node)

    def run(self, steps: int = 20_000) -> None:
        """Deliver what waits, until nothing follows or so many steps are taken."""
        while steps and self._step():
            steps -= 1

    def finish(self, job: Job, report: JobReport | None, reason: str = "no such thing") -> Decision:
        """Let a job end with a report, or fail for a reason."""
        self.open_jobs = [each for each in self.open_jobs if each.id != job.id]
        return self.internal(_ended(job, report, reason), job.node)

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

    def context(self, envelope: Envelope) -> Context:
        """Return what a decision about an envelope may know besides it."""
        return Context(now=self.now, cause_id=envelope.id, seed=0, limits=self.limits, process=self.process)

    # -- looking ---------------------------------------------------------------------------------------------

    def of(self, kind: str, node: str | None = None) -> list[AnyFact]:
        """Return the facts of a kind, in order, of one node or of all."""
        return [fact for where, fact in self.facts if fact.kind == kind and node in (None, where)]

    def payloads(self, payload_type: str, target: str | None = None) -> list[AnyPayload]:
        """Return what was sent of a payload type, to one node or to all."""
        return [
            each.payload
            for each in self.sent
            if each.payload_type == payload_type and target in (None, each.target)
        ]

    def packets(self, target: str | None = None) -> list[TaskPacket]:
        """Return the packets that were sent, to one node or to all."""
        return self.payloads("task_packet", target)  # type: ignore[return-value]

    def requests(self, kind: str) -> list[JobRequest]:
        """Return the requests of all jobs of a kind, in order."""
        return [job.request for job in self.jobs if job.request.kind == kind]

    def outcome(self) -> tuple[Outcome, str]:
        """Return how the one directive ended."""
        (over,) = self.of("DirectiveFinished")
        return over.outcome, over.reason  # type: ignore[union-attr]

    def ends(self, node: str = "root") -> list[Outcome]:
        """Return how the tasks of a node that are no verification ended, in the order of its plan."""
        over = {fact.task_id: fact.outcome for fact in self.of("TaskConcluded", node)}  # type: ignore[union-attr]
        work = [fact for fact in self.of("TaskPlanned", node) if not fact.verifies]  # type: ignore[union-attr]
        return [over[fact.task_id] for fact in work]  # type: ignore[union-attr]

    # -- the machinery ---------------------------------------------------------------------------------------

    def _decide(self, envelope: Envelope) -> Decision:
        actor, state = self.actors[envelope.target], self.states[envelope.target]
        context = self.context(envelope)
        decision = actor.decide(state, envelope, context)
        assert actor.decide(state, envelope, context) == decision, "a decision is a function of its input"
        for recorded in decision.facts:
            self.facts.append((envelope.target, recorded.fact))
            self.states[envelope.target] = actor.evolve(self.states[envelope.target], recorded.fact)
        known = self.states[envelope.target]
        if decision.refusal is None:
            assert decision.state == known, "a state is the fold of its facts"
        assert actor.thawed(actor.frozen(known)) == known, "a frozen state thaws to itself"
        for timer_id in decision.timers_cancelled:
            self.timers.pop(timer_id, None)
        self.timers.update({timer.id: timer for timer in decision.timers})
        self.open_jobs.extend(decision.jobs)
        self.jobs.extend(decision.jobs)
        self.sent.extend(decision.sends)
        for each in decision.sends:
            assert check_sender(self.genome, each.target, each) is None
            assert decode_envelope(each.encoded()) == each
            self._queue.extend([each] * (1 if each.target in self.actors else self.copies(each)))
        return decision

    def _step(self) -> bool:
        jobs = [job for job in self.open_jobs if job.request.kind not in self.held]
        count = len(self._queue) + len(jobs)
        if not count:
            return False
        index = self.pick(count)
        if index < len(self._queue):
            self._deliver(self._queue.pop(index))
        else:
            self._end(jobs[index - len(self._queue)])
        return True

    def _deliver(self, envelope: Envelope) -> None:
        if envelope.target in self.actors:
            self._decide(envelope)
        elif isinstance(envelope.payload, TaskPacket) and envelope.target not in self.held:
            for payload in self._answers(envelope.payload):
                back = self.envelope(
                    payload, envelope.source, envelope.target, Channel.MANAGEMENT_TO_OPERATION
                )
                self._queue.extend([back] * self.copies(back))

    def _answers(self, packet: TaskPacket) -> Iterator[AnyPayload]:
        yield progress_of(packet, process=self.process)
        said = self.answer(packet)
        if said.get("commit") and packet.base_commit:
            self.parents[str(said["commit"])] = (packet.base_commit,)
        if said:
            yield result_of(packet, **said)

    def _end(self, job: Job) -> None:
        self.open_jobs.remove(job)
        ended = _ended(job, self._report(job), "no such thing")
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
        if request.mode is MergeMode.FAST_FORWARD and self._descends(request.onto, request.commit):
            return MergeReport(tip=request.onto, fast_forward=True)
        tip = commit_of(f"merge {request.onto} {request.commit} {request.mode}")
        self.parents[tip] = (request.onto, request.commit)
        return MergeReport(tip=tip)

    def _descends(self, commit: str, ancestor: str) -> bool:
        waiting = [commit]
        while waiting:
            current = waiting.pop()
            if current == ancestor:
                return True
            waiting.extend(self.parents.get(current, ()))
        return False


def _ended(job: Job, report: JobReport | None, reason: str) -> JobFinished:
    return JobFinished(
        job_id=job.id,
        subject=job.subject,
        outcome=JobOutcome.DONE if report else JobOutcome.FAILED,
        failure_class=None if report else FailureClass.INTERNAL,
        reason="" if report else reason,
        report=report,
    )
