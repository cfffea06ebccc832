"""What is done and what is not: the repository's settings go first, nothing is added, and nothing asked is dropped."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.system.repositories import CLEAN, LINT, LINTED, NO_TESTS, UNUSED, Ended, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

BOTH = "Fix the lint errors and modernise the syntax; the tests must still pass"
UGLY = "import os\nimport sys\nprint( sys.argv,'x' )\n"
TIDY = 'import sys\n\nprint(sys.argv, "x")\n'
OLD = "import os\n\n\ndef two():\n    return set([1, 2])\n\n\nTEXT: str = str('')\n"
FOR_THE_CREW = {
    "one.py": OLD,
    "test_one.py": "import one\n\n\ndef test_two():\n    assert one.two() == {1, 2}\n",
}


def result(yard: Yard, ended: Ended, name: str) -> str:
    return yard.at(ended.document["commit"], name).decode()


# ------------------------------------------------------------------------------------------------ settings


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ruff.toml", '[lint]\nselect = ["F541"]\n'),
        ("pyproject.toml", '[tool.ruff.lint]\nselect = ["F541"]\n'),
    ],
)
def test_rules_of_the_repository_replace_our_own(yard_with: YardWith, name: str, text: str) -> None:
    # given a repository that wants one rule only, and breaks another
    yard = yard_with({"one.py": "import os\n\nTEXT = f'plain'\n", name: text})
    # when
    ended = yard.run(LINT, *NO_TESTS)
    # then only what it wants is mended
    assert (ended.exit_code, result(yard, ended, "one.py")) == (0, "import os\n\nTEXT = 'plain'\n")


def test_formatting_is_not_done_where_nobody_asked(yard_with: YardWith) -> None:
    ended = (yard := yard_with({"one.py": UGLY})).run(LINT, *NO_TESTS)
    assert result(yard, ended, "one.py") == UGLY.removeprefix("import os\n")


@pytest.mark.parametrize(
    ("files", "text", "expected"),
    [
        ({}, "Fix the lint errors and format the code", TIDY),
        ({"pyproject.toml": "[tool.ruff.format]\n"}, LINT, TIDY),
        ({"ruff.toml": '[format]\nquote-style = "single"\n'}, LINT, TIDY.replace('"', "'")),
    ],
    ids=["asked", "configured", "configured its own way"],
)
def test_formatting_is_done_where_asked_or_configured(
    yard_with: YardWith, files: dict[str, str], text: str, expected: str
) -> None:
    yard = yard_with({"one.py": UGLY, **files})
    ended = yard.run(text, *NO_TESTS)
    assert (ended.exit_code, result(yard, ended, "one.py")) == (0, expected)


def test_rules_from_the_command_line_replace_all_others(yard_with: YardWith) -> None:
    # given unordered imports, one of them unused
    yard = yard_with({"one.py": "import sys\nimport os\n\nprint(sys)\n"})
    # when only their order is asked for
    ended = yard.run(LINT, "--rules", "I", *NO_TESTS)
    # then the unused one stays
    assert (ended.exit_code, result(yard, ended, "one.py")) == (0, "import os\nimport sys\n\nprint(sys)\n")
    # and with two rules, it goes: that is another directive
    both = yard.run(LINT, "--rules", "I,F401", *NO_TESTS)
    assert (both.exit_code, result(yard, both, "one.py")) == (0, "import sys\n\nprint(sys)\n")
    assert both.document["directive_id"] != ended.document["directive_id"]


def test_a_file_that_does_not_parse_hides_no_other(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED, "broken.py": "import os\ndef (:\n"})
    ended = yard.run(LINT, *NO_TESTS)
    assert (ended.exit_code, yard.changed(ended.document)) == (0, {"one.py": (0, 1)})


def test_only_the_folder_that_a_directive_names_is_changed(yard_with: YardWith) -> None:
    yard = yard_with({"inner/one.py": UNUSED, "outer/one.py": UNUSED})
    ended = yard.run("Fix the lint errors in inner/", *NO_TESTS)
    assert (ended.exit_code, yard.changed(ended.document)) == (0, {"inner/one.py": (0, 1)})


# ------------------------------------------------------------------------------------------------ nothing to do


def test_nothing_to_fix_is_no_change(yard_with: YardWith) -> None:
    # given a repository in good order
    yard = yard_with({**LINTED, "one.py": CLEAN})
    # when
    ended = yard.run(BOTH, "--apply")
    # then there is nothing: no branch, no commit, no complaint
    assert (ended.exit_code, ended.document["outcome"]) == (0, "no_change")
    assert (ended.document["branch"], ended.document["commit"]) == (None, None)
    assert yard.branches() == ["main"]
    assert yard.vsm("apply", ended.document["directive_id"]).exit_code == 2


# ------------------------------------------------------------------------------------------------ beyond the crew


def assert_names_the_steps(ended: Ended) -> None:
    reason = ended.document["reason"]
    assert "coding model" in reason
    assert all(step in reason for step in ("vsm genome show", "provider:", "--organization"))


@pytest.mark.parametrize("organization", ["maintenance", "nested", "single-coder"])
def test_work_for_a_coding_model_needs_a_human_where_there_is_none(
    yard_with: YardWith, organization: str
) -> None:
    yard = yard_with(LINTED)
    ended = yard.run("Add a login page", "--organization", organization)
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert_names_the_steps(ended)
    assert yard.git("diff", "main", ended.document["branch"] or "main") == ""


@pytest.mark.parametrize("organization", ["maintenance", "nested"])
def test_of_a_mixed_directive_the_maintenance_is_done(yard_with: YardWith, organization: str) -> None:
    # given work for the crew and work for a model in one directive
    yard = yard_with(LINTED)
    base = yard.head
    # when
    ended = yard.run("Fix the lint errors and add a login page", "--organization", organization, "--apply")
    # then the crew's part is there and verified for itself, and the whole is for a human
    assert (ended.exit_code, ended.document["outcome"]) == (3, "needs_human")
    assert_names_the_steps(ended)
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    assert all(each["summary"].startswith("1 passed, 0 failed") for each in ended.document["evidence"])
    # and it is not applied by itself, but may be: somebody vouches for what is there
    assert yard.head == base
    assert yard.vsm("apply", ended.document["directive_id"]).exit_code == 0
    assert yard.head == ended.document["commit"]


# ------------------------------------------------------------------------------------------------ organizations


@pytest.mark.parametrize("organization", ["maintenance", "nested"])
def test_a_starter_organization_does_the_work_at_every_level(yard_with: YardWith, organization: str) -> None:
    # given work for two leaves and tests
    yard = yard_with(FOR_THE_CREW)
    # when
    ended = yard.run(BOTH, "--organization", organization)
    # then it is done by two leaves, and verified by others, above and below
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert result(yard, ended, "one.py") == OLD.removeprefix("import os\n").replace("str('')", "''")
    authors = {each["VSM-Node"] for each in yard.commits(ended.document)}
    testers = {task["node"] for task in ended.document["tasks"] if task["role"] == "test"}
    assert authors == {"linter", "moderniser"}
    assert len(testers) >= 2
    assert not testers & authors


def test_the_smallest_organization_works_once_its_coder_has_a_tool(yard_with: YardWith) -> None:
    # given the starter `single-coder`, whose coder was given a command
    yard = yard_with(LINTED)
    shown = yaml.safe_load(yard.vsm("genome", "show", "single-coder").stdout)
    coder = next(child for child in shown["children"] if child["id"] == "coder")
    coder["model"] = {"provider": "command"}
    coder["tools"] = [{"name": "fix", "argv": ["ruff", "check", "--fix", "--quiet", "--exit-zero", "."]}]
    own = Path(yard.home / "own.yaml")
    own.write_text(yaml.safe_dump(shown))
    # when
    ended = yard.run(LINT, "--organization", str(own))
    # then it does the work, and the tester verifies it
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert [(task["role"], task["node"]) for task in ended.document["tasks"]] == [
        ("implement", "coder"),
        ("test", "tester"),
    ]
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
