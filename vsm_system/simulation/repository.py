"""A simulated repository and the jobs that act on it: commits are names with parents, work takes virtual time.

It stands for git, the crew and the tests: what an execution does is drawn from the seed and the execution's id, so
that a repeated execution may end otherwise, as in life, and a repeated merge is the same merge.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from vsm_core.payloads.jobs import (
    ExecuteTask,
    ExecutionReport,
    JobReport,
    Judgement,
    MergeCommits,
    MergeMode,
    MergeReport,
    MoveRef,
    MoveReport,
    ProviderExit,
    RepositoryInventory,
    SurveyReport,
    SurveyRepository,
    TreeCount,
    Verdict,
)
from vsm_core.task import DiffSize, Evidence, Role, Usage
from vsm_system.jobs import Runner
from vsm_system.simulation.chances import Chances, Fault

BASE = "b" * 40
FILES_PER_TREE = 5
WORK_SECONDS = (0.5, 20.0)  # an execution takes between these
GIT_SECONDS = (0.01, 0.5)
FOREVER_SECONDS = 1e6


@dataclass(slots=True)
class Repository:
    """What is in the repository, and what was done to it."""

    trees: int = 2
    parents: dict[str, tuple[str, ...]] = field(default_factory=lambda: {BASE: ()})
    refs: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[str, str | None, str]] = field(default_factory=list)  # ref, from, to
    executions: dict[str, int] = field(default_factory=dict)  # execution id -> how often it was begun

    def contains(self, tip: str, commit: str) -> bool:
        """Say whether a commit is a tip or one of its ancestors."""
        waiting, seen = [tip], set[str]()
        while waiting:
            current = waiting.pop()
            if current == commit:
                return True
            if current not in seen:
                seen.add(current)
                waiting.extend(self.parents.get(current, ()))
        return False


@dataclass(slots=True)
class Workshop:
    """Does jobs on a repository as one process of the simulation."""

    repository: Repository
    chances: Chances
    seed: int
    doing: Callable[[ExecuteTask, int], None]  # told when an execution begins, +1, and when it ends, -1
    crash: Callable[[str], None]

    def runners(self) -> Mapping[str, Runner]:
        """Return what runs each kind of job."""
        return {
            "survey": self.survey,
            "merge": self.merge,
            "move_ref": self.move_ref,
            "execute": self.execute,
        }

    async def survey(self, _request: SurveyRepository) -> JobReport:
        """Return an inventory of the trees of Python."""
        await asyncio.sleep(self._seconds("survey", GIT_SECONDS))
        trees = [tree(number) for number in range(self.repository.trees)]
        files = tuple(f"{each}/m{number}.py" for each in trees for number in range(FILES_PER_TREE))
        inventory = RepositoryInventory(
            total_files=len(files),
            languages=("python",),
            python_files=len(files),
            trees=tuple(TreeCount(tree=each, python_files=FILES_PER_TREE) for each in trees),
            files=files,
            test_files=files[:1],
        )
        return SurveyReport(inventory=inventory)

    async def merge(self, request: MergeCommits) -> JobReport:
        """Merge two commits; the same request makes the same commit."""
        await asyncio.sleep(self._seconds(f"merge/{request.onto}/{request.commit}", GIT_SECONDS))
        if request.mode is MergeMode.FAST_FORWARD and self.repository.contains(request.commit, request.onto):
            return MergeReport(tip=request.commit, fast_forward=True)
        made = _commit(f"{request.onto}+{request.commit}+{request.mode}+{request.moment.isoformat()}")
        self.repository.parents[made] = (request.onto, request.commit)
        return MergeReport(tip=made)

    async def move_ref(self, request: MoveRef) -> JobReport:
        """Compare and swap a ref."""
        self.crash("ref.before_move")
        await asyncio.sleep(self._seconds(f"move/{request.ref}/{request.commit}", GIT_SECONDS))
        found = self.repository.refs.get(request.ref)
        if found not in (request.expected, request.commit):
            return MoveReport(moved=False, found=found)
        if found != request.commit:
            self.repository.refs[request.ref] = request.commit
            self.repository.moves.append((request.ref, found, request.commit))
        self.crash("ref.after_move")
        return MoveReport(moved=True, found=request.commit)

    async def execute(self, request: ExecuteTask) -> JobReport:
        """Run an execution as its provider would, well or badly."""
        begun = self.repository.executions
        begun[request.execution_id] = begun.get(request.execution_id, 0) + 1
        self.doing(request, +1)
        try:
            self.crash("worker.after_admission")
            await asyncio.sleep(self._seconds(request.execution_id, WORK_SECONDS) / 2)
            self.crash("worker.mid_work")
            misbehaved = await self._misbehave()
            await asyncio.sleep(self._seconds(request.execution_id, WORK_SECONDS) / 2)
            self.crash("worker.after_work")
            return misbehaved or self._well_done(request)
        finally:
            self.doing(request, -1)

    async def _misbehave(self) -> ExecutionReport | None:
        strikes = self.chances.strikes
        if strikes(Fault.HANG):
            await asyncio.sleep(FOREVER_SECONDS)
        if strikes(Fault.PROVIDER_CRASH):
            raise RuntimeError("the provider's process fell over")
        if strikes(Fault.THROTTLE):
            return ExecutionReport(exit=ProviderExit.THROTTLED, reason="too many requests")
        if strikes(Fault.HALF_STREAM):
            return ExecutionReport(exit=ProviderExit.CRASHED, reason="the stream ended early", usage=SPENT)
        if strikes(Fault.LIE):
            return ExecutionReport(exit=ProviderExit.OK, narration="all done!")
        return None

    def _well_done(self, request: ExecuteTask) -> ExecutionReport:
        if request.packet.role is Role.TEST:
            return self._judged(request)
        commit = _commit(request.execution_id)
        self.repository.parents[commit] = (request.packet.base_commit or BASE,)
        where = request.packet.scope[0] if request.packet.scope else "."
        name = f"{tree(0) if where == '.' else where}/m0.py"
        diff = DiffSize(files_changed=1, lines_added=2, lines_deleted=1)
        return ExecutionReport(
            exit=ProviderExit.OK, commit=commit, files_touched=(name,), diff=diff, usage=SPENT
        )

    def _judged(self, request: ExecuteTask) -> ExecutionReport:
        rejects = self.chances.strikes(Fault.REJECT)
        verdict = Verdict.REJECTS if rejects else Verdict.HOLDS
        seen = Evidence(argv=("pytest", "-q"), commit=request.packet.subject_commit, exit_code=int(rejects))
        judged = Judgement(criterion="tests", verdict=verdict, reason="a test fails" if rejects else "")
        return ExecutionReport(exit=ProviderExit.OK, judgements=(judged,), evidence=(seen,))

    def _seconds(self, what: str, bounds: tuple[float, float]) -> float:
        drawn = Random(f"{self.seed}/{what}")  # noqa: S311 - a duration that comes again
        return drawn.uniform(*bounds)


SPENT = Usage(input_tokens=1_000, output_tokens=100, worker_seconds=1.0)


def tree(number: int) -> str:
    """Return the name of a top-level folder of the simulated repository."""
    return f"part-{number}"


def _commit(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:40]
