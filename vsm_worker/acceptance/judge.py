"""The verdict on one criterion: a pure function of what was observed on the base and on the result.

A guard must not get worse: no test that passed on the base may fail or vanish. A proof fails on the base and passes on
the result. What can't be compared is never passed in silence: it needs a human, and the reason names the mend.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vsm_core.payloads.jobs import Judgement, Verdict
from vsm_core.task import AcceptanceCriterion, GuardMode, Place
from vsm_worker.acceptance.observation import Observation, TestRun, TestState

SHOWN = 5  # names that a reason lists
CHANGED_LIMIT = 200  # tests that a judgement lists
SEVERITY = (Verdict.REJECTS, Verdict.NEEDS_HUMAN, Verdict.HOLDS)
INSTALL = (
    "install what is missing in that interpreter, or name another one with --python, "
    "or narrow the tests with --acceptance"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of the result at one place: as it is, or with the base's test files laid over it."""

    place: Place
    observation: Observation


@dataclass(frozen=True, slots=True)
class Opinion:
    """A verdict with its reason, before it is tied to a criterion."""

    verdict: Verdict
    reason: str = ""
    changed: tuple[str, ...] = ()


def judge(criterion: AcceptanceCriterion, base: Observation, results: Sequence[Seen]) -> Judgement:
    """Return the worst that can be said of any of the results against the base."""
    opinions = [opinion for seen in results for opinion in _opinions(criterion, base, seen)]
    worst = min(opinions, key=lambda opinion: SEVERITY.index(opinion.verdict))
    said = dict.fromkeys(each.reason for each in opinions if each.verdict is worst.verdict and each.reason)
    changed = sorted({test for each in opinions if each.verdict is Verdict.REJECTS for test in each.changed})
    return Judgement(
        criterion=criterion.name,
        verdict=worst.verdict,
        reason="; ".join(said),
        changed_tests=tuple(changed[:CHANGED_LIMIT]),
    )


def _opinions(criterion: AcceptanceCriterion, base: Observation, seen: Seen) -> Iterator[Opinion]:
    undecidable = _undecidable(criterion, base, seen)
    if undecidable is not None:
        yield undecidable
    elif criterion.mode is GuardMode.PROOF:
        yield _proof(base, seen)
    elif base.tests is not None and seen.observation.tests is not None:
        yield from _guard_of_tests(base.tests, seen.observation.tests, seen.place)
    else:
        yield _guard_of_command(base, seen)


def _undecidable(criterion: AcceptanceCriterion, base: Observation, seen: Seen) -> Opinion | None:
    for where, observed in (("base", base), ("result", seen.observation)):
        if observed.timed_out:
            seconds = criterion.timeout_seconds
            return _ask(f"did not end on the {where} within {seconds} s, which is neither pass nor fail")
    if base.unrunnable is not None:
        return _ask(f"can't be run on the base: {base.unrunnable}")
    if seen.observation.unrunnable is None:
        return None
    if _held(base):
        why = f"it ran on the base and can't be run on the result{_at(seen.place)}: {seen.observation.unrunnable}"
        return Opinion(Verdict.REJECTS, why)
    return _ask(f"can't be run on the result: {seen.observation.unrunnable}")


def _held(base: Observation) -> bool:
    return bool(base.tests.of(TestState.PASSED)) if base.tests is not None else base.passed


# ---------------------------------------------------------------------------------------------------------- guards


def _guard_of_tests(base: TestRun, result: TestRun, place: Place) -> Iterator[Opinion]:
    yield from _newly_uncollectable(base, result, place)
    yield from _regressions(base, result, place)
    if base.uncollectable:
        files = _listed([each.shown for each in base.uncollectable])
        yield _ask(f"test files can't be collected on the base: {files}; {INSTALL}")
    if not base.tests and not base.uncollectable:
        yield _ask("no test was found on the base: write one, or name a command with --acceptance")
    elif not base.of(TestState.PASSED):
        yield _ask(f"no test passes on the base, so nothing can be compared; {INSTALL}")
    failing = base.of(TestState.FAILED) | base.of(TestState.ERROR)
    note = f"{len(failing)} tests fail on the base already: {_listed(sorted(failing))}" if failing else ""
    yield Opinion(Verdict.HOLDS, note)


def _newly_uncollectable(base: TestRun, result: TestRun, place: Place) -> Iterator[Opinion]:
    before = {each.file for each in base.uncollectable}
    broken = [each for each in result.uncollectable if each.file not in before]
    if broken:
        files = _listed([each.shown for each in broken])
        yield Opinion(Verdict.REJECTS, f"collected on the base and no longer{_at(place)}: {files}")


def _regressions(base: TestRun, result: TestRun, place: Place) -> Iterator[Opinion]:
    passed = base.of(TestState.PASSED)
    failed = sorted(passed & (result.of(TestState.FAILED) | result.of(TestState.ERROR)))
    skipped = sorted(passed & result.of(TestState.SKIPPED))
    gone = sorted(passed - result.tests.keys())
    for what, tests in (("fail now", failed), ("are skipped now", skipped), ("are gone now", gone)):
        if tests:
            reason = f"{len(tests)} tests passed on the base and {what}{_at(place)}: {_listed(tests)}"
            yield Opinion(Verdict.REJECTS, reason, tuple(tests))


def _guard_of_command(base: Observation, seen: Seen) -> Opinion:
    result = seen.observation
    if result.passed:
        return Opinion(Verdict.HOLDS, "" if base.passed else "it failed on the base and passes now")
    if base.passed:
        return Opinion(
            Verdict.REJECTS, f"it passed on the base and ends with {result.exit_code} now{_at(seen.place)}"
        )
    return _ask(
        f"it fails on the base already ({base.exit_code}), so nothing can be compared: "
        "mend it there first, or name another command with --acceptance"
    )


# ---------------------------------------------------------------------------------------------------------- proofs


def _proof(base: Observation, seen: Seen) -> Opinion:
    result = seen.observation
    if base.passed:
        return _ask("it holds on the base already, so it proves nothing: name a check that fails there")
    if base.tests is not None and not base.tests.tests and not base.tests.uncollectable:
        return _ask(
            "the base has no such test, and the author's own tests prove nothing: add it to the base first"
        )
    if result.passed and _some_passed(result):
        return Opinion(Verdict.HOLDS, "it failed on the base and passes now")
    return Opinion(Verdict.REJECTS, f"it still fails{_at(seen.place)}: exit code {result.exit_code}")


def _some_passed(result: Observation) -> bool:
    return result.tests is None or bool(result.tests.of(TestState.PASSED))


def _ask(reason: str) -> Opinion:
    return Opinion(Verdict.NEEDS_HUMAN, reason)


def _at(place: Place) -> str:
    return " with the base's test files" if place is Place.RESULT_WITH_BASE_TESTS else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
