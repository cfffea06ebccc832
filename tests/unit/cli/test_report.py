"""What a user sees while an organization works: states of nodes, plain lines, and tables that fit their width."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from tests.unit.cli.story import ID, OVER, STORY, Facts, recorded
from vsm_core import facts as f
from vsm_core.genome import OrganizationalGenome
from vsm_core.task import Outcome
from vsm_system.organizations.loading import parse_organization
from vsm_system.report.console import columns, console_for, put
from vsm_system.report.live import tree
from vsm_system.report.plain import PlainReport
from vsm_system.report.progress import Activity, Progress
from vsm_system.report.summary import Commands
from vsm_system.report.wording import counted, duration, one_line, short, size

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CREW = parse_organization(
    "id: root\nchildren: [{id: crew, children: [{id: linter, operation: coding}, {id: checker, operation: testing}]}]",
    source="text",
)


def seen(facts: Facts, genome: OrganizationalGenome = CREW) -> Progress:
    progress = Progress(genome)
    for stream, fact in recorded(facts):
        progress.add(stream, fact)
    return progress


def activities(progress: Progress) -> dict[str, Activity]:
    return {node: view.activity for node, view in progress.nodes.items()}


def test_a_node_waits_works_and_is_done() -> None:
    idle, waiting, working, done = Activity.IDLE, Activity.WAITING, Activity.WORKING, Activity.DONE
    assert set(activities(seen([])).values()) == {idle}
    assert activities(seen(STORY[:5])) == {
        "root": working,
        "crew": waiting,
        "linter": waiting,
        "checker": idle,
    }
    admitted = f.TaskAdmitted(
        task_id="t2",
        directive_id=ID,
        attempt=1,
        fencing_token=1,
        execution_id="e",
        node="linter",
        process="p",
    )
    progress = seen([*STORY[:5], ("crew", admitted)])
    assert activities(progress)["linter"] is working
    assert progress.node("linter").current is not None
    assert progress.node("linter").current.title == "Do t2"
    assert activities(seen(STORY[:6]))["linter"] is done
    assert set(activities(seen([*STORY, ("root", OVER)])).values()) == {done}


def test_a_bad_end_is_seen() -> None:
    over = OVER.model_copy(update={"outcome": Outcome.REJECTED})
    assert activities(seen([*STORY, ("root", over)]))["root"] is Activity.TROUBLED


def test_what_a_leaf_records_for_itself_changes_nothing() -> None:
    progress = seen([*STORY[:5], ("linter", STORY[5][1])])
    assert activities(progress)["linter"] is Activity.WAITING


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("ascii_only", [True, False], ids=["ascii", "unicode"])
def test_the_tree_fits_its_width(width: int, ascii_only: bool) -> None:
    console = Console(file=StringIO(), width=width, record=True)
    console.print(tree(seen(STORY[:6]), NOW + timedelta(seconds=75), ascii_only=ascii_only))
    lines = console.export_text().splitlines()
    assert len(lines) == 4
    assert all(len(line) <= width for line in lines)
    assert [line.split()[-1] for line in lines if "checker" in line] == ["idle"]
    assert all(line.replace("…", "").isascii() for line in lines) is ascii_only


def test_plain_lines_tell_who_did_what() -> None:
    lines: list[str] = []
    report = PlainReport(lines.append, NOW)
    for stream, fact in recorded([*STORY, ("root", OVER)]):
        report.add(stream, fact)
    assert [line.split(maxsplit=2)[2] for line in lines] == [
        'root            takes on "Fix it"',
        'root            hands "Do t1" to crew',
        'crew            hands "Do t2" to linter',
        'linter          completed: "Do t2"',
        'crew            hands "Do t3" to checker',
        'checker         completed: "Do t3" (4 passed)',
        'crew            completed: "Do t1"',
    ]


def test_columns_give_way_in_one_place_only() -> None:
    rows = [("linter", "x" * 50, "task_1"), ("moderniser", "short", "task_2")]
    console = Console(file=StringIO(), width=40, record=True)
    console.print(columns(rows, flexible=1))
    first, second = console.export_text().splitlines()
    assert first == f"linter      {'x' * 19}…  task_1"
    assert second.rstrip() == f"moderniser  short{' ' * 17}task_2"
    console.print(columns([("a", Text("one\ntwo " * 3))], wraps=True))
    assert "two one" in console.export_text()
    console.print(columns([]))


def test_what_is_no_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    out = StringIO()
    console = console_for(out)
    put(console, columns([(Text("a", "red"), "b"), ("ccc", "d")]))
    assert out.getvalue() == "a    b\nccc  d\n"


def test_words_and_numbers() -> None:
    assert [duration(each) for each in (0.44, 9.96, 12, 75, 3_661)] == [
        "0.4 s",
        "10.0 s",
        "12 s",
        "1:15",
        "1:01:01",
    ]
    assert [size(each) for each in (0, 1_023, 1_536, 5 * 2**20, 3 * 2**30)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]
    assert (counted(1, "file"), counted(0, "file")) == ("1 file", "0 files")
    assert one_line("a\x1b[31m\n b\t\x07c") == "a [31m b c"
    assert short("task_abcdefghijklmnop") == "task_abcdefghijkl"


def test_commands_are_never_cut() -> None:
    rows = (("vsm diff d-x", "look at the change"), ("vsm apply d-x", "take it into main"))
    for width, expected in (
        (60, ["vsm diff d-x   look at the change", "vsm apply d-x  take it into main"]),
        (20, ["# look at the change", "vsm diff d-x", "# take it into main", "vsm apply d-x"]),
    ):
        console = Console(file=StringIO(), width=width, record=True)
        console.print(Commands(rows))
        assert [line.rstrip() for line in console.export_text().splitlines()] == expected
