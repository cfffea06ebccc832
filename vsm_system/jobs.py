"""Jobs: runs what actors asked for outside of them, within a deadline, and reports each end exactly as it was.

What becomes of a job that was open when its process died is a rule per kind: git plumbing is made again (the same
request makes the same commit), an execution is not, because its controller takes the task back. A job outlives the
host that began it: while the process lives, its end is kept until a host has made it durable, and the node's next host
takes over what is under way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum

from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import Job, JobOutcome, JobReport
from vsm_core.task import FailureClass
from vsm_system.crash import Crash
from vsm_worker.secret_rules import redacted

Ended = Callable[[Job, JobFinished], None]
Runner = Callable[..., Awaitable[JobReport]]
REASON_LIMIT = 2_000  # characters of an error that travel in a report


class AfterCrash(StrEnum):
    """What becomes of a job that was open when its process died."""

    RESTART = "restart"
    GIVE_UP = "give_up"


AFTER_CRASH: Mapping[str, AfterCrash] = {
    "survey": AfterCrash.RESTART,
    "merge": AfterCrash.RESTART,
    "move_ref": AfterCrash.RESTART,
    "execute": AfterCrash.GIVE_UP,
}


class Jobs:
    """The jobs under way in one process."""

    def __init__(self, runners: Mapping[str, Runner], crash: Crash) -> None:
        self._runners = runners
        self._crash = crash
        self._running: dict[str, asyncio.Task[JobFinished]] = {}
        self._nodes: dict[str, str] = {}  # of the jobs under way: whose they are
        self._ended: dict[str, Ended] = {}
        self._unheard: dict[str, JobFinished] = {}  # ends that no host has made durable yet

    def __len__(self) -> int:
        """Return how many jobs are under way."""
        return len(self._running)

    def start(self, job: Job, ended: Ended) -> None:
        """Begin a job; ``ended`` is called once with how it ended, unless it is stopped.

        A job that is under way already, begun by a host that is gone, reports to the new one.
        """
        self._ended[job.id] = ended
        if job.id in self._running:
            return
        task = asyncio.create_task(self._finished(job), name=f"job {job.id}")
        self._running[job.id] = task
        self._nodes[job.id] = job.node
        task.add_done_callback(lambda done: self._report(job, done))

    def take_over(self, node: str, open_jobs: Sequence[Job], ended: Ended) -> set[str]:
        """Go on, for a new host of a node, with what its journal calls open; return the ids of the jobs under way.

        A job that runs goes on and reports to the new host; the end of one that ended unheard is told at once. What
        is not known here was begun in a process that is dead, or never: it is made again, or given up and said to be.
        What runs for the node and is not open was cancelled by a host that did not live to say so.
        """
        known = {job.id for job in open_jobs}
        for job_id in self._under_way(node) - known:
            self._ended[job_id] = ended
            self.cancel(job_id)
        for job in open_jobs:
            if job.id in self._unheard:
                ended(job, self._unheard[job.id])
            elif job.id in self._running or AFTER_CRASH[job.request.kind] is AfterCrash.RESTART:
                self.start(job, ended)
            else:
                ended(job, _end(job, JobOutcome.CANCELLED, None, "the process that it was begun in is gone"))
        return self._under_way(node)

    def _under_way(self, node: str) -> set[str]:
        return {job_id for job_id, owner in self._nodes.items() if owner == node}

    def settle(self, job_id: str) -> None:
        """Forget the end of a job, which its host has made durable."""
        self._unheard.pop(job_id, None)

    def cancel(self, job_id: str) -> None:
        """Cancel a job; it ends as cancelled. An unknown one is no error."""
        task = self._running.get(job_id)
        if task is not None and not task.cancelling():
            task.cancel("cancelled by its actor")  # once: a second one would cut short how it cleans up

    async def stop(self) -> None:
        """Cancel all jobs and wait until their processes and workspaces are gone; nobody is told."""
        self._ended.clear()
        self._unheard.clear()
        running = tuple(self._running.values())
        for task in running:
            if not task.cancelling():
                task.cancel("the process stops")
        await asyncio.gather(*running, return_exceptions=True)

    def _report(self, job: Job, done: asyncio.Task[JobFinished]) -> None:
        self._running.pop(job.id, None)
        self._nodes.pop(job.id, None)
        ended = self._ended.pop(job.id, None)
        if ended is None:
            return
        before_its_first_step = done.cancelled()
        finished = (
            _end(job, JobOutcome.CANCELLED, None, "cancelled") if before_its_first_step else done.result()
        )
        self._unheard[job.id] = finished
        self._crash("job.after_end")
        ended(job, finished)

    async def _finished(self, job: Job) -> JobFinished:
        self._crash("job.before_start")
        deadline = asyncio.timeout(job.deadline_seconds)
        try:
            async with deadline:
                report = await self._runners[job.request.kind](job.request)
        except asyncio.CancelledError:
            return _end(job, JobOutcome.CANCELLED, None, "cancelled")
        except Exception as error:  # noqa: BLE001 - whatever a job raises is how it ended; the actor decides
            if deadline.expired():
                reason = f"not done within {job.deadline_seconds} seconds"
                return _end(job, JobOutcome.TIMED_OUT, FailureClass.TIMEOUT, reason)
            reason = redacted(f"{type(error).__name__}: {error}")[:REASON_LIMIT]
            return _end(job, JobOutcome.FAILED, FailureClass.INTERNAL, reason)
        return JobFinished(job_id=job.id, subject=job.subject, outcome=JobOutcome.DONE, report=report)


def _end(job: Job, outcome: JobOutcome, failure: FailureClass | None, reason: str) -> JobFinished:
    return JobFinished(
        job_id=job.id, subject=job.subject, outcome=outcome, failure_class=failure, reason=reason
    )
