"""The repository as System 3 sees it: opened, surveyed, merged and moved, on real git."""

from datetime import UTC, datetime

import pytest

from tests.unit.worker.packets import reference
from vsm_core.payloads.jobs import MergeCommits, MergeMode, MoveRef, SurveyRepository
from vsm_system.repository.identity import RepositoryError, open_repository
from vsm_system.repository.merge import merge
from vsm_system.repository.refs import move_ref
from vsm_system.repository.survey import survey
from vsm_worker.errors import GitError

MOMENT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BRANCH = "refs/heads/vsm/tidy-up"


# -------------------------------------------------------------------------------------------------------- opening


async def test_a_repository_is_found_from_any_folder_inside_it(git_repository, git):
    root = git_repository({"src/a.py": "x = 1\n"}, name="a repository")
    found = await open_repository(root / "src")
    assert (found.root, found.common, found.branch) == (root, root / ".git", "main")
    assert found.head == git(root, "rev-parse", "HEAD")
    assert found.ref.base_commit == found.head


async def test_the_identity_is_that_of_every_clone_and_stays(git_repository, git, tmp_path):
    root = git_repository({"a.py": "x = 1\n"})
    first = await open_repository(root)
    git_repository({"b.py": "y = 2\n"})
    git(root, "clone", "--quiet", str(root), str(tmp_path / "clone"))
    git(root, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"))
    for place in (root, tmp_path / "clone", tmp_path / "tree"):
        assert (await open_repository(place)).identity == first.identity
    other = git_repository({"c.py": "x = 1\n"}, name="other")
    assert (await open_repository(other)).identity != first.identity
    assert (await open_repository(tmp_path / "tree")).branch is None


async def test_what_a_user_can_mend_is_one_clear_line(git_repository, git, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    empty = git_repository(name="empty")
    blocked = git_repository({"a.py": ""}, name="blocked")
    git(blocked, "branch", "vsm")
    cases = {
        tmp_path / "missing": "is not a folder",
        plain: "is not in a git repository",
        empty: "has no commit yet",
        blocked: "rename it (git branch -m vsm",
    }
    for place, words in cases.items():
        with pytest.raises(RepositoryError) as raised:
            await open_repository(place)
        assert words in str(raised.value)
        assert "\n" not in str(raised.value)


async def test_an_old_or_missing_git_is_one_clear_line(git_repository, tmp_path, monkeypatch):
    root = git_repository({"a.py": ""})
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho git version 2.30.2\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(fake.parent))
    with pytest.raises(RepositoryError, match="too old"):
        await open_repository(root)
    fake.unlink()
    with pytest.raises(RepositoryError, match="not installed"):
        await open_repository(root)


# ------------------------------------------------------------------------------------------------------- surveying


async def surveyed(root, git):
    commit = git(root, "rev-parse", "HEAD")
    return await survey(SurveyRepository(repository=reference(root, commit)))


async def test_a_survey_counts_what_is_committed_and_only_that(git_repository, git):
    files = {
        "src/a.py": "",
        "src/b.py": "",
        "tests/test_a.py": "",
        "run.py": "",
        "web/x.ts": "",
        "naïve/ü.md": "",
    }
    root = git_repository(files)
    (root / "new.py").write_text("")
    (root / "run.py").write_text("changed")
    inventory = (await surveyed(root, git)).inventory
    assert (inventory.total_files, inventory.python_files, inventory.uncommitted_files) == (6, 4, 2)
    assert inventory.languages == ("python", "typescript")
    trees = {each.tree: each.python_files for each in inventory.trees}
    assert trees == {".": 1, "src": 2, "tests": 1}
    assert inventory.test_files == ("tests/test_a.py",)
    assert "naïve/ü.md" in inventory.files


async def test_a_survey_reads_settings_from_the_commit(git_repository, git):
    pyproject = """
        [project]
        requires-python = ">=3.9"
        dependencies = ["requests>=2", "PyYAML ; python_version > '3'"]
        optional-dependencies.test = ["pytest_mock"]
        [tool.ruff.format]
        [tool.pytest.ini_options]
    """
    root = git_repository(
        {"pyproject.toml": pyproject, "requirements.txt": "# x\n-r other\nattrs==1\n", "a.py": ""}
    )
    (root / "pyproject.toml").write_text("")
    report = await surveyed(root, git)
    assert report.inventory.configured == ("ruff", "ruff.format", "pytest")
    assert report.inventory.dependencies == ("attrs", "pytest-mock", "pyyaml", "requests")
    assert report.inventory.requires_python == ">=3.9"
    assert [each.verifier for each in report.acceptance] == [("pytest",)]


@pytest.mark.parametrize(
    ("files", "configured"),
    [
        (
            {"setup.cfg": "[mypy]\n[tool:pytest]\n[options]\ninstall_requires =\n  attrs\n"},
            ("pytest", "mypy"),
        ),
        ({"tox.ini": "[pytest]\n"}, ("pytest",)),
        ({"sub/ruff.toml": "[format]\n"}, ("ruff", "ruff.format")),
        ({"pyproject.toml": "[tool.black]\n"}, ("black",)),
        ({"pyproject.toml": "not toml ["}, ()),
    ],
)
async def test_configured_tools_are_found_in_each_kind_of_settings(git_repository, git, files, configured):
    assert (await surveyed(git_repository(files), git)).inventory.configured == configured


async def test_without_tests_no_acceptance_is_suggested(git_repository, git):
    assert (await surveyed(git_repository({"a.py": ""}), git)).acceptance == ()


async def test_a_survey_of_a_large_repository_with_a_submodule_is_bounded(git_repository, git):
    inner = git_repository({"lib.py": ""}, name="inner")
    root = git_repository({f"pkg/m{number}.py": "" for number in range(2_500)})
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "vendor")
    git(root, "commit", "--quiet", "--message", "submodule")
    inventory = (await surveyed(root, git)).inventory
    assert (inventory.python_files, len(inventory.files)) == (2_500, 2_000)


