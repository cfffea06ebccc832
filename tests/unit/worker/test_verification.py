"""Verification on real repositories with the real pytest: each rule of acceptance once, as a user would meet it."""

import asyncio
import itertools
import sys
import time

import pytest

from tests.unit.worker.packets import guard, leftovers, request, surroundings, verification
from tests.unit.worker.processes import PROMPT_SECONDS, until
from vsm_core.payloads.jobs import Verdict
from vsm_core.task import ExecutionOptions, GuardMode, Place
from vsm_worker.execution import execute
from vsm_worker.interpreter import Interpreter, candidates

CODE = "def double(x):\n    return 2 * x\n"
TESTS = """from doubling import double


def test_double():
    assert double(2) == 4


def test_zero():
    assert double(0) == 0
"""
GOOD = {"doubling.py": CODE, "tests/test_double.py": TESTS}
PYTEST = guard("pytest", "-q")


@pytest.fixture
def judged(tmp_path, git_repository, git, refer):
    """`judged(base files, result files, criterion)` verifies the second commit against the first."""

    count = itertools.count()
    quick = tmp_path / "quick" / "python"
    quick.parent.mkdir()
    quick.write_text(f'#!/bin/sh\nPYTEST_DISABLE_PLUGIN_AUTOLOAD=1 exec {sys.executable} "$@"\n')
    quick.chmod(0o755)

    async def verify(base, result, *criteria, **fields):
        root = git_repository(base, name=f"repository-{next(count)}")
        repository = refer(root)
        for name, content in result.items():
            path = root / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--allow-empty", "--message", "result")
        fields = {"options": ExecutionOptions(python=str(quick)), **fields}
        task = verification(repository, git(root, "rev-parse", "HEAD"), *(criteria or (PYTEST,)), **fields)
        report = await execute(request(task), surroundings(tmp_path))
        assert leftovers(tmp_path) == []
        assert git(root, "worktree", "list").count("\n") == 0
        assert git(root, "status", "--porcelain") == ""
        return report

    return verify


def only(report):
    (judgement,) = report.judgements
    return judgement


async def test_a_result_that_keeps_every_test_passing_holds(judged):
    report = await judged(GOOD, {"doubling.py": CODE.replace("2 * x", "x + x")})
    assert only(report).verdict is Verdict.HOLDS
    base, result = report.evidence
    assert (base.where, result.where) == (Place.BASE, Place.RESULT)
    assert (result.tests.passed, result.exit_code) == (2, 0)
    assert result.argv[1:] == ("-m", "pytest", "-q")
    assert result.interpreter.endswith("/quick/python (chosen by --python)")


async def test_a_test_that_fails_now_rejects_and_is_named(judged):
    report = await judged(GOOD, {"doubling.py": CODE.replace("2 * x", "x * x")})
    assert only(report).verdict is Verdict.HOLDS  # 2 * 2 == 2 * 2: the tests can't tell
    report = await judged(GOOD, {"doubling.py": CODE.replace("2 * x", "3 * x")})
    assert only(report).verdict is Verdict.REJECTS
    assert only(report).changed_tests == ("tests.test_double::test_double",)
    assert "fail now" in only(report).reason


async def test_a_test_that_vanishes_rejects(judged):
    report = await judged(
        GOOD, {"tests/test_double.py": TESTS.split("\n\n\ndef test_zero", maxsplit=1)[0] + "\n"}
    )
    assert only(report).verdict is Verdict.REJECTS
    assert only(report).changed_tests == ("tests.test_double::test_zero",)
    assert "gone now" in only(report).reason


async def test_a_test_that_is_skipped_now_rejects(judged):
    skipping = "import pytest\n" + TESTS.replace("def test_zero", "@pytest.mark.skip\ndef test_zero")
    report = await judged(GOOD, {"tests/test_double.py": skipping})
    assert only(report).verdict is Verdict.REJECTS
    assert "skipped now" in only(report).reason


async def test_the_bases_test_files_judge_also_where_the_author_weakened_them(judged):
    weakened = TESTS.replace("== 4", "== 6")
    report = await judged(
        GOOD, {"tests/test_double.py": weakened, "doubling.py": CODE.replace("2 * x", "3 * x")}
    )
    assert only(report).verdict is Verdict.REJECTS
    assert "with the base's test files" in only(report).reason
    assert [each.where for each in report.evidence] == [
        Place.BASE,
        Place.RESULT,
        Place.RESULT_WITH_BASE_TESTS,
    ]


async def test_a_conftest_of_the_authors_is_laid_aside(judged):
    conftest = "import doubling\ndoubling.double = lambda x: 2 * x\n"
    broken = CODE.replace("2 * x", "3 * x")
    report = await judged(GOOD, {"conftest.py": conftest, "doubling.py": broken})
    assert only(report).verdict is Verdict.REJECTS


