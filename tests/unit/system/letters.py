"""What travels in these tests: envelopes, timers, jobs and facts, each known by a name."""

from datetime import datetime

from tests.contract import journals
from tests.contract.journals import COMMIT as COMMIT_ID
from tests.contract.journals import GENOME, START, TTL_SECONDS, owner
from vsm_core.actor import Timer
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.facts import CancelRequested
from vsm_core.payloads.control import CancelScope
from vsm_core.payloads.jobs import ExecuteTask, Job, JobRequest, MergeCommits
from vsm_core.payloads.work import Handoff, TaskPacket
from vsm_core.task import RepositoryRef

__all__ = ["COMMIT_ID", "GENOME", "START", "TTL_SECONDS", "owner"]  # said once, where the journals are tested
NODE, PEER, USER = "root", "peer", "_user-ada"


def control(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    return journals.envelope(name, source=source, target=target, created_at=at, expires_at=at + LIFETIME)


def work(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    payload = Handoff(task_id=name, from_node=PEER, to_node=NODE, subject=name)
    made = control(name, at, source=source, target=target)
    return made.model_copy(
        update={
            "payload": payload,
            "payload_type": payload.payload_type,
            "schema_version": payload.schema_version,
        }
    )


def timer(name: str, due_at: datetime = START) -> Timer:
    return journals.timer(name, node=NODE).model_copy(update={"due_at": due_at})


def merge_request() -> MergeCommits:
    where = RepositoryRef(identity="repository", location="somewhere", base_commit=COMMIT_ID)
    return MergeCommits(repository=where, onto=COMMIT_ID, commit=COMMIT_ID, subject="merge", moment=START)


def execute_request() -> ExecuteTask:
    packet = TaskPacket(id="task", directive_id="directive", title="do it")
    return ExecuteTask(packet=packet, execution_id="execution")


def job(name: str, request: JobRequest | None = None, *, seconds: int = 60) -> Job:
    terms = {"request": request or merge_request(), "deadline_seconds": seconds}
    return journals.job(name, node=NODE).model_copy(update=terms)


def fact_of(name: str) -> CancelRequested:
    return CancelRequested(scope=CancelScope.TASK, subject=name, cancel_epoch=0)


def name_of(envelope: Envelope) -> str:
    """Say in a word what an envelope is about."""
    payload = envelope.payload
    match payload.payload_type:
        case "timer_fired":
            return f"fired:{payload.timer_id}"
        case "job_finished":
            return f"ended:{payload.job_id}"
        case "unroutable":
            return f"unroutable:{payload.target}"
        case "handoff":
            return payload.task_id
        case "cancel":
            return payload.subject
        case other:
            return other
