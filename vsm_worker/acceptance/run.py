"""Running one acceptance command in one clean checkout, and writing down what was observed."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from vsm_core.task import TAIL_LIMIT, AcceptanceCriterion, Evidence, Isolation, Place
from vsm_worker.acceptance.junit import conftest_problem, read_junit
from vsm_worker.acceptance.observation import Observation, TestRun
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.errors import ProgramMissing
from vsm_worker.interpreter import Interpreter, user_packages
from vsm_worker.process import Ended, Program, Scratch, allowed_environment, run
from vsm_worker.pytest_command import PYTHON, pytest_arguments

NO_TESTS, USAGE_ERROR, INTERNAL_ERROR, INTERRUPTED = 5, 4, 3, 2  # pytest's exit codes
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as the launcher reports them
JUNIT_LIMIT = 64 * 1024 * 1024  # bytes of a report that is worth reading


@dataclass(frozen=True, slots=True)
class Stand:
    """Where and how a command runs: a checkout, its place in the comparison, an interpreter, a private folder."""

    root: Path
    place: Place
    commit: str
    interpreter: Interpreter
    scratch: Scratch
    artifacts: ArtifactStore


async def observe(criterion: AcceptanceCriterion, stand: Stand) -> Observation:
    """Run a criterion's command in a checkout; what goes wrong with it is part of the observation."""
    junit = stand.scratch.temporary / f"junit-{stand.place.value}.xml"
    junit.unlink(missing_ok=True)
    program = Program(
        argv=command_of(criterion.verifier, stand, junit),
        folder=stand.root,
        environment=environment_of(stand),
        timeout_seconds=float(criterion.timeout_seconds),
    )
    try:
        ended = await run(program)
    except (ProgramMissing, OSError) as error:
        return _not_started(
            criterion, stand, f"{error}: install it, or name another command with --acceptance"
        )
    observed = Observation(_evidence(criterion, stand, ended), ended.exit_code, timed_out=ended.timed_out)
    if pytest_arguments(criterion.verifier) is None:
        return _command_observed(observed, ended)
    return _tests_observed(observed, ended, (stand, _read(junit)))


def command_of(argv: tuple[str, ...], stand: Stand, junit: Path) -> tuple[str, ...]:
    """Return the command line: pytest with our report and the repository's interpreter, anything else as it is."""
    arguments = pytest_arguments(argv)
    if arguments is None:
        return (
            (stand.interpreter.path, *argv[1:]) if PYTHON.fullmatch(argv[0]) and "/" not in argv[0] else argv
        )
    ours = (
        f"--rootdir={stand.root}",
        "--continue-on-collection-errors",
        "--maxfail=0",
        f"--junitxml={junit}",
        "-o",
        "junit_family=xunit1",
        "-o",
        f"cache_dir={stand.scratch.temporary / 'pytest-cache'}",
    )
    return (stand.interpreter.path, "-m", "pytest", *ours, *arguments)


def shown_command(argv: tuple[str, ...], stand: Stand) -> tuple[str, ...]:
    """Return the command line as evidence names it: what was asked, without what only serves our own reading."""
    arguments = pytest_arguments(argv)
    return argv if arguments is None else (stand.interpreter.path, "-m", "pytest", *arguments)


def environment_of(stand: Stand) -> dict[str, str]:
    """Return the environment of the repository's own code: its interpreter and its checkout come first."""
    folder = Path(stand.interpreter.path).parent
    paths = [str(stand.root), *([str(stand.root / "src")] if (stand.root / "src").is_dir() else [])]
    environment = {
        **allowed_environment(stand.scratch),
        "PATH": os.pathsep.join([str(folder), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUSERBASE": user_packages(),
        "PYTHONHASHSEED": "0",
    }
    if (folder.parent / "pyvenv.cfg").exists():
        environment["VIRTUAL_ENV"] = str(folder.parent)
    return environment


def _read(junit: Path) -> TestRun | None:
    if not junit.is_file() or junit.stat().st_size > JUNIT_LIMIT:
        return None
    return read_junit(junit.read_text(encoding="utf-8", errors="replace"))


def _evidence(criterion: AcceptanceCriterion, stand: Stand, ended: Ended) -> Evidence:
    stored = stand.artifacts.put(f"{criterion.name} on {stand.place.value}", ended.output)
    return Evidence(
        criterion=criterion.name,
        argv=shown_command(criterion.verifier, stand),
        where=stand.place,
        commit=stand.commit,
        exit_code=ended.exit_code,
        duration_seconds=ended.duration_seconds,
        output_digest=stored.digest,
        output_tail=ended.shown[-TAIL_LIMIT:],
        interpreter=stand.interpreter.shown,
        isolation=Isolation.NONE,
    )


def _not_started(criterion: AcceptanceCriterion, stand: Stand, why: str) -> Observation:
    evidence = not_run(criterion, stand.place, stand.commit, why)
    shown = evidence.model_copy(update={"interpreter": stand.interpreter.shown})
    return Observation(shown, None, unrunnable=why)


def not_run(criterion: AcceptanceCriterion, place: Place, commit: str, why: str) -> Evidence:
    """Return the evidence of a command that could not even be started."""
    return Evidence(
        criterion=criterion.name,
        argv=criterion.verifier,
        where=place,
        commit=commit,
        summary=f"could not be run: {why}",
    )


def _with_summary(observed: Observation, summary: str) -> Observation:
    return replace(observed, evidence=observed.evidence.model_copy(update={"summary": summary}))


def _command_observed(observed: Observation, ended: Ended) -> Observation:
    if ended.timed_out:
        return _with_summary(observed, "stopped at its time limit")
    if ended.flooded:
        return replace(
            _with_summary(observed, "flooded its output"), unrunnable="it floods its output and was stopped"
        )
    if ended.exit_code in (NOT_EXECUTABLE, NOT_FOUND):
        why = f"{ended.argv[0]} could not be run (exit code {ended.exit_code}): {_last_line(ended)}"
        evidence = observed.evidence.model_copy(update={"summary": why, "exit_code": None})
        return Observation(evidence, None, unrunnable=why)
    return _with_summary(
        observed, "passed" if ended.exit_code == 0 else f"failed with exit code {ended.exit_code}"
    )


def _tests_observed(
    observed: Observation, ended: Ended, reported: tuple[Stand, TestRun | None]
) -> Observation:
    stand, tests = reported
    broken_off = ended.exit_code == INTERRUPTED and stand.place is Place.BASE
    if ended.timed_out:
        return _with_summary(observed, "stopped at its time limit")
    if broken := conftest_problem(ended.text, stand.root):
        tests = TestRun({}, (broken,))
    elif tests is None or broken_off or ended.exit_code in (USAGE_ERROR, INTERNAL_ERROR):
        return _without_tests(observed, ended)
    evidence = observed.evidence.model_copy(update={"tests": tests.counts, "summary": tests.shown})
    return replace(observed, evidence=evidence, tests=tests)


def _without_tests(observed: Observation, ended: Ended) -> Observation:
    if ended.exit_code == NO_TESTS:
        return replace(_with_summary(observed, "no tests"), tests=TestRun())
    how = (
        f"signal {-ended.exit_code}" if ended.crashed and ended.exit_code else f"exit code {ended.exit_code}"
    )
    why = f"pytest ended with {how} before it could report: {_last_line(ended)}"
    return replace(_with_summary(observed, why), unrunnable=why)


def _last_line(ended: Ended) -> str:
    lines = [line.strip() for line in ended.shown.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line.lower()]
    return ((errors or lines or ["no output"])[-1])[:300]
