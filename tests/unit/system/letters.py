"""What travels in these tests: envelopes, timers, jobs and facts, each known by a name."""

from datetime import UTC, datetime

from vsm_core.actor import Timer
from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.facts import CancelRequested
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import Cancel, CancelScope, TimerPurpose
from vsm_core.payloads.jobs import ExecuteTask, Job, JobRequest, MergeCommits
from vsm_core.payloads.work import Handoff, TaskPacket
from vsm_core.task import RepositoryRef

NODE, PEER, USER = "root", "peer", "_user-ada"
GENOME, COMMIT_ID = "a" * 64, "c" * 40
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def made(name: str, payload: AnyPayload, at: datetime, source: str, target: str) -> Envelope:
    return Envelope(
        id=f"env_{name}",
        schema_version=payload.schema_version,
        organization="demo",
        genome_id=GENOME,
        channel=Channel.COMMAND,
        source=source,
        target=target,
        payload_type=payload.payload_type,
        payload=payload,
        correlation_id="story",
        causation_id=f"cause_{name}",
        created_at=at,
        expires_at=at + LIFETIME,
    )


def control(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    return made(name, Cancel(scope=CancelScope.TASK, subject=name), at, source, target)


def work(name: str, at: datetime = START, *, source: str = USER, target: str = NODE) -> Envelope:
    payload = Handoff(task_id=name, from_node=PEER, to_node=NODE, subject=name)
    return made(name, payload, at, source, target)


def timer(name: str, due_at: datetime = START) -> Timer:
    return Timer(id=name, node=NODE, due_at=due_at, purpose=TimerPurpose.RETRY, subject="task")


def merge_request() -> MergeCommits:
    where = RepositoryRef(identity="repository", location="somewhere", base_commit=COMMIT_ID)
    return MergeCommits(repository=where, onto=COMMIT_ID, commit=COMMIT_ID, subject="merge", moment=START)


def execute_request() -> ExecuteTask:
    packet = TaskPacket(id="task", directive_id="directive", title="do it")
    return ExecuteTask(packet=packet, execution_id="execution")


def job(name: str, request: JobRequest | None = None, *, seconds: int = 60) -> Job:
    return Job(
        id=name,
        node=NODE,
        subject="task",
        request=request or merge_request(),
        deadline_seconds=seconds,
        started_at=START,
        cause_id="env_cause",
        correlation_id="story",
    )


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