# --------------------------------------------------------------------------------------------------------- merging


@pytest.fixture
def forked(git_repository, git):
    """A repository with two commits, `left` and `right`, on one base."""

    def fork(base, left, right):
        root = git_repository(base)
        commits = {"base": git(root, "rev-parse", "HEAD")}
        for name, files in (("left", left), ("right", right)):
            git(root, "checkout", "--quiet", "-b", name, commits["base"])
            git_repository(files, message=name)
            commits[name] = git(root, "rev-parse", "HEAD")
        git(root, "checkout", "--quiet", "--detach", commits["base"])
        return root, commits

    return fork


def asked(root, onto, commit, **fields):
    content = {"repository": reference(root, onto), "onto": onto, "commit": commit, "subject": "Merge it"}
    return MergeCommits.model_validate({**content, "moment": MOMENT, **fields})


async def test_a_merge_holds_both_sides_and_is_the_same_each_time(forked, git):
    root, at = forked({"a.py": "x = 1\n"}, {"b.py": "y\n"}, {"c d.py": "z\n"})
    request = asked(root, at["left"], at["right"], trailers=(("VSM-Task", "one"),))
    report = await merge(request)
    assert not report.fast_forward
    assert git(root, "ls-tree", "--name-only", report.tip).split("\n") == ["a.py", "b.py", "c d.py"]
    assert git(root, "log", "-1", "--format=%P|%an|%cn|%at|%B", report.tip) == (
        f"{at['left']} {at['right']}|VSM|VSM|{int(MOMENT.timestamp())}|Merge it\n\nVSM-Task: one"
    )
    git(root, "config", "user.name", "Somebody Else")
    assert await merge(request) == report
    assert git(root, "status", "--porcelain") == ""


async def test_conflicts_are_the_paths_in_conflict(forked):
    root, at = forked({"a b.py": "x\n", "k": "k\n"}, {"a b.py": "l\n", "k": "1\n"}, {"a b.py": "r\n"})
    report = await merge(asked(root, at["left"], at["right"]))
    assert (report.tip, report.conflicts) == (None, ("a b.py",))


async def test_a_descendant_is_reached_by_fast_forward_and_an_ancestor_is_there_already(forked):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    forward = await merge(asked(root, at["base"], at["left"]))
    assert (forward.tip, forward.fast_forward) == (at["left"], True)
    assert (await merge(asked(root, at["left"], at["base"]))).tip == at["left"]


async def test_an_unverified_merge_is_always_a_commit_that_says_so(forked, git):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    report = await merge(asked(root, at["base"], at["left"], mode=MergeMode.UNVERIFIED))
    assert not report.fast_forward
    assert git(root, "log", "-1", "--format=%P", report.tip) == f"{at['base']} {at['left']}"
    assert git(root, "log", "-1", "--format=%(trailers:key=VSM-Verified,valueonly)", report.tip) == "no"
    assert git(root, "diff", report.tip, at["left"]) == ""


async def test_a_missing_commit_is_an_error(forked):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    with pytest.raises(GitError):
        await merge(asked(root, at["left"], "e" * 40))


# ------------------------------------------------------------------------------------------------------------ refs


def move(root, commit, expected=None):
    return move_ref(MoveRef(repository=reference(root, commit), ref=BRANCH, commit=commit, expected=expected))


async def test_a_ref_moves_only_from_where_it_is_thought_to_be(forked, git):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    assert (await move(root, at["base"])).moved
    assert (await move(root, at["base"])).moved  # again: it is there already
    wrong = await move(root, at["left"], expected=at["right"])
    assert (wrong.moved, wrong.found) == (False, at["base"])
    exists = await move(root, at["left"])
    assert (exists.moved, exists.found) == (False, at["base"])
    assert (await move(root, at["left"], expected=at["base"])).moved
    assert git(root, "rev-parse", BRANCH) == at["left"]


async def test_a_ref_that_should_exist_and_does_not_has_not_moved(forked):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    report = await move(root, at["left"], expected=at["base"])
    assert (report.moved, report.found) == (False, None)


async def test_a_ref_that_can_not_be_written_is_an_error(forked, git):
    root, at = forked({"a.py": "x\n"}, {"b.py": "y\n"}, {"c.py": "z\n"})
    git(root, "branch", "vsm")
    with pytest.raises(GitError):
        await move(root, at["left"])
