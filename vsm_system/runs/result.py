"""The result of a run: what the facts of a directive add up to, and the one document that says it.

A pure fold over recorded facts, so that a result printed now and the same result printed a year later are one.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from vsm_core.facts import (
    BranchMoved,
    DirectiveAccepted,
    DirectiveFinished,
    RecordedFact,
    ResultLate,
    TaskAssigned,
    TaskConcluded,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    WorkKept,
)
from vsm_core.payloads.work import Directive, TaskResult
from vsm_core.task import Evidence, Outcome, Place, Role, Usage
from vsm_core.value import Money, Value

OBSERVERS = frozenset({Role.TEST, Role.REVIEW})
REPORTERS = frozenset({Role.REPORT, Role.RESEARCH})
HEADS = "refs/heads/"
Recorded = tuple[str, RecordedFact]  # stream, fact


class TaskLine(Value):
    """One task in the result document."""

    id: str
    role: Role
    node: str | None
    outcome: Outcome | None
    attempts: int
    commit: str | None
    files_touched: tuple[str, ...]


class EvidenceLine(Value):
    """One observed command in the result document; ``where`` is ``base`` or ``result``."""

    argv: tuple[str, ...]
    exit_code: int | None
    where: str
    duration_seconds: float
    summary: str


class Result(Value):
    """The result document: what ``--json`` prints."""

    directive_id: str
    outcome: Outcome
    reason: str
    branch: str | None
    commit: str | None
    base: str | None
    tasks: tuple[TaskLine, ...]
    evidence: tuple[EvidenceLine, ...]
    usage: Usage
    ledger: str


@dataclass(frozen=True, slots=True)
class TaskStory:
    """All that a summary says of one task."""

    id: str
    title: str
    role: Role
    planner: str
    parent: str | None
    verifies: str | None = None
    node: str | None = None
    attempts: int = 0
    results: tuple[TaskResult, ...] = ()
    late: Usage = field(default_factory=Usage)
    outcome: Outcome | None = None
    reason: str = ""

    @property
    def result(self) -> TaskResult | None:
        """The newest result."""
        return self.results[-1] if self.results else None


@dataclass(slots=True)
class Story:
    """What is known of a directive so far."""

    directive_id: str
    directive: Directive | None = None
    root: str | None = None
    tasks: dict[str, TaskStory] = field(default_factory=dict)
    finished: DirectiveFinished | None = None
    branch: str | None = None
    commit: str | None = None
    verified: bool = True  # all that is on the branch was seen to hold

    def add(self, stream: str, recorded: RecordedFact) -> None:
        """Take one recorded fact in; one of another directive, or of no interest here, changes nothing."""
        match recorded.fact:
            case DirectiveAccepted(directive_id=self.directive_id) as fact:
                self.directive, self.root = fact.directive, stream
            case DirectiveFinished(directive_id=self.directive_id) as fact:
                self.finished = fact
            case BranchMoved(directive_id=self.directive_id) as fact:
                self.branch, self.commit = fact.ref.removeprefix(HEADS), fact.commit
            case TaskPlanned(directive_id=self.directive_id) as fact:
                self._plan(stream, fact)
            case WorkKept(directive_id=self.directive_id, tip=str()):
                self.verified = False
            case TaskIntegrated(directive_id=self.directive_id, verified=False) if stream == self.root:
                self.verified = False
            case TaskAssigned() | TaskFinished() | TaskConcluded() | ResultLate() as fact:
                self._follow(stream, fact)
            case _:
                pass

    def _plan(self, stream: str, fact: TaskPlanned) -> None:
        packet = fact.packet
        self.tasks[fact.task_id] = TaskStory(
            id=fact.task_id,
            title=packet.title,
            role=packet.role,
            planner=stream,
            parent=packet.parent_task_id,
            verifies=fact.verifies,
        )

    def _follow(self, stream: str, fact: TaskAssigned | TaskFinished | TaskConcluded | ResultLate) -> None:
        task = self.tasks.get(fact.task_id)
        if task is None or task.planner != stream:  # a metasystem's own record of what its parent asked
            return
        match fact:
            case TaskAssigned():
                task = replace(task, node=fact.child, attempts=max(task.attempts, fact.attempt))
            case TaskFinished():
                task = replace(task, results=(*task.results, fact.result))
            case TaskConcluded():
                task = replace(task, outcome=fact.outcome, reason=fact.reason)
            case ResultLate():
                task = replace(task, late=add_usage((task.late, fact.usage)))
        self.tasks[task.id] = task

    def in_order(self) -> tuple[TaskStory, ...]:
        """Return the tasks as a plan reads: each followed by what its metasystem made of it."""
        return tuple(self._below(None))

    def _below(self, parent: str | None) -> Iterator[TaskStory]:
        for task in self.tasks.values():
            known = task.parent if task.parent in self.tasks else None
            if known == parent:
                yield task
                yield from self._below(task.id)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return what somebody other than an author observed: verifications first to last, then reports."""
        tasks = self.in_order()
        observed = [e for task in tasks if task.role in OBSERVERS for r in task.results for e in r.evidence]
        reported = [e for task in tasks if task.role in REPORTERS for r in task.results for e in r.evidence]
        return (*observed, *reported)

    def usage(self) -> Usage:
        """Return what all executions of leaves spent, the late ones too."""
        divided = {task.parent for task in self.tasks.values()}
        leaves = [task for task in self.tasks.values() if task.id not in divided]
        return add_usage(u for task in leaves for u in (task.late, *(r.usage for r in task.results)))


