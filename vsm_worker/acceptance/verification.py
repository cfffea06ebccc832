"""Verification: a task of role test, from clean checkouts of base and subject to one judgement per criterion.

The result is run as it is, and, where it changed test files, once more with the base's test files laid over it: the
author's tests may add to what is known and never replace what was asked. Observations of a base are remembered, since
many results are judged against one.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vsm_core.payloads.jobs import (
    ExecuteTask,
    ExecutionReport,
    GateViolation,
    Judgement,
    ProviderExit,
    Verdict,
)
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import AcceptanceCriterion, Artifact, Evidence, Place
from vsm_worker.acceptance.judge import Seen, judge
from vsm_worker.acceptance.observation import Observation
from vsm_worker.acceptance.run import Stand, not_run, observe
from vsm_worker.acceptance.test_files import is_test_file
from vsm_worker.git import Call, call, common_directory, git, git_fields
from vsm_worker.interpreter import Interpreter, candidates, preferred, with_module
from vsm_worker.process import Scratch
from vsm_worker.pytest_command import is_pytest
from vsm_worker.surroundings import Surroundings, base_of, location_of, site_of
from vsm_worker.watch.watching import settled, watched
from vsm_worker.workspace import Workspace, index_of, plain, probe, workspace

BASES_REMEMBERED = 128  # observations

Key = tuple[str, str, tuple[str, ...], str]
_bases: OrderedDict[Key, Observation] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Bench:
    """What one verification compares."""

    request: ExecuteTask
    surroundings: Surroundings
    base: str
    subject: str
    changed_tests: tuple[str, ...]  # test files that differ between the two

    @property
    def repository(self) -> Path:
        """Where the repository lies."""
        return location_of(self.request.packet)


async def verify(request: ExecuteTask, surroundings: Surroundings) -> ExecutionReport:
    """Judge a subject commit by each criterion that is a command; errors are git's.

    Cancellation stops what runs and removes the checkouts before it goes on.
    """
    packet = request.packet
    criteria = tuple(each for each in packet.acceptance if each.verifier)
    if packet.subject_commit is None:
        return ExecutionReport(exit=ProviderExit.NEEDS_HUMAN, reason="the task names no commit to verify")
    if not criteria:
        reason = "nothing says how to check the result: name a command with --acceptance, or in vsm.toml"
        return ExecutionReport(exit=ProviderExit.NEEDS_HUMAN, reason=reason)
    bench = await _bench(request, surroundings, packet.subject_commit)
    judged = [await _judged(bench, criterion) for criterion in criteria]
    surroundings.crash("worker.after_work")
    evidence = tuple(piece for each in judged for piece in each.evidence)
    return ExecutionReport(
        exit=ProviderExit.OK,
        judgements=tuple(each.judgement for each in judged),
        violations=tuple(violation for each in judged for violation in each.touched),
        evidence=evidence,
        artifacts=_logs(evidence, surroundings),
    )


async def _bench(request: ExecuteTask, surroundings: Surroundings, subject: str) -> Bench:
    base = base_of(request.packet)
    for commit in (base, subject):
        await site_of(request, surroundings, commit)  # both can be reached, or this raises
    where = location_of(request.packet)
    changed = await git_fields(where, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, subject)
    tests = tuple(path for path in changed if is_test_file(path))
    return Bench(request, surroundings, base, subject, tests)


def _logs(evidence: Sequence[Evidence], surroundings: Surroundings) -> tuple[Artifact, ...]:
    return tuple(
        Artifact(
            name=f"{each.criterion} on {each.where.value}",
            digest=each.output_digest,
            size_bytes=surroundings.artifacts.size(each.output_digest),
        )
        for each in evidence
        if each.output_digest is not None
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one criterion; ``touched`` is what the result did to the repository and the base does not."""

    judgement: Judgement
    evidence: tuple[Evidence, ...]
    touched: tuple[GateViolation, ...] = ()


