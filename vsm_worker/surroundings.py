"""What every execution shares: what its process gives it, and where its commits and work trees stand."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vsm_core.payloads.jobs import ExecuteTask
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import Role
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.errors import RepositoryUnreachable
from vsm_worker.git import resolve
from vsm_worker.workspace import Site, plain

CRASH_POINTS = (
    "worker.after_admission",
    "worker.mid_work",
    "worker.after_work",
    "worker.after_commit",
    "worker.after_ref",
)


def no_crash(_point: str) -> None:
    """Go on: the crash point of everyday runs."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an execution gets from its process: folders, the process's id, and a call at each named crash point."""

    cache: Path
    artifacts: ArtifactStore
    process: str
    crash: Callable[[str], None] = no_crash


def base_of(packet: TaskPacket) -> str:
    """Return the commit that a task starts from; a review starts from what it is to judge."""
    assert packet.repository is not None
    if packet.role is Role.REVIEW and packet.subject_commit is not None:
        return packet.subject_commit
    return packet.base_commit or packet.repository.base_commit


async def site_of(request: ExecuteTask, surroundings: Surroundings, commit: str) -> Site:
    """Return where a workspace of this execution stands; raise RepositoryUnreachable where it can't be reached."""
    packet, assignment = request.packet, request.packet.assignment
    assert packet.repository is not None
    assert assignment is not None
    location = location_of(packet)
    if await resolve(location, commit) is None:
        raise RepositoryUnreachable(f"commit {commit} is not in {location}")
    return Site(
        repository=location,
        identity=packet.repository.identity,
        cache=surroundings.cache,
        name=request.execution_id,
        commit=commit,
        process=surroundings.process,
        rescue_ref=f"refs/vsm/rescue/{_ref_path(packet, assignment, request.execution_id)}",
    )


def location_of(packet: TaskPacket) -> Path:
    """Return where a packet's repository lies; raise RepositoryUnreachable where that is no folder here."""
    assert packet.repository is not None
    folder = Path(packet.repository.location)
    if not folder.is_dir():
        raise RepositoryUnreachable(f"{packet.repository.location} is no folder on this machine")
    return folder


def attempt_ref(packet: TaskPacket, assignment: Assignment, execution_id: str) -> str:
    """Return the ref of an execution's result."""
    return f"refs/vsm/attempts/{_ref_path(packet, assignment, execution_id)}"


def _ref_path(packet: TaskPacket, assignment: Assignment, execution_id: str) -> str:
    return f"{packet.directive_id}/{plain(packet.id)}/{assignment.attempt}-{plain(execution_id)}"
