"""What an organization is doing right now, as a fold of the facts it records; no terminal is known here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from vsm_core import facts as f
from vsm_core.genome import OrganizationalGenome, is_metasystem, subtree
from vsm_core.task import Outcome


class Activity(StrEnum):
    """What a node is seen doing."""

    IDLE = "idle"
    WAITING = "waiting"  # something was handed to it and not begun
    WORKING = "working"
    DONE = "done"
    TROUBLED = "troubled"


@dataclass(slots=True)
class Doing:
    """One thing that a node does."""

    title: str
    since: datetime
    begun: bool = False


@dataclass(slots=True)
class NodeView:
    """One row of the live view."""

    doing: dict[str, Doing] = field(default_factory=dict)  # task -> what
    own: Doing | None = None  # of a metasystem: a merge, a publication
    last: str = ""
    ended: dict[Outcome, int] = field(default_factory=dict)

    @property
    def activity(self) -> Activity:
        """What the node is doing now, or how its last work ended."""
        if self.own or any(each.begun for each in self.doing.values()):
            return Activity.WORKING
        if self.doing:
            return Activity.WAITING
        if not self.ended:
            return Activity.IDLE
        good = set(self.ended) <= {Outcome.COMPLETED, Outcome.NO_CHANGE}
        return Activity.DONE if good else Activity.TROUBLED

    @property
    def current(self) -> Doing | None:
        """The oldest thing under way."""
        under_way = [*self.doing.values(), *([self.own] if self.own else [])]
        return min(under_way, key=lambda each: (not each.begun, each.since)) if under_way else None


class Progress:
    """The state of every node of one organization, fact by fact."""

    def __init__(self, genome: OrganizationalGenome) -> None:
        self.genome = genome
        self.nodes: dict[str, NodeView] = {node: NodeView() for node in subtree(genome, genome.root_id)}
        self.titles: dict[str, str] = {}
        self.planned = 0
        self.concluded = 0

    def add(self, stream: str, recorded: f.RecordedFact) -> None:
        """Take in one fact; kinds that show nothing change nothing."""
        if stream in self.nodes and is_metasystem(self.genome, stream):
            change = CHANGES.get(recorded.fact.kind)
            if change is not None:
                change(self, stream, recorded.fact, recorded.occurred_at)

    def node(self, node_id: str) -> NodeView:
        """Return a node's row, made where the organization has grown since."""
        return self.nodes.setdefault(node_id, NodeView())

    def title(self, task_id: str) -> str:
        """Return what a task is called."""
        return self.titles.get(task_id, task_id)


def _accepted(progress: Progress, stream: str, fact: f.DirectiveAccepted, at: datetime) -> None:
    progress.node(stream).doing[fact.directive_id] = Doing("looking at the repository", at, begun=True)


def _surveyed(progress: Progress, stream: str, fact: f.RepositorySurveyed, at: datetime) -> None:
    progress.node(stream).doing[fact.directive_id] = Doing("directing", at, begun=True)


def _planned(progress: Progress, _stream: str, fact: f.TaskPlanned, _at: datetime) -> None:
    progress.titles[fact.task_id] = fact.packet.title
    progress.planned += 1


def _assigned(progress: Progress, _stream: str, fact: f.TaskAssigned, at: datetime) -> None:
    progress.node(fact.child).doing[fact.task_id] = Doing(progress.title(fact.task_id), at)


def _admitted(progress: Progress, stream: str, fact: f.TaskAdmitted, at: datetime) -> None:
    title = progress.title(fact.task_id)
    if fact.node != stream or fact.packet is not None:
        progress.node(fact.node).doing[fact.task_id] = Doing(title, at, begun=True)


def _finished(progress: Progress, stream: str, fact: f.TaskFinished, _at: datetime) -> None:
    producer = fact.result.produced_by
    view = progress.node(producer)
    view.doing.pop(fact.task_id, None)
    if producer != stream:
        view.ended[fact.result.outcome] = view.ended.get(fact.result.outcome, 0) + 1
        view.last = f"{fact.result.outcome}: {progress.title(fact.task_id)}"


def _lost(progress: Progress, _stream: str, fact: f.AttemptLost, _at: datetime) -> None:
    progress.node(fact.node).doing.pop(fact.task_id, None)


def _merging(progress: Progress, stream: str, fact: f.MergeStarted, at: datetime) -> None:
    progress.node(stream).own = Doing(f"integrating: {progress.title(fact.task_id)}", at, begun=True)


def _publishing(progress: Progress, stream: str, fact: f.PublishingStarted, at: datetime) -> None:
    progress.node(stream).own = Doing(f"publishing: {progress.title(fact.task_id)}", at, begun=True)


def _quiet(progress: Progress, stream: str, _fact: object, _at: datetime) -> None:
    progress.node(stream).own = None


def _concluded(progress: Progress, stream: str, _fact: f.TaskConcluded, _at: datetime) -> None:
    progress.concluded += 1
    progress.node(stream).own = None


def _directive_finished(progress: Progress, stream: str, fact: f.DirectiveFinished, _at: datetime) -> None:
    view = progress.node(stream)
    view.doing.pop(fact.directive_id, None)
    view.own = None
    view.ended = {fact.outcome: 1}
    view.last = str(fact.outcome)


CHANGES: Mapping[str, Callable[..., None]] = {
    "DirectiveAccepted": _accepted,
    "RepositorySurveyed": _surveyed,
    "TaskPlanned": _planned,
    "TaskAssigned": _assigned,
    "TaskAdmitted": _admitted,
    "TaskFinished": _finished,
    "AttemptLost": _lost,
    "MergeStarted": _merging,
    "MergePrepared": _quiet,
    "MergeConflicted": _quiet,
    "PublishingStarted": _publishing,
    "TaskIntegrated": _quiet,
    "TaskConcluded": _concluded,
    "DirectiveFinished": _directive_finished,
}
