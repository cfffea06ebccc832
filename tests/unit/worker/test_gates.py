"""The parts of the gates that need no repository: secrets, links, scripts that judge, and reading a patch."""

import pytest

from tests.unit.worker.planted import SECRETS
from vsm_worker.acceptance.test_files import is_test_file
from vsm_worker.gates import scripts_named
from vsm_worker.measure import file_lines
from vsm_worker.pytest_command import pytest_arguments
from vsm_worker.secret_rules import RULES, secrets_in


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_finds_its_secret_and_shows_little_of_it(rule):
    found = [each for each in secrets_in(f"x {SECRETS[rule]} y") if each.rule == rule]
    assert found
    assert found[0].secret not in found[0].masked


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["PASSWORD"]',
        'password = "changeme"',
        'secret_name = "the-name-of-the-secret-aaaaaaaaaa"'[:20],
        "api_key = get_api_key(settings)",
        "task-force-alignment-and-more-words-in-a-slug",
        "https://example.org/path@2x.png",
        "url = f'postgres://{user}:{password}@{host}/db'",
        "sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
    ],
)
def test_everyday_code_is_no_secret(line):
    assert list(secrets_in(line)) == []


def test_a_patch_is_read_line_by_line_whatever_the_lines_look_like():
    patch = (
        b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1 @@\n--- gone\n-x\n++++ b/came\n"
        b'diff --git "a/\\303\\251\\t.py" "b/\\303\\251\\t.py"\nnew file mode 100644\n--- /dev/null\n'
        b'+++ "b/\\303\\251\\t.py"\n@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n'
    )
    one, two = file_lines(patch)
    assert (one.path, one.removed, one.added) == ("a.py", ["-- gone", "x"], ["+++ b/came"])
    assert (two.path, two.added) == ("é\t.py", ["y"])


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (("pytest", "tests/test_a.py"), []),
        (("python", "-m", "pytest"), []),
        (("python", "check.py", "src/a.py"), ["check.py"]),
        (("python3.11", "-u", "./tools/check.py"), ["tools/check.py"]),
        (("python", "-m", "mypy", "src"), []),
        (("python", "-c", "print()"), []),
        (("./run.sh",), ["run.sh"]),
        (("sh", "-e", "run.sh"), ["run.sh"]),
        (("make", "test"), ["Makefile", "makefile", "GNUmakefile"]),
        (("ruff", "check", "src/a.py"), []),
        ((), []),
    ],
)
def test_the_files_that_judge_are_those_a_command_would_run(argv, named):
    assert list(scripts_named(argv)) == named


@pytest.mark.parametrize(
    ("argv", "arguments"),
    [
        (("pytest",), ()),
        (("py.test", "-q"), ("-q",)),
        (("/usr/bin/python3.12", "-m", "pytest", "tests"), ("tests",)),
        (("python", "-m", "pytest"), ()),
        (("python", "-m", "unittest"), None),
        (("tox", "-e", "pytest"), None),
        ((), None),
    ],
)
def test_pytest_is_known_by_its_command_line(argv, arguments):
    assert pytest_arguments(argv) == arguments


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/data/x.json", True),
        ("src/pkg/test_a.py", True),
        ("a_test.py", True),
        ("conftest.py", True),
        ("pytest.ini", True),
        ("src/contest.py", False),
        ("src/testing.py", False),
        ("docs/tests.md", False),
    ],
)
def test_which_files_are_tests(path, expected):
    assert is_test_file(path) is expected
