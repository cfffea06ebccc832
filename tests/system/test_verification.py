"""What the repository's own tests say decides: worse is rejected, not comparable needs a human, never a silent pass."""

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.repositories import CLEAN, LINT, LINTED, TEST_OF_ONE, UNUSED, Ended, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

FAILING = "def test_old_trouble():\n    assert 1 == 2\n"
SIDE_EFFECT = {
    "registry.py": "NAMES = []\n",
    "plugin.py": "from registry import NAMES\n\nNAMES.append('plugin')\n",
    "app.py": "import plugin\nfrom registry import NAMES\n\n\ndef names():\n    return NAMES\n",
    "test_app.py": "import app\n\n\ndef test_names():\n    assert app.names() == ['plugin']\n",
}
RE_EXPORTED = {
    "money.py": "def price():\n    return 3\n",
    "shop.py": "from money import price\n",
    "test_shop.py": "from shop import price\n\n\ndef test_price():\n    assert price() == 3\n",
}


def assert_kept_unverified(yard: Yard, ended: Ended, base: str) -> None:
    """The work lies on the directive's branch, marked, and the user's own branch and files are as they were."""
    document = ended.document
    assert document["branch"] == f"vsm/{document['directive_id']}"
    assert yard.git("rev-parse", document["branch"]) == document["commit"] != base
    assert yard.commits(document)[0]["VSM-Verified"] == "no"
    assert (yard.head, yard.git("status", "--porcelain")) == (base, "")


def summaries(ended: Ended) -> dict[str, str]:
    return {each["where"]: each["summary"] for each in ended.document["evidence"]}


# ---------------------------------------------------------------------------------------------- worse than before


@pytest.mark.parametrize(
    ("files", "edited", "said"),
    [(SIDE_EFFECT, "app.py", "test_names"), (RE_EXPORTED, "shop.py", "test_shop.py")],
    ids=["side effect", "re-export"],
)
def test_a_fix_that_breaks_a_passing_test_is_rejected(
    yard_with: YardWith, files: dict[str, str], edited: str, said: str
) -> None:
    # given a module whose unused import is needed after all
    yard = yard_with(files)
    base = yard.head
    # when the linter takes it away
    ended = yard.run(LINT)
    # then the result is rejected by the name of what broke, and kept, marked
    assert (ended.exit_code, ended.document["outcome"]) == (1, "rejected")
    assert said in ended.document["reason"]
    assert_kept_unverified(yard, ended, base)
    assert yard.changed(ended.document) == {edited: (0, 1)}
    # and to ask again changes nothing about that
    assert yard.run(LINT)[:2] == ended[:2]
    refused = yard.vsm("apply", ended.document["directive_id"])
    assert (refused.exit_code, yard.head) == (2, base)
    assert "--unverified" in refused.stderr


# ---------------------------------------------------------------------------------------------- not comparable


def test_no_tests_at_all_need_a_human_and_keep_every_edit(yard_with: YardWith) -> None:
    # given a repository without a single test, that two leaves will edit
    yard = yard_with(
        {"one.py": UNUSED, "two.py": "def two():\n    return set([1, 2])\n\n\nx: object = str('')\n"}
    )
    base = yard.head
    # when
    ended = yard.run("Fix the lint errors and modernise the syntax")
    # then
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert "no test" in ended.document["reason"]
    assert "--acceptance" in ended.document["reason"]
    assert_kept_unverified(yard, ended, base)
    assert set(yard.changed(ended.document)) == {"one.py", "two.py"}


def test_tests_that_cannot_be_collected_need_a_human(yard_with: YardWith) -> None:
    # given a test file whose import is missing, beside one that works
    missing = "import not_installed_anywhere\n\n\ndef test_two():\n    assert not_installed_anywhere\n"
    yard = yard_with({**LINTED, "test_two.py": missing})
    base = yard.head
    # when
    ended = yard.run(LINT)
    # then file and import are named, and the rest was compared all the same
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert "test_two.py" in ended.document["reason"]
    assert "not_installed_anywhere" in ended.document["reason"]
    assert "1 passed" in summaries(ended)["result"]
    assert_kept_unverified(yard, ended, base)


def test_tests_that_all_fail_before_need_a_human(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED, "test_one.py": FAILING})
    base = yard.head
    ended = yard.run(LINT)
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert "passes on the base" in ended.document["reason"]
    assert_kept_unverified(yard, ended, base)


def test_a_test_that_fails_before_is_reported_and_does_not_block(yard_with: YardWith) -> None:
    # given one test that holds, and one that failed long ago
    yard = yard_with({**LINTED, "test_old.py": FAILING})
    # when
    ended = yard.run(LINT)
    # then it is done, and the failure is there to read, before and after
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert all("1 passed" in said and "1 failed" in said for said in summaries(ended).values())
    assert set(summaries(ended)) == {"base", "result"}
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    assert yard.git("show", "--no-patch", "--format=%B", ended.document["branch"]).count("VSM-Verified") == 0


# ---------------------------------------------------------------------------------------------- other commands

