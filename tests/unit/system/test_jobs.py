"""Jobs: each ends exactly once, as what it was: done, failed, timed out or cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.unit.system.letters import COMMIT_ID, job
from tests.unit.system.stage import turns, until
from vsm_core.payloads.control import JobFinished
from vsm_core.payloads.jobs import Job, JobOutcome, JobReport, JobRequest, MergeReport
from vsm_core.task import FailureClass
from vsm_system.crash import never
from vsm_system.jobs import REASON_LIMIT, Jobs

LONG_SECONDS = 3_600
Work = Callable[[JobRequest], Awaitable[JobReport]]


class Bench:
    """Jobs of one kind, and how they ended."""

    def __init__(self) -> None:
        self.ended: list[JobFinished] = []
        self.cleaned: list[str] = []
        self.begun = 0
        self.go = asyncio.Event()
        self.tidying = asyncio.Event()
        self.tidying.set()
        self.jobs = Jobs({"merge": self.run}, never)
        self.error: BaseException | None = None

    async def run(self, request: JobRequest) -> JobReport:
        self.begun += 1
        if self.error is not None:
            raise self.error
        try:
            await self.go.wait()
        finally:
            await self.tidying.wait()
            self.cleaned.append(request.kind)
        return MergeReport(tip=COMMIT_ID)

    def start(self, name: str = "merged", seconds: float = LONG_SECONDS) -> None:
        made = job(name).model_copy(update={"deadline_seconds": seconds})
        self.jobs.start(made, self._ended)

    def _ended(self, _job: Job, finished: JobFinished) -> None:
        self.ended.append(finished)

    async def end(self) -> JobFinished:
        await until(lambda: self.ended)
        await turns()
        (only,) = self.ended
        return only


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.tidying.set()
    await made.jobs.stop()


async def test_a_job_that_is_done_brings_its_report(bench: Bench) -> None:
    bench.start()
    bench.go.set()
    ended = await bench.end()
    assert (ended.outcome, ended.report) == (JobOutcome.DONE, MergeReport(tip=COMMIT_ID))
    assert (ended.job_id, ended.subject, ended.failure_class) == ("merged", "task", None)
    assert len(bench.jobs) == 0


async def test_a_job_over_its_deadline_is_stopped_and_timed_out(bench: Bench) -> None:
    bench.start(seconds=0.01)
    ended = await bench.end()
    assert (ended.outcome, ended.failure_class) == (JobOutcome.TIMED_OUT, FailureClass.TIMEOUT)
    assert ended.reason == "not done within 0.01 seconds"
    assert bench.cleaned == ["merge"]


async def test_a_job_that_raises_has_failed_with_a_bounded_reason(bench: Bench) -> None:
    bench.error = OSError("no such repository" + "!" * REASON_LIMIT)
    bench.start()
    ended = await bench.end()
    assert (ended.outcome, ended.failure_class) == (JobOutcome.FAILED, FailureClass.INTERNAL)
    assert ended.reason.startswith("OSError: no such repository")
    assert len(ended.reason) == REASON_LIMIT


async def test_a_job_whose_own_waiting_timed_out_has_failed(bench: Bench) -> None:
    bench.error = TimeoutError("git took too long")
    bench.start()
    ended = await bench.end()
    assert ended.outcome is JobOutcome.FAILED
    assert "git took too long" in ended.reason


async def test_a_job_of_an_unknown_kind_has_failed(bench: Bench) -> None:
    bench.jobs = Jobs({}, never)
    bench.start()
    assert (await bench.end()).outcome is JobOutcome.FAILED


async def test_a_cancelled_job_cleans_up_and_ends_as_cancelled(bench: Bench) -> None:
    bench.start()
    await until(lambda: bench.begun)
    bench.jobs.cancel("merged")
    ended = await bench.end()
    assert (ended.outcome, ended.failure_class) == (JobOutcome.CANCELLED, None)
    assert bench.cleaned == ["merge"]


async def test_a_second_cancel_does_not_cut_short_how_a_job_cleans_up(bench: Bench) -> None:
    bench.start()
    await until(lambda: bench.begun)
    bench.tidying.clear()
    bench.jobs.cancel("merged")
    await turns()
    bench.jobs.cancel("merged")
    stopping = asyncio.create_task(bench.jobs.stop())
    await turns()
    assert not stopping.done()
    bench.tidying.set()
    await stopping
    assert bench.cleaned == ["merge"]


async def test_a_job_cancelled_before_it_began_ends_as_cancelled(bench: Bench) -> None:
    bench.start()
    bench.jobs.cancel("merged")
    await turns()
    assert [each.outcome for each in bench.ended] == [JobOutcome.CANCELLED]


async def test_cancelling_what_is_unknown_is_no_error(bench: Bench) -> None:
    bench.jobs.cancel("nothing")
    assert len(bench.jobs) == 0


async def test_a_job_runs_once_however_often_it_is_started(bench: Bench) -> None:
    bench.start()
    bench.start()
    await until(lambda: bench.begun)
    await turns()
    assert (bench.begun, len(bench.jobs)) == (1, 1)


async def test_stop_waits_until_every_job_has_cleaned_up(bench: Bench) -> None:
    bench.start("one")
    bench.start("two")
    await until(lambda: bench.begun == 2)
    bench.tidying.clear()
    stopping = asyncio.create_task(bench.jobs.stop())
    await turns()
    assert not stopping.done()
    bench.tidying.set()
    await stopping
    assert bench.cleaned == ["merge", "merge"]
    assert len(bench.jobs) == 0


async def test_a_job_that_is_stopped_reports_no_end(bench: Bench) -> None:
    bench.start()
    await until(lambda: bench.begun)
    await bench.jobs.stop()
    assert bench.ended == []
