"""Repositories as they are found: odd names, submodules, thousands of files, other line ends, hooks, no identity."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from tests.system.repositories import CLEAN, LINT, LINTED, NO_TESTS, UNUSED, Yard, assert_settled, lay_out

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]

MANY_FILES = 5_000
MANY_SECONDS = 45
NOT_UTF8 = os.fsdecode(b"caf\xe9.py")


# ---------------------------------------------------------------------------------------------------------- names


def test_names_with_spaces_and_letters_of_any_script(yard_with: YardWith) -> None:
    # given such names everywhere: the path of the repository, a folder, files, a module
    odd = {"été/two words.py": UNUSED, "été/模块.py": UNUSED, "-dash.py": UNUSED, "tab\tand\nline.py": UNUSED}
    yard = yard_with({**LINTED, **odd}, name="a répository, with 'quotes' and $HOME")
    # when
    ended = yard.run(LINT, "--apply")
    # then the tests held, and every file was mended, also in the checkout
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert set(yard.changed(ended.document)) == {"one.py", *odd}
    assert {(yard.root / name).read_text() for name in ("one.py", *odd)} == {CLEAN}
    assert set(ended.document["tasks"][0]["files_touched"]) == {"one.py", *odd}


def test_a_file_name_that_is_not_utf8(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED, NOT_UTF8: UNUSED})
    ended = yard.run(LINT, *NO_TESTS)
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert yard.at(ended.document["commit"], NOT_UTF8).decode() == CLEAN
    assert len(ended.document["tasks"][0]["files_touched"]) == 2
    shown = yard.vsm("diff", ended.document["directive_id"], "--stat")
    assert (shown.exit_code, shown.stdout.count("|")) == (0, 2)


# ----------------------------------------------------------------------------------------------- kinds of repository


def test_a_submodule_stays_as_it_is(yard_with: YardWith, tmp_path: Path) -> None:
    # given a repository that holds another, with the same mistake in both
    inner = lay_out(tmp_path / "inner", {"inner.py": UNUSED})
    yard = yard_with(LINTED)
    yard.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.root), "inner")
    yard.commit({}, "Add a submodule")
    # when
    ended = yard.run(LINT)
    # then only the outer file changes
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    assert yard.git("rev-parse", f"{ended.document['commit']}:inner") == inner.head
    assert (yard.root / "inner" / "inner.py").read_text() == UNUSED
    assert yard.git("status", "--porcelain") == ""


def test_five_thousand_files_take_bounded_time(
    yard_with: YardWith, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a large repository with a mistake in every hundredth file
    files = {f"part_{n % 50}/module_{n}.py": UNUSED if n % 100 == 0 else CLEAN for n in range(MANY_FILES)}
    yard = yard_with(files)
    # when
    started = monotonic()
    ended = yard.run(LINT, *NO_TESTS)
    seconds = monotonic() - started
    # then
    with capsys.disabled():
        sys.stdout.write(f"\n{MANY_FILES} files in {seconds:.1f} s\n")
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert len(yard.changed(ended.document)) == MANY_FILES / 100
    assert seconds < MANY_SECONDS


def test_a_detached_head_is_worked_on_and_left_alone(yard_with: YardWith) -> None:
    # given a checkout of the first of two commits, on no branch
    yard = yard_with({"one.py": UNUSED})
    first = yard.head
    yard.commit({"two.py": UNUSED}, "Add two")
    yard.git("checkout", "--quiet", "--detach", first)
    # when it is asked for, and to apply it at once
    ended = yard.run(LINT, *NO_TESTS, "--apply")
    # then the result is there, but there is no branch to move, which is what was asked for
    assert (ended.exit_code, ended.document["outcome"]) == (1, "completed")
    assert ended.document["base"] == first
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    assert "detached HEAD" in ended.stderr
    refused = yard.vsm("apply", ended.document["directive_id"])
    assert (refused.exit_code, len(refused.lines)) == (2, 1)
    assert "detached HEAD" in refused.stderr
    assert (yard.head, yard.git("rev-parse", "--abbrev-ref", "HEAD")) == (first, "HEAD")


def test_a_linked_work_tree_and_a_folder_below_its_top(yard_with: YardWith) -> None:
    # given a second checkout of the repository, on a branch of its own
    yard = yard_with({"one.py": UNUSED, "inner/two.py": UNUSED})
    linked = yard.home / "linked"
    yard.git("worktree", "add", "--quiet", "-b", "topic", str(linked))
    # when it is run from a folder inside that
    ended = yard.run(LINT, *NO_TESTS, "--apply", "--workspace", str(linked / "inner"))
    # then that branch moves, the other does not, and the state is shared
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert yard.git("rev-parse", "topic") == ended.document["commit"] != yard.head
    assert (linked / "one.py").read_text() == (linked / "inner" / "two.py").read_text() == CLEAN
    assert ended.document["ledger"] == str(yard.root / ".git" / "vsm" / "ledger.db")
    yard.git("worktree", "remove", str(linked))


# ------------------------------------------------------------------------------------------------------ line ends

LINE_ENDS: dict[str, tuple[dict[str, str], tuple[str, str] | None]] = {
    "as they are": ({}, None),
    "attributes": ({".gitattributes": "*.py text eol=crlf\n"}, None),
    "autocrlf": ({}, ("core.autocrlf", "true")),
}


@pytest.mark.parametrize(("more", "setting"), LINE_ENDS.values(), ids=LINE_ENDS.keys())
def test_line_ends_of_windows_stay(
    yard_with: YardWith, more: dict[str, str], setting: tuple[str, str] | None
) -> None:
    # given files with CRLF, in git as the repository's settings have it
    text = UNUSED.replace("\n", "\r\n")
    yard = yard_with({"readme.txt": "Hello\r\n"})
    if setting:
        yard.git("config", *setting)
    yard.commit({**more, "one.py": text}, "Add one")
    # when
    ended = yard.run("Fix the lint errors and modernise the syntax", *NO_TESTS, "--apply")
    # then one line is gone, in git and in the checkout, and the others end as they did
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert yard.changed(ended.document) == {"one.py": (0, 1)}
    stored = CLEAN if more or setting else CLEAN.replace("\n", "\r\n")
    assert yard.at(ended.document["commit"], "one.py").decode() == stored
    assert (yard.root / "one.py").read_bytes().decode() == CLEAN.replace("\n", "\r\n")
    assert yard.git("status", "--porcelain") == ""


# ------------------------------------------------------------------------------------------------ the user's own


def test_a_dirty_checkout_is_not_touched_and_counted_in_one_line(yard_with: YardWith) -> None:
    # given a changed, a staged, a deleted and an untracked file
    yard = yard_with({**LINTED, "two.py": UNUSED, "gone.py": UNUSED, ".gitignore": "*.log\n"})
    yard.write(
        {"one.py": UNUSED + "\n# mine\n", "two.py": "import sys\n", "new.py": UNUSED, "a.log": "noise\n"}
    )
    yard.git("add", "two.py")
    (yard.root / "gone.py").unlink()
    before = state_of_checkout(yard)
    # when
    ended = yard.run(LINT, *NO_TESTS)
    # then what was committed is mended, what was not is as it was, and one line says how much of it there is
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert set(yard.changed(ended.document)) == {"one.py", "two.py", "gone.py"}
    assert state_of_checkout(yard) == before
    assert len(ended.lines) == 1
    assert "4 changed files are not committed" in ended.stderr


def state_of_checkout(yard: Yard) -> tuple[object, ...]:
    names = (path for path in yard.root.rglob("*") if path.is_file() and ".git" not in path.parts)
    files = {str(path): (path.read_bytes(), path.stat().st_mode, path.stat().st_mtime_ns) for path in names}
    return files, yard.git("ls-files", "--stage"), yard.git("status", "--porcelain"), yard.head


HOOKS = (
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "pre-merge-commit"),
    *(
        "post-merge",
        "pre-rebase",
        "post-index-change",
        "reference-transaction",
        "post-rewrite",
        "pre-auto-gc",
    ),
    "fsmonitor",
)


@pytest.mark.parametrize("place", ["in the git directory", "configured"])
def test_hooks_of_the_repository_are_never_run(yard_with: YardWith, place: str) -> None:
    # given a repository with every hook there is, each of which leaves a mark
    yard = yard_with(LINTED)
    folder, mark = yard.root / ".git" / "hooks", yard.home / "a-hook-ran"
    if place == "configured":
        folder = yard.home / "hooks"
        yard.git("config", "core.hooksPath", str(folder))
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / name).write_text(f"#!/bin/sh\necho {name} >>'{mark}'\nexit 1\n")
        (folder / name).chmod(stat.S_IRWXU)
    yard.git("config", "core.fsmonitor", str(folder / "fsmonitor"))
    # when a directive is run and applied
    ended = yard.run(LINT, *NO_TESTS, "--apply")
    # then it is done, and none was run
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed")
    assert not mark.exists(), mark.read_text()
    assert yard.head == ended.document["commit"]
    yard.git("config", "--unset", "core.fsmonitor")


def test_no_identity_and_no_key_are_needed(yard_with: YardWith) -> None:
    # given a repository that signs with a key nobody has, and a git that refuses to guess who commits
    yard = yard_with(LINTED)
    for name, value in (
        ("commit.gpgSign", "true"),
        ("tag.gpgSign", "true"),
        ("user.signingKey", "DEADBEEFDEADBEEF"),
        ("gpg.program", "false"),
        ("user.useConfigOnly", "true"),
        ("merge.ff", "false"),
        ("gc.auto", "1"),
    ):
        yard.git("config", name, value)
    # when
    ended = yard.run(LINT, *NO_TESTS, "--apply")
    # then the harness commits under its own name
    assert (ended.exit_code, yard.head) == (0, ended.document["commit"])
    assert yard.git("log", "--max-count=1", "--format=%an %cn %G?").endswith(" N")
    assert "Ada" not in yard.git("log", "--max-count=1", "--format=%an %cn")


def test_every_commit_says_where_it_comes_from(yard_with: YardWith) -> None:
    # given a repository with one commit only, and work for two leaves
    yard = yard_with({"one.py": UNUSED + "\n\ndef two():\n    return set([1, 2])\n\n\nTEXT: str = str('')\n"})
    # when
    ended = yard.run("Fix the lint errors and modernise the syntax", *NO_TESTS)
    # then each of the two has left one commit, with its trailers
    commits = yard.commits(ended.document)
    tasks = {task["id"]: task["node"] for task in ended.document["tasks"]}
    assert [each["VSM-Node"] for each in commits] == ["moderniser", "linter"]
    assert [tasks[each["VSM-Task"]] for each in commits] == ["moderniser", "linter"]
    assert {each["VSM-Directive"] for each in commits} == {ended.document["directive_id"]}
    assert all(len(each["VSM-Genome"]) == 64 for each in commits)


def test_a_repository_without_a_commit_is_a_usage_error(tmp_path: Path) -> None:
    yard = lay_out(tmp_path / "yard", {})
    ended = yard.vsm("run-directive", LINT)
    assert (ended.exit_code, len(ended.lines)) == (2, 1)
    assert "no commit yet" in ended.stderr
    assert_settled(yard)
