"""A leaf that touches the repository's own git directory is told on, and what it changed is put back."""

import asyncio

import pytest

from tests.unit.system.stage import until
from tests.unit.worker.packets import (
    guard,
    leaf,
    leftovers,
    packet,
    request,
    run_script,
    script,
    surroundings,
    verification,
)
from tests.unit.worker.planting import EDIT, ran, sh, touched
from vsm_core.payloads.jobs import ProviderExit
from vsm_worker.execution import execute
from vsm_worker.watch.judging import OWN_REFS, Refs, is_judged, moved_refs, touched_refs
from vsm_worker.watch.watching import _watches, watched
from vsm_worker.workspace import Site, workspace

# ------------------------------------------------------------------------------------------------- what is put back


async def test_a_hook_of_the_users_is_put_back_and_what_came_is_kept(tmp_path, root, refer):
    hook = root / ".git" / "hooks" / "pre-commit"
    for execution, line in (("one", "echo evil > {0}"), ("two", "rm {0}"), ("three", "ln -sf /bin/true {0}")):
        hook.write_text("#!/bin/sh\ntrue\n")
        hook.chmod(0o755)
        report = await run_script(tmp_path, refer(root), sh(line.format(hook)), execution=execution)
        assert touched(report) == [".git/hooks/pre-commit"]
        assert (hook.read_text(), hook.is_symlink(), bool(hook.stat().st_mode & 0o100)) == (
            "#!/bin/sh\ntrue\n",
            False,
            True,
        )
    assert hook.with_name("pre-commit.vsm-set-aside").is_symlink()


async def test_a_hooks_folder_that_became_a_link_is_a_folder_again(tmp_path, root, refer):
    line = f"rm -rf $common/hooks; ln -s {tmp_path} $common/hooks"
    (root / ".git" / "hooks" / "pre-push").write_text("mine\n")
    report = await run_script(tmp_path, refer(root), sh(line))
    assert touched(report) == [".git/hooks", ".git/hooks/pre-push"]
    assert not (root / ".git" / "hooks").is_symlink()
    assert (root / ".git" / "hooks" / "pre-push").read_text() == "mine\n"


@pytest.mark.parametrize(
    "line", ["echo '[' > $common/config", "rm $common/config", "ln -sf /dev/null $common/config"]
)
async def test_settings_that_can_not_be_read_are_put_back_whole(tmp_path, root, refer, git, line):
    git(root, "config", "user.name", "Ada")
    before = (root / ".git" / "config").read_bytes()
    report = await run_script(tmp_path, refer(root), sh(line), EDIT)
    assert touched(report) == [".git/config"]
    assert (root / ".git" / "config").read_bytes() == before
    assert report.commit is not None


async def test_a_setting_of_the_users_comes_back_with_all_its_values(tmp_path, root, refer, git):
    for helper in ("store", "cache"):
        git(root, "config", "--add", "credential.helper", helper)
    line = "git config --replace-all credential.helper evil; git config user.name Eve"
    report = await run_script(tmp_path, refer(root), sh(line))
    assert touched(report) == [".git/config"]
    assert "credential.helper: store, cache -> evil, put back" in report.violations[0].detail
    assert git(root, "config", "--get-all", "credential.helper") == "store\ncache"
    assert report.special_changes == ("meanwhile, config of the repository: user.name nothing -> Eve",)
    assert git(root, "config", "user.name") == "Eve"  # it may have been the user


async def test_a_leaf_that_is_stopped_leaves_nothing_planted(tmp_path, root, refer, spy):
    steps = [sh(f"cp {spy} $common/hooks/post-checkout; git config core.fsmonitor {spy}"), {"sleep": 60}]
    running = asyncio.create_task(run_script(tmp_path, refer(root), *steps))
    hook = root / ".git" / "hooks" / "post-checkout"
    await until(lambda: "fsmonitor" in (root / ".git" / "config").read_text())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not hook.exists()
    assert "spy" not in (root / ".git" / "config").read_text()
    assert (ran(tmp_path), leftovers(tmp_path), _watches) == ("", [], {})


# ------------------------------------------------------------------------------------- others at work meanwhile


async def test_what_the_user_does_meanwhile_fails_no_task(tmp_path, root, refer, git, git_repository):
    base = refer(root)
    elsewhere = git_repository({"c.py": "c\n"}, name="elsewhere")
    signal = tmp_path / "go"
    wait = {"run": ["sh", "-c", f"touch {tmp_path}/begun; while [ ! -e {signal} ]; do sleep 0.02; done"]}
    running = asyncio.create_task(run_script(tmp_path, base, wait, EDIT))
    await until((tmp_path / "begun").exists)
    (root / "a.py").write_text("x = 9\n")
    git(root, "commit", "--quiet", "--all", "--message", "mine")
    git(root, "remote", "add", "origin", str(elsewhere))
    git(root, "fetch", "--quiet", "origin")
    git(root, "checkout", "--quiet", "-b", "topic", "--track", "origin/main")
    git(root, "tag", "v1")
    git(root, "update-ref", "refs/heads/vsm/another", "HEAD")
    signal.touch()
    report = await running
    assert (report.exit, report.violations) == (ProviderExit.OK, ())
    assert report.commit is not None
    noted = "\n".join(report.special_changes)
    mine = git(root, "rev-parse", "main")
    assert f"meanwhile, refs/heads/main: {base.base_commit} -> {mine}" in noted
    assert "meanwhile, HEAD of the repository: ref: refs/heads/main -> ref: refs/heads/topic" in noted
    assert "branch.topic.remote nothing -> origin" in noted
    assert "vsm/another" not in noted
    assert git(root, "branch", "--show-current") == "topic"