async def test_tests_that_only_changed_their_style_hold_both_ways(judged):
    report = await judged(GOOD, {"tests/test_double.py": TESTS.replace("double(2) == 4", "4 == double(2)")})
    assert only(report).verdict is Verdict.HOLDS
    assert len(report.evidence) == 3


async def test_a_file_that_can_not_be_collected_on_the_base_needs_a_human_and_names_the_import(judged):
    base = {**GOOD, "tests/test_other.py": "import no_such_module_here\n"}
    report = await judged(base, {"doubling.py": CODE + "\n"})
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "tests/test_other.py" in only(report).reason
    assert "no_such_module_here" in only(report).reason
    assert "--python" in only(report).reason
    assert report.evidence[1].tests.passed == 2  # the rest is compared all the same


async def test_a_regression_beside_an_uncollectable_file_still_rejects(judged):
    base = {**GOOD, "tests/test_other.py": "import no_such_module_here\n"}
    report = await judged(base, {"doubling.py": CODE.replace("2 * x", "3 * x")})
    assert only(report).verdict is Verdict.REJECTS


async def test_a_file_that_collected_on_the_base_and_no_longer_rejects(judged):
    report = await judged(GOOD, {"doubling.py": "def double(x:\n"})
    assert only(report).verdict is Verdict.REJECTS
    assert "collected on the base and no longer" in only(report).reason


async def test_a_conftest_broken_by_the_result_rejects_and_one_broken_on_base_needs_a_human(judged):
    report = await judged({**GOOD, "conftest.py": ""}, {"conftest.py": "import no_such_module_here\n"})
    assert only(report).verdict is Verdict.REJECTS
    report = await judged({**GOOD, "conftest.py": "import no_such_module_here\n"}, {"a.py": "x = 1\n"})
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "conftest.py: there is no module 'no_such_module_here'" in only(report).reason


@pytest.mark.parametrize("base", [{"a.py": "x = 1\n"}, {"tests/test_a.py": "def test_a():\n    assert 0\n"}])
async def test_no_test_or_none_passing_on_the_base_needs_a_human(judged, base):
    report = await judged(base, {"b.py": "x = 1\n"})
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "on the base" in only(report).reason


async def test_a_failure_on_the_base_is_told_and_does_not_block(judged):
    base = {**GOOD, "tests/test_bad.py": "def test_bad():\n    assert 0\n"}
    report = await judged(base, {"b.py": "x = 1\n"})
    assert only(report).verdict is Verdict.HOLDS
    assert "tests.test_bad::test_bad" in only(report).reason


async def test_settings_broken_by_the_result_reject(judged):
    report = await judged(GOOD, {"pytest.ini": "[pytest]\naddopts = --no-such-option\n"})
    assert only(report).verdict is Verdict.REJECTS
    assert "no-such-option" in only(report).reason


async def test_the_checkout_and_its_src_folder_come_before_what_is_installed(judged):
    base = {"src/pytest_cov/__init__.py": "mine = True\n"}
    base["tests/test_it.py"] = "def test_it():\n    from pytest_cov import mine\n    assert mine\n"
    report = await judged(base, {"b.py": "x = 1\n"})
    assert only(report).verdict is Verdict.HOLDS


async def test_parameters_that_hold_an_address_are_the_same_test(judged):
    base = {"test_a.py": "import pytest\n@pytest.mark.parametrize('x', [1], ids=lambda x: repr(object()))\n"}
    base["test_a.py"] += "def test_a(x):\n    pass\n"
    report = await judged(base, {"b.py": "x = 1\n"})
    assert only(report).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("base", "result", "verdict"),
    [("0", "0", "holds"), ("0", "1", "rejects"), ("1", "0", "holds"), ("1", "1", "needs_human")],
)
async def test_other_commands_compare_exit_codes(judged, base, result, verdict):
    report = await judged(
        {"data": base}, {"data": result, "b": "x"}, guard("python", "-c", "exit(int(open('data').read()))")
    )
    assert only(report).verdict == verdict


async def test_a_command_that_is_not_there_needs_a_human(judged):
    report = await judged(GOOD, {"b.py": "x = 1\n"}, guard("no-such-command"))
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "no-such-command is not installed" in only(report).reason
    assert {each.exit_code for each in report.evidence} == {None}
    assert all(
        each.summary.startswith("could not be run: no-such-command is not") for each in report.evidence
    )


async def test_a_command_that_can_not_be_started_has_no_exit_code(judged):
    report = await judged(
        {**GOOD, "run": "#!/no/such/shell\n"}, {"b.py": "x = 1\n"}, guard("sh", "-c", "./run")
    )
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert {each.exit_code for each in report.evidence} == {None}
    assert all("could not be run (exit code 12" in each.summary for each in report.evidence)


