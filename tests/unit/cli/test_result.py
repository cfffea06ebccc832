"""The result document is a fold of facts: levels in the order of the plan, evidence of others, usage of leaves."""

from tests.unit.cli.story import (
    BASE,
    ID,
    OVER,
    RUFF,
    STORY,
    TIP,
    Facts,
    accepted,
    finished,
    planned,
    ran_tests,
    recorded,
)
from vsm_core import facts as f
from vsm_core import task as t
from vsm_core.task import Outcome, Place, Role, Usage
from vsm_core.value import Money
from vsm_system.report import plain
from vsm_system.report.summary import Ending, before_and_after, next_commands
from vsm_system.runs.git import FileChange
from vsm_system.runs.result import add_usage, result_of, story_of


def test_the_document_holds_all_levels_in_the_order_of_the_plan() -> None:
    result = result_of(story_of(ID, recorded([*STORY, ("root", OVER)])), "ledger.db")
    assert [(task.id, task.node, task.outcome, task.attempts) for task in result.tasks] == [
        ("t1", "crew", Outcome.COMPLETED, 1),
        ("t2", "linter", Outcome.COMPLETED, 1),
        ("t3", "checker", Outcome.COMPLETED, 1),
    ]
    assert (result.outcome, result.branch, result.commit, result.base) == (
        Outcome.COMPLETED,
        "vsm/d-x",
        TIP,
        BASE,
    )
    assert result.ledger == "ledger.db"


def test_evidence_is_what_others_observed() -> None:
    result = result_of(story_of(ID, recorded(STORY)), "")
    assert [(each.argv, each.where, each.exit_code) for each in result.evidence] == [
        (("pytest",), "base", 1),
        (("pytest",), "result", 0),
    ]


def test_a_report_is_evidence_of_its_own() -> None:
    facts: Facts = [
        ("root", accepted()),
        ("root", planned("t1", role=Role.REPORT)),
        ("root", finished("t1", "speller", evidence=(RUFF,))),
    ]
    assert [each.argv for each in result_of(story_of(ID, recorded(facts)), "").evidence] == [("ruff",)]


def test_usage_counts_leaves_once_and_the_late_too() -> None:
    late = f.ResultLate(
        task_id="t2",
        directive_id=ID,
        execution_id="e2",
        node="linter",
        outcome=Outcome.COMPLETED,
        usage=Usage(tool_calls=3),
    )
    usage = story_of(ID, recorded([*STORY, ("crew", late)])).usage()
    assert (usage.tool_calls, usage.worker_seconds) == (4, 2.0)


def test_money_adds_up_in_one_currency_only() -> None:
    euro, dollar = Money(amount=2, currency="EUR"), Money(amount=1)
    assert add_usage([Usage(money=euro), Usage(), Usage(money=euro)]).money == Money(amount=4, currency="EUR")
    assert add_usage([Usage(money=euro), Usage(money=dollar)]).money is None
    assert add_usage([]) == Usage()


def test_what_is_not_over_is_cancelled_and_keeps_what_is_known() -> None:
    result = result_of(story_of(ID, recorded(STORY)), "")
    assert (result.outcome, result.branch, result.commit, result.base) == (
        Outcome.CANCELLED,
        "vsm/d-x",
        TIP,
        BASE,
    )
    assert "goes on" in result.reason


def test_other_directives_are_not_told_of() -> None:
    assert story_of("d-y", recorded(STORY)).directive is None
    assert story_of("d-y", recorded(STORY)).tasks == {}


def test_kept_work_is_not_verified() -> None:
    assert story_of(ID, recorded(STORY)).verified
    kept = f.WorkKept(task_id="t1", directive_id=ID, tip=TIP)
    assert not story_of(ID, recorded([*STORY, ("root", kept)])).verified
    nothing = f.WorkKept(task_id="t1", directive_id=ID, tip=None)
    assert story_of(ID, recorded([*STORY, ("root", nothing)])).verified
    blind = f.TaskIntegrated(task_id="t1", directive_id=ID, tip=TIP, verified=False)
    assert not story_of(ID, recorded([*STORY, ("root", blind)])).verified


def test_before_is_the_first_base_and_after_the_newest_result() -> None:
    again: Facts = [
        ("root", planned("t4", role=Role.TEST, verifies="t1")),
        (
            "root",
            finished("t4", "verifier", evidence=(ran_tests(Place.BASE, 3, 1), ran_tests(Place.RESULT, 5))),
        ),
    ]
    ((command, before, after),) = before_and_after(story_of(ID, recorded([*STORY, *again])))
    assert command == "pytest"
    assert before is not None
    assert before.tests == t.TestCounts(passed=3, failed=1)
    assert after is not None
    assert after.tests == t.TestCounts(passed=5)


def test_the_next_commands_fit_what_happened() -> None:
    story = story_of(ID, recorded([*STORY, ("root", OVER)]))
    ending = Ending(
        result_of(story, ""), story, (FileChange("a.py", 1, 1),), branch="main", place=" --workspace x"
    )
    assert [command for command, _ in next_commands(ending)] == [
        "vsm diff d-x --workspace x",
        "vsm apply d-x --workspace x",
        "vsm discard d-x --workspace x",
        "vsm why t1 --workspace x",
        "vsm logs t1 --workspace x",
    ]
    open_story = story_of(ID, recorded(STORY))
    unfinished = Ending(result_of(open_story, ""), open_story, (), organization=" --organization nested")
    assert [command for command, _ in next_commands(unfinished)] == [
        "vsm run-directive --directive d-x --organization nested",
        "vsm cancel d-x --organization nested",
    ]


def commands_of(ending: Ending) -> list[str]:
    return [command for command, _ in next_commands(ending)]


def test_what_ended_badly_can_be_done_anew() -> None:
    over = OVER.model_copy(update={"outcome": t.Outcome.NEEDS_HUMAN, "commit": None, "branch": None})
    story = story_of(ID, recorded([*STORY, ("root", over)]))
    again = "vsm run-directive --directive d-x --again"
    assert again in commands_of(Ending(result_of(story, ""), story, ()))
    assert again not in commands_of(Ending(result_of(story, ""), story, (), seconds=1.0))
    completed = story_of(ID, recorded([*STORY, ("root", OVER)]))
    assert again not in commands_of(Ending(result_of(completed, ""), completed, ()))
    assert commands_of(Ending(result_of(completed, ""), completed, (), gone="it is gone"))[0] == again


def test_a_detached_head_is_not_offered_to_be_moved() -> None:
    story = story_of(ID, recorded([*STORY, ("root", OVER)]))
    found = commands_of(Ending(result_of(story, ""), story, (FileChange("a.py", 1, 1),)))
    assert "git merge vsm/d-x" in found
    assert not [command for command in found if " apply " in command]


def test_what_never_came_to_the_ledger_offers_nothing() -> None:
    story = story_of(ID, [])
    assert commands_of(Ending(result_of(story, ""), story, ())) == []


def test_a_command_that_never_started_could_not_be_run() -> None:
    started = t.Evidence(argv=("make",), output_digest="0" * 64)
    assert plain.tests_of(t.Evidence(argv=("make",))) == "could not be run"
    assert plain.tests_of(started) == "no end"
    assert plain.tests_of(started.model_copy(update={"exit_code": 2})) == "exit 2"
