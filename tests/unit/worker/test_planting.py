"""What a leaf plants in the repository's own git directory never runs, for us or for whoever comes after it."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.system.stage import until
from tests.unit.worker.packets import leaf, leftovers, packet, request, run_script, script, surroundings
from tests.unit.worker.planting import EDIT, planting, ran, sh, state, touched
from vsm_core.payloads.jobs import MergeCommits, MergeMode, MoveRef, ProviderExit, SurveyRepository
from vsm_core.task import Outcome
from vsm_system.repository.identity import open_repository
from vsm_system.repository.merge import merge
from vsm_system.repository.refs import move_ref
from vsm_system.repository.survey import survey
from vsm_system.runs.git import changed_files, changes_between
from vsm_worker.execution import execute
from vsm_worker.git import git as shown_by_git
from vsm_worker.report import ending_of
from vsm_worker.watch.watching import _watches

NAMES = tuple(planting(Path("/")))


# ------------------------------------------------------------------------------------------------------- planted


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_leaf_plants_is_told_put_back_and_never_runs(tmp_path, root, refer, spy, name):
    line, place = planting(spy)[name]
    before, base = state(root), refer(root)
    report = await run_script(tmp_path, base, sh(line), EDIT)
    assert touched(report) == [place]
    assert ending_of(packet(leaf()), report)[0] is Outcome.REJECTED
    assert "the repository's own git directory" in report.violations[0].detail
    after = state(root)
    if place == ".git/config":
        assert name.lower() in report.violations[0].detail
        after[str(root / ".git" / "config")] = before[
            str(root / ".git" / "config")
        ]  # git may leave an empty section
        assert is_unset(root, name)
    assert after == before
    assert ran(tmp_path) == ""
    again = await run_script(tmp_path, base, EDIT, execution="two")
    assert (touched(again), again.commit is not None, ran(tmp_path)) == ([], True, "")
    assert (leftovers(tmp_path), _watches) == ([], {})


def is_unset(root: Path, name: str) -> bool:
    return name.rpartition(".")[2].lower() not in (root / ".git" / "config").read_text().lower()


SETTINGS_AT_WORK = tuple(
    name
    for name in NAMES
    if planting(Path("/"))[name][1] == ".git/config"
    and not name.startswith(("filter.", "merge.", "include.", "core.worktree"))  # the user's own by then
)


@pytest.mark.parametrize("name", [*SETTINGS_AT_WORK, "hooks", "a submodule"])
async def test_no_git_call_of_ours_runs_what_was_planted_before(root, refer, git, spy, name):
    tmp_path = spy.parent
    git(root, "branch", "other")
    git(root, "commit", "--quiet", "--allow-empty", "--message", "more")
    base = refer(root)
    if name == "hooks":
        for hook in (root / ".git" / "hooks").glob("*.sample"):
            hook.with_suffix("").write_bytes(spy.read_bytes())
            hook.with_suffix("").chmod(0o755)
        for hook in ("post-checkout", "post-index-change", "reference-transaction"):
            (root / ".git" / "hooks" / hook).write_bytes(spy.read_bytes())
            (root / ".git" / "hooks" / hook).chmod(0o755)
    elif name == "a submodule":
        plant_submodule(root, git, spy)
    else:
        git(root, "config", name, str(planting(spy)[name][0]).split("'")[1])
        git(root, "config", "commit.gpgSign", "true")
    (root / "a.py").write_text("x = 5\n")
    opened = await open_repository(root)
    await survey(SurveyRepository(repository=base))
    await changed_files(root)
    report = await run_script(tmp_path, base, EDIT)
    assert (report.exit, report.violations) == (ProviderExit.OK, ())
    await changes_between(opened.root, opened.head, report.commit)
    merged = await merge(
        MergeCommits(
            repository=base,
            onto=opened.head,
            commit=report.commit,
            subject="Merge",
            moment="2026-01-02T03:04:05Z",
            mode=MergeMode.UNVERIFIED,
        )
    )
    moved = await move_ref(
        MoveRef(repository=base, ref="refs/heads/vsm/tidy", commit=merged.tip, expected=None)
    )
    assert moved.moved
    assert ran(tmp_path) == ""


@pytest.mark.parametrize("command", ["diff", "diff-tree", "log", "show"])
@pytest.mark.parametrize("program", ["diff.external", "diff.spy.command", "diff.spy.textconv"])
async def test_no_command_that_shows_a_diff_runs_a_program_for_it(root, git, spy, command, program):
    git(root, "config", program, str(spy))
    (root / "a.py").write_text("x = 5\n")
    git(root, "commit", "--quiet", "--all", "--message", "more")
    commits = ["HEAD"] if command == "show" else ["HEAD~1..HEAD"] if command == "log" else ["HEAD~1", "HEAD"]
    assert "+x = 5" in await shown_by_git(root, command, "-p", *commits)
    assert ran(spy.parent) == ""


def plant_submodule(root: Path, git, spy: Path) -> None:
    """Give the checkout a submodule whose own settings name a filter for its changed files."""
    inner = root / "vendor"
    git(root, "init", "--quiet", str(inner))
    (inner / "lib.py").write_text("x\n")
    git(inner, "add", "--all")
    git(inner, "commit", "--quiet", "--message", "inner")
    git(root, "add", "vendor")
    git(root, "commit", "--quiet", "--message", "vendor")
    git(inner, "config", "filter.spy.clean", str(spy))
    (inner / ".git" / "info" / "attributes").write_text("* filter=spy\n")
    (inner / "lib.py").write_text("y\n")


async def test_what_a_leaf_has_planted_does_not_run_for_an_execution_that_begins_after_it(
    tmp_path, root, refer, spy
):
    begun, go = tmp_path / "begun", tmp_path / "go"
    line = f"git config filter.spy.smudge {spy}; touch {begun}; while [ ! -e {go} ]; do sleep 0.02; done"
    guilty = leaf("scripted", model=script(tmp_path, sh(line), name="guilty.yaml"))
    base = refer(root)
    first = asyncio.create_task(execute(request(packet(guilty, base), "guilty"), surroundings(tmp_path)))
    await until(begun.exists)
    report = await run_script(tmp_path, base, EDIT)
    go.touch()
    assert touched(await first) == [".git/config"]
    assert (report.violations, report.commit is not None) == ((), True)
    assert ran(tmp_path) == ""


async def test_no_merge_runs_a_driver_and_text_is_merged_as_text(tmp_path, root, refer, git, spy):
    (root / "text").write_text("".join(f"{number}\n" for number in range(20)))
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "text")
    base = refer(root)
    tips = []
    for side, line in (("left", 0), ("right", 19), ("wrong", 0)):
        git(root, "checkout", "--quiet", "-b", side, base.base_commit)
        lines = (root / "text").read_text().splitlines()
        lines[line] = side
        (root / "text").write_text("\n".join(lines) + "\n")
        git(root, "commit", "--quiet", "--all", "--message", side)
        tips.append(git(root, "rev-parse", "HEAD"))
    for name in ("spy", "a=b.c", "default"):
        git(root, "config", f"merge.{name}.driver", f"{spy} %O %A %B")
    git(root, "config", "merge.default", "spy")
    for attribute in ("merge=spy", "merge=a=b.c", "-diff"):
        (root / ".git" / "info" / "attributes").write_text(f"text {attribute}\n")
        asked = MergeCommits(
            repository=base, onto=tips[0], commit=tips[1], subject="Merge", moment="2026-01-02T03:04:05Z"
        )
        merged = await merge(asked)
        assert merged.conflicts == ()
        assert git(root, "show", f"{merged.tip}:text").startswith("left\n1\n")
        assert git(root, "show", f"{merged.tip}:text").endswith("\n18\nright")
        assert (await merge(asked.model_copy(update={"commit": tips[2]}))).conflicts == ("text",)
    assert ran(tmp_path) == ""