CHECK = "import sys\n\nsys.exit(0 if {condition} else 7)\n"
HAS_IMPORT = "open('one.py').read().startswith('import os')"
CASES = {
    "pass, pass": ("True", 0, "completed"),
    "pass, fail": (HAS_IMPORT, 1, "rejected"),
    "fail, pass": (f"not {HAS_IMPORT}", 0, "completed"),
    "fail, fail": ("False", 3, "needs_human"),
}


@pytest.mark.parametrize(("condition", "exit_code", "outcome"), CASES.values(), ids=CASES.keys())
def test_a_command_of_the_users_guards_the_result(
    yard_with: YardWith, condition: str, exit_code: int, outcome: str
) -> None:
    # given a script that looks at the code
    yard = yard_with({"one.py": UNUSED, "check.py": CHECK.format(condition=condition)})
    base = yard.head
    # when it is the acceptance
    ended = yard.run(LINT, "--acceptance", "python check.py")
    # then what it says before and after decides
    assert (ended.exit_code, ended.document["outcome"]) == (exit_code, outcome)
    assert {tuple(each["argv"][-2:]) for each in ended.document["evidence"]} == {("python", "check.py")}
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    if exit_code:
        assert_kept_unverified(yard, ended, base)


def test_a_command_that_does_not_exist_needs_a_human(yard_with: YardWith) -> None:
    ended = yard_with(LINTED).run(LINT, "--acceptance", "no-such-program --check")
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert "no-such-program" in ended.document["reason"]
    assert "--acceptance" in ended.document["reason"]


def test_every_one_of_several_commands_has_to_hold(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED, "check.py": CHECK.format(condition=HAS_IMPORT)})
    ended = yard.run(LINT, "--acceptance", "true", "--acceptance", "python check.py")
    assert (ended.exit_code, ended.document["outcome"]) == (1, "rejected")
    assert {each["argv"][0] for each in ended.document["evidence"]} == {"true", "python"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vsm.toml", 'acceptance = ["python check.py"]\n'),
        ("pyproject.toml", '[tool.vsm]\nacceptance = ["python check.py"]\n'),
    ],
)
def test_the_acceptance_of_the_repository_is_found_and_a_flag_goes_before_it(
    yard_with: YardWith, name: str, text: str
) -> None:
    # given a repository that says how it is checked, by a script that the fix will break
    yard = yard_with({"one.py": UNUSED, "check.py": CHECK.format(condition=HAS_IMPORT), name: text})
    # when, then the file counts
    ended = yard.run(LINT)
    assert (ended.exit_code, ended.document["evidence"][0]["argv"]) == (1, ["python", "check.py"])
    # and with a flag, the flag counts, as another directive
    flagged = yard.run(LINT, "--acceptance", "true")
    assert (flagged.exit_code, flagged.document["evidence"][0]["argv"]) == (0, ["true"])
    assert flagged.document["directive_id"] != ended.document["directive_id"]


# ---------------------------------------------------------------------------------------------- interpreters


@pytest.mark.parametrize("python", ["/no/such/python", "no-such-python-anywhere", "."])
def test_a_missing_interpreter_is_a_usage_error(yard_with: YardWith, python: str) -> None:
    yard = yard_with(LINTED)
    ended = yard.vsm("run-directive", LINT, "--python", python)
    assert (ended.exit_code, ended.stdout, len(ended.lines)) == (2, "", 1)
    assert f"--python {python}" in ended.stderr
    assert yard.branches() == ["main"]


def test_an_interpreter_without_pytest_needs_a_human(yard_with: YardWith) -> None:
    # given an environment of its own that has no pytest
    yard = yard_with(LINTED)
    bare = yard.home / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to(sys.executable)
    (bare / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\ninclude-system-site-packages = false\n")
    # when
    ended = yard.run(LINT, "--python", str(bare))
    # then it is named, and what to do about it
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert "pytest is not installed" in ended.document["reason"]
    assert str(bare) in ended.document["reason"]


def test_the_code_under_test_is_the_checkouts_own_and_not_what_is_installed(yard_with: YardWith) -> None:
    # given a repository whose own environment has it installed as editable, as developers do
    where = "import os, one\nassert os.path.realpath(one.__file__).startswith(os.getcwd() + os.sep), one.__file__\n"
    yard = yard_with(
        {"src/one.py": UNUSED, "test_one.py": TEST_OF_ONE, "check.py": where, ".gitignore": ".venv\n"}
    )
    packages = environment_of_its_own(yard)
    packages.joinpath("editable.pth").write_text(f"{yard.root / 'src'}\n")
    # when
    ended = yard.run(LINT, "--acceptance", "pytest", "--acceptance", "python check.py")
    # then that environment is used, on the code of the work tree
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert str(yard.root / ".venv") in ended.document["evidence"][0]["argv"][0]
    assert yard.at(ended.document["commit"], "src/one.py").decode() == CLEAN


def environment_of_its_own(yard: Yard) -> Path:
    """Lay out `.venv` with what this interpreter has, pytest too; return the folder of its packages."""
    venv, version = yard.root / ".venv", f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = venv / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    packages.joinpath("ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return packages