async def test_an_interpreter_that_does_not_start_is_evidence_too(judged):
    nowhere = ExecutionOptions(python="/no/such/python")
    report = await judged(GOOD, {"b.py": "x = 1\n"}, guard("python", "-c", "1"), options=nowhere)
    (evidence,) = report.evidence
    assert (evidence.exit_code, evidence.argv) == (None, ("python", "-c", "1"))
    assert evidence.summary.startswith("could not be run: /no/such/python does not run")


async def test_a_timeout_is_neither_pass_nor_fail(judged):
    report = await judged(
        {"data": "0"}, {"data": "9"}, guard("sh", "-c", "sleep $(cat data)", timeout_seconds=1)
    )
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "neither pass nor fail" in only(report).reason


async def test_a_proof_fails_on_the_base_and_passes_on_the_result(judged):
    proof = guard("pytest", "-q", mode=GuardMode.PROOF)
    broken = {**GOOD, "doubling.py": CODE.replace("2 * x", "3 * x")}
    mended = {"doubling.py": CODE}
    assert only(await judged(broken, mended, proof)).verdict is Verdict.HOLDS
    assert only(await judged(broken, {"b.py": "x = 1\n"}, proof)).verdict is Verdict.REJECTS


async def test_a_proof_that_holds_on_the_base_proves_nothing(judged):
    report = await judged(GOOD, {"b.py": "x = 1\n"}, guard("pytest", "-q", mode=GuardMode.PROOF))
    assert only(report).verdict is Verdict.NEEDS_HUMAN


async def test_every_criterion_is_judged(judged):
    criteria = (PYTEST, guard("false", name="lint"), guard("true", name="types"))
    report = await judged(GOOD, {"b.py": "x = 1\n"}, *criteria)
    assert [each.verdict for each in report.judgements] == ["holds", "needs_human", "holds"]


async def test_an_interpreter_the_user_chose_is_the_only_candidate(judged, tmp_path):
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    report = await judged(GOOD, {"b.py": "x = 1\n"}, options=ExecutionOptions(python=str(fake)))
    assert only(report).verdict is Verdict.NEEDS_HUMAN
    assert "pytest is not installed in" in only(report).reason
    assert "--python" in only(report).reason


async def test_the_repositorys_own_environment_comes_first(judged, tmp_path):
    home = tmp_path / "home-checkout"
    python = home / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    report = await judged(GOOD, {"b.py": "x = 1\n"}, options=ExecutionOptions(home=str(home)))
    assert only(report).verdict is Verdict.HOLDS
    assert report.evidence[0].interpreter == f"{python} (.venv in the repository)"


def test_the_order_of_interpreters_is_the_users_the_repositorys_the_shells_and_ours(tmp_path, monkeypatch):
    for place in ("repo/venv/bin/python", "active/bin/python", "path/python3"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("#!/bin/sh\n")
        (tmp_path / place).chmod(0o755)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "active"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    found = [each.path for each in candidates(ExecutionOptions(home=str(tmp_path / "repo")))]
    expected = [
        str(tmp_path / each) for each in ("repo/venv/bin/python", "active/bin/python", "path/python3")
    ]
    assert found == [*expected, sys.executable]
    assert Interpreter(sys.executable, "$VIRTUAL_ENV").shown.endswith("($VIRTUAL_ENV, vsm's own)")


async def test_nothing_to_check_by_needs_a_human(judged, git_repository, refer, tmp_path, git):
    root = git_repository(GOOD)
    task = verification(refer(root), git(root, "rev-parse", "HEAD"))
    report = await execute(request(task), surroundings(tmp_path))
    assert "--acceptance" in report.reason


async def test_a_base_is_observed_once_for_many_results(tmp_path, git_repository, git, refer):
    ran = tmp_path / "ran"
    counting = f"def test_a():\n    with open({str(ran)!r}, 'a') as file:\n        file.write('x')\n"
    repository = refer(root := git_repository({"test_a.py": counting}))
    for name in ("b.py", "c.py"):
        git_repository({name: "x = 1\n"})
        task = verification(repository, git(root, "rev-parse", "HEAD"), PYTEST)
        report = await execute(request(task), surroundings(tmp_path))
        assert [each.where for each in report.evidence] == [Place.BASE, Place.RESULT]
    assert ran.read_text() == "xxx"


async def test_a_cancelled_verification_leaves_nothing(tmp_path, git_repository, git, refer):
    root = git_repository({"test_a.py": "import time\n\n\ndef test_a():\n    time.sleep(60)\n"})
    task = verification(refer(root), git(root, "rev-parse", "HEAD"), PYTEST)
    running = asyncio.create_task(execute(request(task), surroundings(tmp_path)))
    await until(lambda: list((tmp_path / "cache").glob("*/*-base/test_a.py")))
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert leftovers(tmp_path) == []
    assert git(root, "worktree", "list").count("\n") == 0
