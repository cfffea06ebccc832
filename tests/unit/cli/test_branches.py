"""A result is taken into the user's branch by compare-and-swap or not at all, and forgotten with all its refs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vsm_core.task import Outcome
from vsm_system.errors import UserError
from vsm_system.repository.identity import OpenRepository, open_repository
from vsm_system.runs.apply import Candidate, apply, is_gone, leavings_of, remove_refs
from vsm_system.runs.git import FileChange, changed_files, changes_between

Git = Callable[..., str]


@pytest.fixture
def root(git_repository: Callable[..., Path]) -> Path:
    return git_repository({"a.py": "one\n", "b.py": "x\n", ".gitignore": "*.log\n"})


@pytest.fixture
def candidate(root: Path, git: Git) -> Candidate:
    """A result that changes a.py and adds new.py and out.log, on a branch of its own."""
    base = git(root, "rev-parse", "HEAD")
    git(root, "checkout", "--quiet", "--detach")
    (root / "a.py").write_text("two\n")
    (root / "new.py").write_text("new\n")
    (root / "out.log").write_text("log\n")
    git(root, "add", "--force", "--all")
    git(root, "commit", "--quiet", "--message", "Result")
    commit = git(root, "rev-parse", "HEAD")
    git(root, "branch", "vsm/d-x", commit)
    git(root, "update-ref", "refs/vsm/attempts/d-x/task/1-e", commit)
    git(root, "update-ref", "refs/vsm/rescue/d-x/task", commit)
    git(root, "update-ref", "refs/vsm/attempts/d-xy/task/1-e", commit)
    git(root, "checkout", "--quiet", "main")
    return Candidate("d-x", Outcome.COMPLETED, "vsm/d-x", commit, base, "main")


async def opened(root: Path) -> OpenRepository:
    return await open_repository(root)


def changed(candidate: Candidate, **fields: object) -> Candidate:
    values = {name: getattr(candidate, name) for name in Candidate.__dataclass_fields__}
    return Candidate(**{**values, **fields})


async def test_a_checked_out_branch_moves_with_its_files(root: Path, candidate: Candidate, git: Git) -> None:
    (root / "b.py").write_text("my own\n")
    (root / "mine.txt").write_text("mine\n")
    assert "main is at" in await apply(await opened(root), candidate)
    assert git(root, "rev-parse", "main") == candidate.commit
    assert (root / "a.py").read_text() == "two\n"
    assert (root / "b.py").read_text() == "my own\n"
    assert (root / "mine.txt").read_text() == "mine\n"
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert "already" in await apply(await opened(root), candidate)


@pytest.mark.parametrize(
    ("name", "content"), [("a.py", "mine\n"), ("new.py", "mine\n"), ("out.log", "mine\n")]
)
async def test_nothing_of_ones_own_is_overwritten(
    root: Path, candidate: Candidate, git: Git, name: str, content: str
) -> None:
    (root / name).write_text(content)
    with pytest.raises(UserError) as raised:
        await apply(await opened(root), candidate)
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    assert git(root, "rev-parse", "main") == candidate.base
    assert (root / name).read_text() == content


async def test_a_branch_that_moved_stays_where_it_is(root: Path, candidate: Candidate, git: Git) -> None:
    git(root, "commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    moved = git(root, "rev-parse", "main")
    with pytest.raises(UserError, match="where the run began: merge it yourself"):
        await apply(await opened(root), candidate)
    assert git(root, "rev-parse", "main") == moved


async def test_a_branch_that_is_not_checked_out_moves_alone(
    root: Path, candidate: Candidate, git: Git
) -> None:
    git(root, "checkout", "--quiet", "-b", "other")
    (root / "a.py").write_text("mine\n")
    await apply(await opened(root), candidate)
    assert git(root, "rev-parse", "main") == candidate.commit
    assert git(root, "rev-parse", "other") == candidate.base
    assert (root / "a.py").read_text() == "mine\n"


async def test_a_branch_checked_out_elsewhere_moves_there(
    root: Path, candidate: Candidate, git: Git, tmp_path: Path
) -> None:
    git(root, "checkout", "--quiet", "-b", "other")
    git(root, "worktree", "add", "--quiet", str(tmp_path / "with blanks"), "main")
    await apply(await opened(root), candidate)
    assert (tmp_path / "with blanks" / "a.py").read_text() == "two\n"
    assert (root / "a.py").read_text() == "one\n"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"outcome": None}, "is not over"),
        ({"commit": None}, "left no change to apply"),
        ({"target": None}, "detached HEAD"),
        ({"outcome": Outcome.NEEDS_HUMAN, "verified": False}, "vsm apply d-x --unverified"),
        ({"target": "gone"}, "branch gone is gone"),
    ],
)
async def test_what_can_not_be_applied_is_one_line(
    root: Path, candidate: Candidate, git: Git, fields: dict[str, object], expected: str
) -> None:
    with pytest.raises(UserError) as raised:
        await apply(await opened(root), changed(candidate, **fields))
    assert expected in str(raised.value)
    assert git(root, "rev-parse", "main") == candidate.base


async def test_a_result_whose_branch_is_gone_is_not_applied(
    root: Path, candidate: Candidate, git: Git
) -> None:
    repository = await opened(root)
    assert not await is_gone(repository, candidate)
    git(root, "branch", "--quiet", "-D", "vsm/d-x")
    assert await is_gone(repository, candidate)
    assert not await is_gone(repository, changed(candidate, outcome=None))
    with pytest.raises(UserError, match=r"branch vsm/d-x is gone: it was discarded; .* --again does"):
        await apply(repository, candidate)
    git(root, "merge", "--quiet", "--ff-only", str(candidate.commit))
    assert "already" in await apply(repository, candidate)


async def test_an_unverified_result_is_applied_where_that_is_asked(
    root: Path, candidate: Candidate, git: Git
) -> None:
    await apply(
        await opened(root), changed(candidate, outcome=Outcome.REJECTED, verified=False), unverified=True
    )
    assert git(root, "rev-parse", "main") == candidate.commit


async def test_a_merge_under_way_is_in_the_way(root: Path, candidate: Candidate, git: Git) -> None:
    (root / ".git" / "MERGE_HEAD").write_text(f"{candidate.commit}\n")
    with pytest.raises(UserError, match="can't be fast-forwarded"):
        await apply(await opened(root), candidate)


async def test_a_directives_own_refs_are_found_and_deleted(
    root: Path, candidate: Candidate, git: Git
) -> None:
    repository = await opened(root)
    leavings = await leavings_of(repository, "d-x")
    assert sorted(leavings.refs) == [
        "refs/heads/vsm/d-x",
        "refs/vsm/attempts/d-x/task/1-e",
        "refs/vsm/rescue/d-x/task",
    ]
    assert await remove_refs(repository, leavings.refs) == 3
    assert git(root, "for-each-ref", "--format=%(refname)").split() == [
        "refs/heads/main",
        "refs/vsm/attempts/d-xy/task/1-e",
    ]
    assert await remove_refs(repository, {}) == 0


async def test_refs_that_moved_are_kept(root: Path, candidate: Candidate) -> None:
    repository = await opened(root)
    leavings = await leavings_of(repository, "d-x")
    wrong = {ref: str(candidate.base) for ref in leavings.refs}
    with pytest.raises(UserError, match="moved meanwhile"):
        await remove_refs(repository, wrong)
    assert (await leavings_of(repository, "d-x")).refs == leavings.refs


async def test_refs_that_git_does_not_delete_are_told_in_one_line(root: Path, candidate: Candidate) -> None:
    repository = await opened(root)
    leavings = await leavings_of(repository, "d-x")
    for ref in leavings.refs:
        (root / ".git" / f"{ref}.lock").write_text("")
    with pytest.raises(UserError, match=r"^git can't delete the refs: ") as raised:
        await remove_refs(repository, leavings.refs)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


async def test_a_branch_in_use_is_not_discarded(root: Path, candidate: Candidate, git: Git) -> None:
    git(root, "checkout", "--quiet", "vsm/d-x")
    with pytest.raises(UserError, match="is checked out in"):
        await leavings_of(await opened(root), "d-x")


async def test_changes_are_counted_file_by_file(root: Path, candidate: Candidate) -> None:
    assert candidate.base
    assert candidate.commit
    assert await changes_between(root, candidate.base, candidate.commit) == (
        FileChange("a.py", 1, 1),
        FileChange("new.py", 1, 0),
        FileChange("out.log", 1, 0),
    )
    assert await changed_files(root) == 0
    (root / "c d.py").write_text("")
    (root / "a.py").unlink()
    assert await changed_files(root) == 2
