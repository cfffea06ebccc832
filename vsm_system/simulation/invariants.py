"""What must hold whatever goes wrong: the invariants I1-I3 and I5-I8, checked at every commit and at the end.

Nothing here asks the organization how it sees things: the checks read the ledger's facts, the repository and what went
over the wire, and know the rules of their own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vsm_core import facts as f
from vsm_core.actor import Limits
from vsm_core.capability import trees_overlap


@dataclass(slots=True)
class Holding:
    """What a stream's facts say of one planned task."""

    mandate_id: str
    token: int = 0
    held: bool = False  # by a child, since its newest assignment
    child: str = ""
    execution: str | None = None
    finished: bool = False
    paths: tuple[str, ...] = ()
    counted: int = 0
    concluded: int = 0
    integrated: int = 0
    result_commit: str | None = None


@dataclass(slots=True)
class StreamRules:
    """The rules one controller's facts must keep, fact after fact."""

    stream: str
    limits: Limits
    tasks: dict[str, Holding] = field(default_factory=dict)
    merging: dict[str, str] = field(default_factory=dict)  # mandate -> task
    accepted: dict[str, int] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    token: int = 0
    found: list[str] = field(default_factory=list)

    def take(self, fact: f.AnyFact) -> None:
        """Check the next fact of the stream."""
        rule = RULES.get(fact.kind)
        if rule is not None:
            rule(self, fact)

    def broken(self, invariant: str, text: str) -> None:
        """Note a violation."""
        self.found.append(f"{invariant} {self.stream}: {text}")

    # -- one rule per kind ----------------------------------------------------------------------------------

    def planned(self, fact: f.TaskPlanned) -> None:
        """A task is planned once."""
        if fact.task_id in self.tasks:
            self.broken("I2", f"{fact.task_id} was planned twice")
        self.tasks[fact.task_id] = Holding(fact.mandate_id)

    def assigned(self, fact: f.TaskAssigned) -> None:
        """One owner per task, under a token above all before; disjoint paths; a bound on attempts."""
        task = self.tasks[fact.task_id]
        if task.held:
            self.broken("I3", f"{fact.task_id} was assigned while {task.child} has it")
        if fact.fencing_token <= self.token:
            self.broken("I3", f"{fact.task_id} was assigned under token {fact.fencing_token}, not above")
        if task.concluded:
            self.broken("I1", f"{fact.task_id} was assigned after its end")
        if fact.attempt > self.limits.attempts_per_task:
            self.broken("I7", f"{fact.task_id} is at attempt {fact.attempt}")
        self._paths_are_free(fact)
        self.token = fact.fencing_token
        task.token, task.held, task.child, task.execution = fact.fencing_token, True, fact.child, None
        task.paths, task.finished = fact.leased_paths, False

    def _paths_are_free(self, fact: f.TaskAssigned) -> None:
        for other_id, other in self.tasks.items():
            overlap = any(trees_overlap(mine, its) for mine in fact.leased_paths for its in other.paths)
            if other_id != fact.task_id and overlap:
                self.broken("I3", f"{fact.task_id} and {other_id} hold overlapping paths")

    def admitted(self, fact: f.TaskAdmitted) -> None:
        """The first execution heard of holds the attempt, and no other."""
        if fact.packet is not None:
            return
        task = self.tasks[fact.task_id]
        if not task.held or task.token != fact.fencing_token:
            self.broken(
                "I3", f"{fact.task_id} was admitted under token {fact.fencing_token}, not {task.token}"
            )
        if task.execution is not None:
            self.broken("I3", f"{fact.task_id} was admitted by {task.execution} and by {fact.execution_id}")
        task.execution = fact.execution_id

    def ended(self, fact: f.TaskFinished) -> None:
        """A result counts once, and only from the execution that holds the attempt."""
        result, task = fact.result, self.tasks.get(fact.task_id)
        if task is None or result.produced_by == self.stream:
            return  # this metasystem's own result
        if not task.held or task.token != result.fencing_token:
            self.broken(
                "I2", f"{fact.task_id} took a result of token {result.fencing_token}, not {task.token}"
            )
        if task.execution not in (None, result.execution_id):
            self.broken("I2", f"{fact.task_id} took a result of {result.execution_id}, not {task.execution}")
        task.held, task.finished, task.result_commit = False, True, result.commit

    def lost(self, fact: f.AttemptLost) -> None:
        """An attempt that counts is counted within its bound."""
        task = self.tasks[fact.task_id]
        task.counted += fact.counted
        if task.counted >= self.limits.attempts_per_task:
            self.broken("I7", f"{fact.task_id} lost {task.counted} attempts and goes on")
        self._let_go(fact.task_id)

    def concluded(self, fact: f.TaskConcluded) -> None:
        """A task ends once."""
        task = self.tasks[fact.task_id]
        task.concluded += 1
        if task.concluded > 1:
            self.broken("I1", f"{fact.task_id} ended twice")
        self._let_go(fact.task_id)

    def _let_go(self, task_id: str) -> None:
        task = self.tasks[task_id]
        task.held, task.paths, task.execution = False, (), None
        if self.merging.get(task.mandate_id) == task_id:
            del self.merging[task.mandate_id]

    def unverified(self, fact: f.TaskUnverified) -> None:
        """What nobody could judge leaves the merge queue and joins it again."""
        task = self.tasks[fact.task_id]
        if self.merging.get(task.mandate_id) == fact.task_id:
            del self.merging[task.mandate_id]

    def merge_started(self, fact: f.MergeStarted) -> None:
        """One merge at a time in one mandate."""
        mandate = self.tasks[fact.task_id].mandate_id
        other = self.merging.setdefault(mandate, fact.task_id)
        if other != fact.task_id:
            self.broken("I2", f"{fact.task_id} is merged while {other} is")

    def integrated(self, fact: f.TaskIntegrated) -> None:
        """A result is integrated once."""
        task = self.tasks[fact.task_id]
        task.integrated += 1
        if task.integrated > 1:
            self.broken("I2", f"{fact.task_id} was integrated twice")

    def directive_accepted(self, fact: f.DirectiveAccepted) -> None:
        """A directive is taken on once."""
        self.accepted[fact.directive_id] = self.accepted.get(fact.directive_id, 0) + 1
        if self.accepted[fact.directive_id] > 1:
            self.broken("I2", f"{fact.directive_id} was accepted twice")

    def directive_finished(self, fact: f.DirectiveFinished) -> None:
        """A directive ends once."""
        self.finished[fact.directive_id] = self.finished.get(fact.directive_id, 0) + 1
        if self.finished[fact.directive_id] > 1:
            self.broken("I1", f"{fact.directive_id} ended twice")

    def process_started(self, fact: f.ProcessStarted) -> None:
        """What nobody had admitted in the old process is free again."""
        for task in self.tasks.values():
            if task.held and task.execution is None and task.child in fact.nodes:
                task.held, task.paths = False, ()


RULES: Mapping[str, Callable[..., None]] = {
    "TaskPlanned": StreamRules.planned,
    "TaskAssigned": StreamRules.assigned,
    "TaskAdmitted": StreamRules.admitted,
    "TaskFinished": StreamRules.ended,
    "AttemptLost": StreamRules.lost,
    "TaskConcluded": StreamRules.concluded,
    "TaskUnverified": StreamRules.unverified,
    "MergeStarted": StreamRules.merge_started,
    "TaskIntegrated": StreamRules.integrated,
    "DirectiveAccepted": StreamRules.directive_accepted,
    "DirectiveFinished": StreamRules.directive_finished,
    "ProcessStarted": StreamRules.process_started,
}
