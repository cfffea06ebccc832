"""Options of `vsm run-directive` two by two, on a directive that is over, one that is open and an unknown one."""

import json
from collections.abc import Callable

import pytest

from tests.system.repositories import LINT, NO_TESTS, UNUSED, Yard

pytestmark = pytest.mark.timeout(120)
YardWith = Callable[..., Yard]
RUN = "run-directive"
OVER = "vsm: directive mine is over, and a run would only tell its outcome: --again does it anew"
OTHER = "vsm: directive 'mine' is known already as 'Fix the lint errors': choose another --directive"


@pytest.fixture
def yard(yard_with: YardWith) -> Yard:
    """A repository with one directive that is over, and a commit after it."""
    made = yard_with({"one.py": UNUSED})
    assert made.run(LINT, *NO_TESTS, "--directive", "mine").exit_code == 0
    made.commit({"two.py": UNUSED})
    return made


def test_a_plan_with_every_other_option(yard: Yard) -> None:
    first = yard.git("rev-parse", "HEAD~")
    before = yard.git("for-each-ref")
    for arguments, begins, base, said in (
        (("--directive", "mine"), "mine", first, OVER),
        (("--directive", "mine", "--apply"), "mine", first, OVER),
        (("--directive", "mine", "--no-wait", "--timeout", "5"), "mine", first, OVER),
        ((LINT, "--directive", "mine"), "mine", first, OVER),
        (("--directive", "mine", "--again"), "mine-", yard.head, ""),
        (("Sort the imports", "--directive", "mine", "--again"), "mine-", yard.head, ""),
        ((LINT, "--again"), "d-", yard.head, ""),
        ((LINT, "--directive", "other", "--timeout", "5", "--no-wait", "--apply"), "other", yard.head, ""),
    ):
        ended = yard.vsm(RUN, *arguments, "--dry-run", "--json")
        plan = json.loads(ended.stdout)
        assert (ended.exit_code, ended.stderr.rstrip()) == (0, said), arguments
        assert plan["directive_id"].startswith(begins)
        assert (plan["base"], bool(plan["title"])) == (base, True)
    ended = yard.vsm(RUN, "--directive", "mine", "--again", "--dry-run")
    assert "Fix the lint errors" in ended.stdout
    assert yard.git("for-each-ref") == before


def test_a_plan_refuses_what_a_run_refuses(yard: Yard) -> None:
    yard.git("branch", "vsm/taken")
    for arguments, said in (
        (("Sort the imports", "--directive", "mine"), OTHER),
        (("--directive", "unknown"), "vsm: no directive 'unknown' is known here"),
        (("--directive", "unknown", "--again"), "vsm: no directive 'unknown' is known here"),
        ((LINT, "--directive", "taken"), "vsm: branch vsm/taken is there already"),
    ):
        for extra in ((), ("--dry-run",), ("--json",), ("--apply", "--no-wait", "--timeout", "5")):
            ended = yard.vsm(RUN, *arguments, *extra)
            assert (ended.exit_code, ended.stdout, len(ended.lines)) == (2, "", 1), (arguments, extra)
            assert ended.stderr.startswith(said)


def test_what_is_over_is_told_whatever_else_is_asked(yard: Yard) -> None:
    recorded = yard.vsm(RUN, "--directive", "mine", "--json").document
    for extra in (("--timeout", "5"), ("--no-wait",), ("--acceptance", "false"), ("--jobs", "1")):
        ended = yard.vsm(RUN, "--directive", "mine", "--json", *extra)
        assert (ended.exit_code, ended.document) == (0, recorded), extra
    # and applying it is refused where the branch moved, with the document all the same
    refused = yard.vsm(RUN, "--directive", "mine", "--json", "--apply")
    assert (refused.exit_code, refused.document, len(refused.lines)) == (1, recorded, 1)
    assert "not applied: branch main is at" in refused.stderr


def test_a_deadline_counts_from_the_beginning_only(yard: Yard) -> None:
    # given a directive that was begun without one and was killed
    killed = yard.vsm(
        RUN, LINT, *NO_TESTS, "--directive", "cut", VSM_CRASH_AT="run.after_submit", VSM_LOG="critical"
    )
    assert killed.exit_code < 0
    begun = yard.vsm(RUN, LINT, *NO_TESTS, "--directive", "cut", VSM_CRASH_AT="host.after_commit:6")
    assert begun.exit_code < 0
    plan = yard.vsm(RUN, "--directive", "cut", "--dry-run", "--json")
    assert "vsm: directive cut is open already" in plan.stderr
    # when it goes on with one, then that is said and it ends all the same
    ended = yard.vsm(RUN, "--directive", "cut", "--timeout", "0.01", "--json")
    assert (ended.exit_code, ended.document["outcome"]) == (0, "completed"), ended.stderr
    assert "was begun without a deadline" in ended.stderr
