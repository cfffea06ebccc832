"""The user's own branch moves when that was asked for and nothing is in its way; otherwise nothing at all moves."""

from collections.abc import Callable

import pytest

from tests.system.repositories import CLEAN, LINT, NO_TESTS, UNUSED, Ended, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]


@pytest.fixture
def done(yard_with: YardWith) -> tuple[Yard, Ended]:
    """A directive that is completed and not applied."""
    yard = yard_with({"one.py": UNUSED, "inner/two.py": "x = 1\n"})
    return yard, yard.run(LINT, *NO_TESTS, "--directive", "lint")


def assert_refused(yard: Yard, *words: str) -> None:
    """`vsm apply` is refused in one line with these words, and no file, index or branch has changed."""
    before = (yard.head, yard.git("status", "--porcelain"), (yard.root / "one.py").read_bytes())
    refused = yard.vsm("apply", "lint")
    assert (refused.exit_code, refused.stdout, len(refused.lines)) == (2, "", 1)
    assert all(word in refused.stderr for word in words), refused.stderr
    assert (yard.head, yard.git("status", "--porcelain"), (yard.root / "one.py").read_bytes()) == before


def test_apply_at_once_moves_a_clean_checkout_forward(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED})
    ended = yard.run(LINT, *NO_TESTS, "--apply")
    assert (ended.exit_code, yard.head) == (0, ended.document["commit"])
    assert (yard.root / "one.py").read_text() == CLEAN
    assert (yard.git("status", "--porcelain"), yard.git("rev-parse", "--abbrev-ref", "HEAD")) == ("", "main")


def test_apply_later_and_twice_and_beside_other_changes(done: tuple[Yard, Ended]) -> None:
    # given changes of the user's own in files that the result leaves alone
    yard, ended = done
    yard.write({"inner/two.py": "x = 2\n", "new.py": "y = 1\n"})
    # when, then
    for _ in range(2):
        applied = yard.vsm("apply", "lint")
        assert (applied.exit_code, len(applied.stdout.splitlines())) == (0, 1)
        assert yard.head == ended.document["commit"]
    assert (yard.root / "one.py").read_text() == CLEAN
    assert yard.git("status", "--porcelain").split() == ["M", "inner/two.py", "??", "new.py"]


def test_apply_moves_a_branch_that_is_not_checked_out(done: tuple[Yard, Ended]) -> None:
    yard, ended = done
    yard.git("checkout", "--quiet", "-b", "topic")
    assert yard.vsm("apply", "lint").exit_code == 0
    assert yard.git("rev-parse", "main") == ended.document["commit"] != yard.head
    assert (yard.root / "one.py").read_text() == UNUSED


def test_apply_is_refused_when_the_branch_moved(done: tuple[Yard, Ended]) -> None:
    yard, _ = done
    yard.commit({"three.py": "z = 1\n"}, "Go on meanwhile")
    assert_refused(yard, "branch main", "git merge vsm/lint")


def test_apply_is_refused_when_a_changed_file_would_be_overwritten(done: tuple[Yard, Ended]) -> None:
    yard, _ = done
    yard.write({"one.py": UNUSED + "# mine\n"})
    assert_refused(yard, "one.py")
    yard.git("add", "one.py")
    assert_refused(yard, "one.py")


@pytest.mark.parametrize("ignored", [False, True])
def test_apply_is_refused_when_a_file_that_git_does_not_know_would_be_overwritten(
    yard_with: YardWith, ignored: bool
) -> None:
    # given a result with a file that the user's branch does not have
    yard = yard_with({"one.py": UNUSED})
    own = yard.home / "own.yaml"
    own.write_text(
        "id: own\nname: Own\nchildren:\n"
        "  - id: maker\n    name: Maker\n    operation: coding\n    model: {provider: command}\n"
        "    tools: [{name: make, argv: [sh, -c, 'echo theirs >new.txt']}]\n"
        "  - {id: tester, name: Tester, operation: testing, model: {provider: command}}\n"
    )
    assert yard.run(LINT, *NO_TESTS, "--organization", str(own), "--directive", "lint").exit_code == 0
    if ignored:
        (yard.root / ".git" / "info" / "exclude").write_text("*.txt\n")
    # when the user has made a file of that name
    yard.write({"new.txt": "mine\n"})
    # then it stays
    assert_refused(yard, "new.txt")
    assert (yard.root / "new.txt").read_text() == "mine\n"


def test_apply_is_refused_for_an_unknown_directive(done: tuple[Yard, Ended]) -> None:
    yard, _ = done
    refused = yard.vsm("apply", "unknown")
    assert (refused.exit_code, refused.stdout, len(refused.lines)) == (2, "", 1)


def test_a_result_that_nobody_vouches_for_is_applied_only_when_that_is_said(yard_with: YardWith) -> None:
    # given a result that could not be verified, of a run that was told to apply
    yard = yard_with({"one.py": UNUSED})
    base = yard.head
    ended = yard.run(LINT, "--acceptance", "false", "--directive", "lint", "--apply")
    assert (ended.exit_code, yard.head) == (3, base)
    # when, then
    assert_refused(yard, "--unverified")
    assert yard.vsm("apply", "lint", "--unverified").exit_code == 0
    assert yard.head == ended.document["commit"]


def test_a_discarded_result_is_gone_and_its_record_stays(done: tuple[Yard, Ended]) -> None:
    yard, _ = done
    assert yard.vsm("discard", "lint").exit_code == 2  # nobody is there to ask
    assert yard.branches() == ["main", "vsm/lint"]
    assert yard.vsm("discard", "lint", "--yes").exit_code == 0
    assert yard.git("for-each-ref", "refs/heads/vsm", "refs/vsm/attempts", "refs/vsm/rescue") == ""
    assert "lint" in yard.vsm("runs").stdout
