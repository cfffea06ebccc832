"""Sentences: what each kind of fact says, in plain words.

One table, fact kind -> sentence; complete by test. A sentence stands alone: its subject is the node that recorded it.
"""

from collections.abc import Callable, Mapping

from vsm_core import facts as f

SHORT = 12  # characters of a commit or genome id


def sentence_of(fact: f.AnyFact) -> str:
    """Return one sentence about a fact, without a full stop."""
    return SENTENCES[fact.kind](fact)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _commit(commit: str | None) -> str:
    return f" at {commit[:SHORT]}" if commit else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _planned(fact: f.TaskPlanned) -> str:
    packet = fact.packet
    role = f"planned {packet.role.value} task {fact.task_id}"
    judged = (
        f" to judge {'the merge of ' if fact.combination else ''}{fact.verifies}" if fact.verifies else ""
    )
    after = f" after {', '.join(packet.dependencies)}" if packet.dependencies else ""
    return f"{role}{judged}{after}: {packet.title}"


def _assigned(fact: f.TaskAssigned) -> str:
    said = f"assigned {fact.task_id} to {fact.child}, attempt {fact.attempt}{_because(fact.reason)}"
    passed_over = "; ".join(f"{child} not: {reason}" for child, reason in fact.rejected_children)
    return f"{said} ({passed_over})" if passed_over else said


def _admitted(fact: f.TaskAdmitted) -> str:
    if fact.packet is not None:
        return f"took {fact.task_id} on, to be split among its own children"
    return f"{fact.node} began {fact.task_id}, attempt {fact.attempt}"


def _finished(fact: f.TaskFinished) -> str:
    result = fact.result
    touched = f", {_count(len(result.files_touched), 'file')} touched" if result.files_touched else ""
    said = f"{result.produced_by} reported {fact.task_id} as {result.outcome.value}"
    return f"{said}{_commit(result.commit)}{touched}{_because(result.reason)}"


def _lost(fact: f.AttemptLost) -> str:
    counted = "" if fact.counted else ", not counted"
    return f"attempt {fact.attempt} of {fact.task_id} by {fact.node} was lost{counted}{_because(fact.reason)}"


def _verified(fact: f.TaskVerified) -> str:
    commands = _count(len(fact.evidence), "command")
    return f"{fact.verifier_node} saw the result of {fact.task_id} hold, by {commands}"


def _prepared(fact: f.MergePrepared) -> str:
    how = "fast-forward" if fact.fast_forward else "merge commit"
    return f"prepared the {how} of {fact.task_id}{_commit(fact.commit)}"


def _concluded(fact: f.TaskConcluded) -> str:
    return f"{fact.task_id} ended as {fact.outcome.value}{_because(fact.reason)}"


def _directive_finished(fact: f.DirectiveFinished) -> str:
    where = f" on {fact.branch}" if fact.branch else ""
    said = f"directive {fact.directive_id} ended as {fact.outcome.value}{where}{_commit(fact.commit)}"
    return f"{said}{_because(fact.reason)}"


def _surveyed(fact: f.RepositorySurveyed) -> str:
    criteria = _count(len(fact.acceptance), "acceptance criterion").replace("criterions", "criteria")
    return f"surveyed the repository: {_count(fact.inventory.total_files, 'file')}, {criteria}"


SENTENCES: Mapping[str, Callable[..., str]] = {
    "DirectiveAccepted": lambda fact: f"accepted directive {fact.directive_id}: {fact.directive.title}",
    "RepositorySurveyed": _surveyed,
    "TaskPlanned": _planned,
    "TaskAssigned": _assigned,
    "TaskDeferred": lambda fact: f"could not assign {fact.task_id} yet, {fact.check}{_because(fact.reason)}",
    "TaskAdmitted": _admitted,
    "TaskRefused": lambda fact: f"{fact.node} refused {fact.task_id}{_because(fact.reason)}",
    "TaskFinished": _finished,
    "AttemptLost": _lost,
    "ResultLate": lambda fact: f"a late result of {fact.task_id} from {fact.node} had no effect",
    "TaskVerified": _verified,
    "TaskRejected": lambda fact: (
        f"{fact.verifier_node} rejected the result of {fact.task_id}{_because(fact.reason)}"
    ),
    "TaskUnverified": lambda fact: f"nobody could verify the result of {fact.task_id}{_because(fact.reason)}",
    "MergeStarted": lambda fact: f"began to merge {fact.task_id} onto {fact.onto[:SHORT]}",
    "MergePrepared": _prepared,
    "MergeConflicted": lambda fact: f"the result of {fact.task_id} conflicts in {', '.join(fact.paths)}",
    "PublishingStarted": lambda fact: f"began to move the branch to {fact.task_id}{_commit(fact.commit)}",
    "TaskIntegrated": lambda fact: (
        f"integrated {fact.task_id}{_commit(fact.tip)}{'' if fact.verified else ', unverified'}"
    ),
    "DependencyReleased": lambda fact: f"{fact.task_id} no longer waits for {fact.dependency}",
    "TaskConcluded": _concluded,
    "WorkKept": lambda fact: (
        f"kept the unverified work of {fact.task_id}" + (_commit(fact.tip) or ", which does not merge")
    ),
    "ClosingStarted": lambda fact: (
        f"began to close {fact.mandate_id} as {fact.outcome.value}{_because(fact.reason)}"
    ),
    "BranchMoved": lambda fact: f"moved {fact.ref} to {fact.commit[:SHORT]}",
    "DirectiveFinished": _directive_finished,
    "TaskTraced": lambda fact: (
        f"traced attempt {fact.trace.attempt} of {fact.task_id} by {fact.trace.node} as {fact.trace.outcome.value}"
    ),
    "WorkerFactRecorded": lambda fact: (
        f"{fact.node} noted {fact.worker_fact.kind} in {fact.task_id}{_because(fact.worker_fact.detail)}"
    ),
    "ResultAcknowledged": lambda fact: f"the result of {fact.task_id} was acknowledged",
    "ExecutionRevoked": lambda fact: f"stopped working on {fact.task_id}{_because(fact.reason)}",
    "CancelRequested": lambda fact: (
        f"was asked to cancel the {fact.scope.value} {fact.subject}{_because(fact.reason)}"
    ),
    "EnvelopeRefused": lambda fact: (
        f"refused {fact.payload_type} from {fact.source} on {fact.channel}{_because(fact.reason)}"
    ),
    "AlgedonicReceived": lambda fact: (
        f"felt {fact.signal.valence.value} from {fact.signal.raised_by}{_because(fact.signal.detail)}"
    ),
    "GenomeAdopted": lambda fact: f"adopted genome {fact.genome_id[:SHORT]}",
    "ProcessStarted": lambda fact: f"process {fact.process} began to run it",
    "OutcomeAdjusted": lambda fact: (
        f"attempt {fact.trace.attempt} of {fact.task_id} by {fact.trace.node} was {fact.change.value}"
        f" by {fact.commit[:SHORT]}{_because(fact.reason)}"
    ),
    "ProcessStopping": lambda fact: f"process {fact.process} stopped on request",
    "TextRedacted": lambda fact: f"{fact.by} redacted {len(fact.digests)} texts{_because(fact.reason)}",
}
