"""How a tool's argv becomes a command line, and what a repository's settings say."""

import pytest

from tests.unit.worker.packets import RUFF, leaf, packet
from vsm_core.node import ToolSpec
from vsm_core.task import ExecutionOptions
from vsm_worker.configuration import is_configured, requires_python, requires_python_at
from vsm_worker.interpreter import oldest_python, tool_target
from vsm_worker.process import Scratch
from vsm_worker.providers.arguments import Words, command_line, expand, with_defaults
from vsm_worker.providers.protocol import WorkingFolder


@pytest.fixture
def folder(tmp_path) -> WorkingFolder:
    scratch = Scratch.below(tmp_path / "scratch")
    scratch.make()
    (tmp_path / "root").mkdir()
    return WorkingFolder(tmp_path / "root", scratch)


def lay(folder, **files):
    for name, text in files.items():
        path = folder.root / name.replace("__", "/").replace("_toml", ".toml").replace("_cfg", ".cfg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_defaults_are_for_repositories_that_say_nothing():
    assert with_defaults(RUFF, (), configured=False)[5:] == RUFF.defaults
    assert with_defaults(RUFF, (), configured=True) == RUFF.argv


def test_chosen_rules_replace_the_selection_and_nothing_else():
    chosen = with_defaults(RUFF, ("E", "W"), configured=False)
    assert chosen[5:] == ("--target-version", "{python_version}", "--select", "E,W")
    assert with_defaults(RUFF, ("E",), configured=True) == (*RUFF.argv, "--select", "E")


def test_rules_do_not_concern_a_tool_that_selects_none():
    formatter = ToolSpec(name="format", argv=("ruff", "format"), defaults=("--line-length", "100"))
    assert with_defaults(formatter, ("E",), configured=False) == ("ruff", "format", "--line-length", "100")


def test_placeholders_are_filled_once_and_their_words_never_again():
    words = Words(("src", "-odd"), (("{prompt}", "say {goal}"), ("{goal}", "no"), ("{rules}", "E,F")))
    argv = ("tool", "{scope}", "{prompt}", "--rules={rules}", "{unknown}")
    assert expand(argv, words) == ("tool", "src", "./-odd", "say {goal}", "--rules=E,F", "{unknown}")


async def test_the_python_version_is_the_oldest_that_the_repository_supports(folder):
    lay(folder, pyproject_toml='[project]\nname = "x"\nrequires-python = ">=3.9,<4"\n')
    line = await command_line(RUFF, packet(leaf()), folder)
    assert line[-2:] == ("--target-version", "py39")


async def test_a_repository_that_says_no_version_gets_that_of_its_interpreter(folder, tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 3.8\n")
    python.chmod(0o755)
    task = packet(leaf(), options=ExecutionOptions(python=str(python)))
    assert (await command_line(RUFF, task, folder))[-1] == "py38"


@pytest.mark.parametrize(
    ("files", "scope", "configured"),
    [
        ({}, ".", False),
        ({"ruff_toml": ""}, ".", True),
        ({"pyproject_toml": "[tool.black]\n"}, ".", False),
        ({"pyproject_toml": "[tool.ruff.lint]\n"}, ".", True),
        ({"pyproject_toml": "[tool.ruff\n"}, ".", False),
        ({"services__api__ruff_toml": ""}, ".", True),
        ({"services__api__ruff_toml": ""}, "services/api/app.py", True),
        ({"services__api__ruff_toml": ""}, "other", False),
        ({"ruff_toml": ""}, "services/api", True),
        ({"node_modules__x__ruff_toml": ""}, ".", False),
    ],
)
def test_a_tool_is_configured_above_beside_or_below_the_scope(folder, files, scope, configured):
    lay(folder, **files)
    assert is_configured(folder.root, (scope,), RUFF.configured_by) is configured


def test_requires_python_is_read_from_each_kind_of_settings(folder):
    assert requires_python_at(folder.root) is None
    lay(folder, setup_cfg="[options]\npython_requires = >=3.8\n")
    assert requires_python_at(folder.root) == ">=3.8"
    assert requires_python({"setup.py": "setup(python_requires='~=3.7')"}) == "~=3.7"
    assert requires_python({"pyproject.toml": "[project]\nrequires-python = '>=3.11'"}) == ">=3.11"
    assert requires_python({"setup.cfg": "nonsense", "pyproject.toml": "["}) is None


@pytest.mark.parametrize(
    ("requires", "oldest"),
    [
        (">=3.9", (3, 9)),
        ("~=3.10", (3, 10)),
        (">=3.8,!=3.9.0,<4", (3, 8)),
        ("==3.11.*", (3, 11)),
        ("<4", None),
        (None, None),
    ],
)
def test_the_oldest_version_is_the_lower_bound(requires, oldest):
    assert oldest_python(requires) == oldest


def test_a_version_older_than_the_tools_know_is_their_oldest():
    assert [tool_target(each) for each in ((3, 12), (3, 5), (2, 7))] == ["py312", "py37", "py37"]