async def _judged(bench: Bench, criterion: AcceptanceCriterion) -> Judged:
    interpreter = await _chosen(bench, criterion)
    if isinstance(interpreter, str):
        judgement = Judgement(criterion=criterion.name, verdict=Verdict.NEEDS_HUMAN, reason=interpreter)
        return Judged(judgement, (not_run(criterion, Place.RESULT, bench.subject, interpreter),))
    trial = Trial(bench, criterion, interpreter)
    base = await _base_observed(trial)
    bench.surroundings.crash("worker.mid_work")
    if bench.subject == bench.base:
        return Judged(judge(criterion, base, [Seen(Place.RESULT, base)]), (base.evidence,))
    places = [Place.RESULT, Place.RESULT_WITH_BASE_TESTS] if bench.changed_tests else [Place.RESULT]
    seen = [Seen(place, await _observed(trial, place)) for place in places]
    evidence = (base.evidence, *(each.observation.evidence for each in seen))
    known = {each.path for each in base.touched}  # the repository's own checks do that, whoever the author is
    touched = (each for one in seen for each in one.observation.touched if each.path not in known)
    return Judged(judge(criterion, base, seen), evidence, tuple(touched))


async def _chosen(bench: Bench, criterion: AcceptanceCriterion) -> Interpreter | str:
    site = await site_of(bench.request, bench.surroundings, bench.base)
    async with probe(site.folder) as scratch:
        return await _interpreter(bench.request.packet, criterion, scratch)


async def _interpreter(
    packet: TaskPacket, criterion: AcceptanceCriterion, scratch: Scratch
) -> Interpreter | str:
    """Return the interpreter to run with, or why there is none and what to do."""
    if not is_pytest(criterion.verifier):
        found = await preferred(packet.options, scratch)
        return (
            found[0]
            if found
            else f"{packet.options.python} does not run: name another interpreter with --python"
        )
    chosen = await with_module(packet.options, "pytest", scratch)
    if chosen is not None:
        return chosen
    tried = ", ".join(each.shown for each in candidates(packet.options))
    return f"pytest is not installed in {tried}: install it there, or name another interpreter with --python"


@dataclass(frozen=True, slots=True)
class Trial:
    """One criterion, run with one interpreter."""

    bench: Bench
    criterion: AcceptanceCriterion
    interpreter: Interpreter


async def _base_observed(trial: Trial) -> Observation:
    bench, criterion = trial.bench, trial.criterion
    tree = await git(bench.repository, "rev-parse", f"{bench.base}^{{tree}}")
    key = (str(bench.repository), tree, criterion.verifier, trial.interpreter.path)
    known = _bases.get(key)
    if known is not None:
        _bases.move_to_end(key)
        evidence = known.evidence.model_copy(update={"criterion": criterion.name, "commit": bench.base})
        return replace(known, evidence=evidence)
    observed = await _observed(trial, Place.BASE)
    if not observed.timed_out and observed.unrunnable is None:
        _bases[key] = observed
        while len(_bases) > BASES_REMEMBERED:
            _bases.popitem(last=False)
    return observed


async def _observed(trial: Trial, place: Place) -> Observation:
    """Run a criterion in a checkout of its own, made for this run and gone after it."""
    bench = trial.bench
    commit = bench.base if place is Place.BASE else bench.subject
    site = await site_of(bench.request, bench.surroundings, commit)
    name = f"{plain(site.name)}-{place.value.replace('_', '-')}"
    await settled(await common_directory(site.repository))
    async with workspace(replace(site, name=name, rescue_ref=None)) as made, watched(made) as sighting:
        if place is Place.RESULT_WITH_BASE_TESTS:
            await _lay_over(bench, made)
        artifacts = bench.surroundings.artifacts
        stand = Stand(made.root, place, commit, trial.interpreter, made.scratch, artifacts)
        observed = await observe(trial.criterion, stand)
        await sighting.look()
        return replace(observed, touched=sighting.violations)


async def _lay_over(bench: Bench, made: Workspace) -> None:
    """Put the base's test files where the result has its own; test files that only the result has go."""
    on_base = await git_fields(
        bench.repository, "ls-tree", "-r", "-z", "--name-only", "--full-tree", bench.base
    )
    kept = sorted(set(on_base) & set(bench.changed_tests))
    for path in bench.changed_tests:
        (made.root / path).unlink(missing_ok=True)
    if kept:
        environment = {"GIT_INDEX_FILE": str(index_of(made.root))}
        request = ("checkout", "--quiet", bench.base, "--", *kept)
        await call(made.checkout, Call(request, environment=environment))