def story_of(directive_id: str, facts: Iterable[Recorded]) -> Story:
    """Return the story that some facts tell of a directive."""
    story = Story(directive_id)
    for stream, recorded in facts:
        story.add(stream, recorded)
    return story


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a result says of a directive that is not over: how this run of it ended, and why."""

    outcome: Outcome
    reason: str


INTERRUPTED = Unfinished(
    Outcome.CANCELLED, "interrupted: nothing is lost, and it goes on when it is run again"
)


def result_of(story: Story, ledger: str, unfinished: Unfinished = INTERRUPTED) -> Result:
    """Return the result document."""
    over, base = story.finished, story.directive.repository if story.directive else None
    return Result(
        directive_id=story.directive_id,
        outcome=over.outcome if over else unfinished.outcome,
        reason=over.reason if over else unfinished.reason,
        branch=(over.branch if over else None) or story.branch,
        commit=(over.commit if over else None) or story.commit,
        base=(over.base if over else None) or (base.base_commit if base else None),
        tasks=tuple(_task_line(task) for task in story.in_order()),
        evidence=tuple(_evidence_line(each) for each in story.evidence()),
        usage=story.usage(),
        ledger=ledger,
    )


def _task_line(task: TaskStory) -> TaskLine:
    return TaskLine(
        id=task.id,
        role=task.role,
        node=task.node,
        outcome=task.outcome,
        attempts=task.attempts,
        commit=task.result.commit if task.result else None,
        files_touched=task.result.files_touched if task.result else (),
    )


def _evidence_line(evidence: Evidence) -> EvidenceLine:
    return EvidenceLine(
        argv=evidence.argv,
        exit_code=evidence.exit_code,
        where="base" if evidence.where is Place.BASE else "result",
        duration_seconds=round(evidence.duration_seconds, 3),
        summary=evidence.summary,
    )


def add_usage(spent: Iterable[Usage]) -> Usage:
    """Return the sum of what was spent; money adds up in the first currency seen, as long as there is one only."""
    every: Sequence[Usage] = tuple(spent)
    money = [each.money for each in every if each.money]
    one_currency = len({each.currency for each in money}) == 1
    return Usage(
        input_tokens=sum(each.input_tokens for each in every),
        output_tokens=sum(each.output_tokens for each in every),
        tool_calls=sum(each.tool_calls for each in every),
        money=Money(
            amount=sum((m.amount for m in money), start=money[0].amount * 0), currency=money[0].currency
        )
        if one_currency
        else None,
        worker_seconds=round(sum(each.worker_seconds for each in every), 3),
        model_served=next((each.model_served for each in every if each.model_served), None),
    )