async def test_a_branch_that_a_leaf_moves_to_its_own_commit_is_told_with_both_values(
    tmp_path, root, refer, git
):
    base = refer(root)
    own = "git -c user.name=a -c user.email=a@b commit --quiet --all --message own; "
    first = "git update-ref refs/heads/main HEAD; "
    steps = [
        EDIT,
        sh(
            own
            + first
            + "echo >> a.py; "
            + own
            + "git branch second; git update-ref refs/replace/"
            + base.base_commit
            + " HEAD"
        ),
    ]
    report = await run_script(tmp_path, base, *steps)
    moved = git(root, "rev-parse", "main")
    assert touched(report) == [
        ".git/refs/heads/main",
        ".git/refs/heads/second",
        f".git/refs/replace/{base.base_commit}",
    ]
    assert f"moved from {base.base_commit} to {moved}" in report.violations[0].detail


async def test_of_executions_that_ran_at_once_each_is_told_and_nothing_is_lost(tmp_path, root, refer, spy):
    mine = root / ".git" / "hooks" / "pre-commit"
    mine.write_text("mine\n")
    base = refer(root)
    begun, go = tmp_path / "begun", tmp_path / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.02; done"
    quiet = leaf("scripted", model=script(tmp_path, {"run": ["sh", "-c", f"touch {begun}; {wait}"]}, EDIT))
    line = f"{wait}; cp {spy} $common/hooks/pre-commit; git config core.pager {spy}"
    guilty = leaf("scripted", model=script(tmp_path, sh(line), EDIT, name="guilty.yaml"))
    where = surroundings(tmp_path)
    both = [
        asyncio.create_task(execute(request(packet(node, base), name), where))
        for name, node in (("quiet", quiet), ("guilty", guilty))
    ]
    await until(lambda: begun.exists() and _watches[root / ".git"].open == 2)
    go.touch()
    reports = await asyncio.gather(*both)
    assert touched(reports[1]) == [".git/hooks/pre-commit", ".git/config"]
    for violation in (*reports[0].violations, *reports[1].violations):
        assert "several executions ran here" in violation.detail
    assert mine.read_text() == "mine\n"
    assert (ran(tmp_path), _watches) == ("", {})


async def test_two_that_look_at_once_put_things_back_once(tmp_path, root, refer):
    mine = root / ".git" / "hooks" / "pre-commit"
    mine.write_text("mine\n")
    where, base = surroundings(tmp_path), refer(root)
    one, other = (
        Site(root, base.identity, where.cache, name, base.base_commit, where.process)
        for name in ("one", "other")
    )
    async with (
        workspace(one) as first,
        watched(first) as seen,
        workspace(other) as second,
        watched(second) as also_seen,
    ):
        mine.write_text("theirs\n")
        await asyncio.gather(seen.look(), also_seen.look())
    assert [len(each.violations) for each in (seen, also_seen)] == [1, 1]
    assert mine.read_text() == "mine\n"
    assert mine.with_name("pre-commit.vsm-set-aside").read_text() == "theirs\n"


# --------------------------------------------------------------------------------------------------- verification


async def test_a_result_whose_tests_plant_a_hook_is_rejected(root, refer, git, git_repository, spy):
    base = refer(root)
    plant = f"import shutil\nshutil.copy({str(spy)!r}, {str(root / '.git/hooks/pre-commit')!r})\n"
    git_repository({"check.py": plant})
    task = verification(
        base, git(root, "rev-parse", "HEAD"), guard("sh", "-c", "test ! -e check.py || python3 check.py")
    )
    report = await execute(request(task), surroundings(spy.parent))
    assert touched(report) == [".git/hooks/pre-commit"]
    assert not (root / ".git" / "hooks" / "pre-commit").exists()


async def test_what_the_base_does_itself_is_not_held_against_a_result(
    tmp_path, root, refer, git, git_repository
):
    base = refer(root)
    git_repository({"c.py": "c\n"})
    check = guard("sh", "-c", "git config core.pager less")
    task = verification(base, git(root, "rev-parse", "HEAD"), check)
    for execution in ("one", "two"):  # the second time the base is remembered
        report = await execute(request(task, execution), surroundings(tmp_path))
        assert report.violations == ()
    assert "pager" not in (root / ".git" / "config").read_text()


# ------------------------------------------------------------------------------------------------------ judgement


@pytest.mark.parametrize(
    ("key", "judged"),
    [
        ("core.fsmonitor", True),
        ("filter.any.thing.clean", True),
        ("includeif.gitdir:/x.path", True),
        ("remote.origin.uploadpack", True),
        ("remote.origin.url", False),
        ("branch.main.merge", False),
        ("user.email", False),
        ("core.autocrlf", False),
        ("extensions.worktreeconfig", False),
    ],
)
def test_which_settings_are_a_leafs_business_to_leave_alone(key, judged):
    assert is_judged(key) is judged


def test_refs_of_the_harness_are_never_looked_at():
    before = Refs("ref: refs/heads/main", {})
    now = Refs("ref: refs/heads/main", {f"{prefix}x": "c" * 40 for prefix in OWN_REFS})
    own = frozenset({"c" * 40})
    assert [*touched_refs(before, now, own), *moved_refs(before, now, own)] == []
