"""The summary at the end of a run: what changed, the evidence before and after, the outcome, and what to type next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from vsm_core.task import Evidence, Outcome, Place, Role
from vsm_system.report.console import GAP, Columns, columns, put
from vsm_system.report.plain import tests_of
from vsm_system.report.wording import counted, duration, one_line, short
from vsm_system.runs.git import FileChange
from vsm_system.runs.result import Result, Story, TaskStory

FILES_SHOWN = 12
COUNT_WIDTH = 5  # characters of a number of lines
STYLES: Mapping[Outcome, str] = {
    Outcome.COMPLETED: "bold green",
    Outcome.NO_CHANGE: "bold green",
    Outcome.NEEDS_HUMAN: "bold yellow",
    Outcome.THROTTLED: "bold yellow",
    Outcome.BUDGET_EXHAUSTED: "bold yellow",
    Outcome.CANCELLED: "bold yellow",
}
TROUBLE = "bold red"
GOOD = frozenset({Outcome.COMPLETED, Outcome.NO_CHANGE})


@dataclass(frozen=True, slots=True)
class Ending:
    """All that a summary is made of."""

    result: Result
    story: Story
    changes: tuple[FileChange, ...]
    seconds: float | None = None  # None: the result was only read
    branch: str | None = None  # that the user stood on
    applied: str = ""  # what became of the user's branch, where it was asked for
    place: str = ""  # the flags that bring another command to the same records
    organization: str = ""  # the flag that names the organization again
    program: str = "vsm"  # as it is called here
    gone: str = ""  # says that the result's branch is there no more, where that is so


def print_summary(console: Console, ending: Ending) -> None:
    """Print the summary."""
    for part in parts(ending):
        put(console, part)


def parts(ending: Ending) -> Iterator[RenderableType]:
    """Yield the parts of a summary from top to bottom."""
    yield Text()
    yield _outcome(ending)
    if ending.result.reason:
        yield Padding(Text(ending.result.reason.strip()), (0, 0, 0, 2))
    if ending.gone:
        yield Padding(Text(ending.gone), (0, 0, 0, 2))
    for title, body in (
        (_changed_title(ending), _changed(ending)),
        ("Evidence", _evidence(ending)),
        ("Tasks", _tasks(ending)),
        ("Next", _next(ending)),
    ):
        if body is not None:
            yield Text()
            yield Group(Text(title, style="bold"), Padding(body, (0, 0, 0, 2)))


def _outcome(ending: Ending) -> Text:
    result = ending.result
    when = f" in {duration(ending.seconds)}" if ending.seconds is not None else " (recorded; nothing was run)"
    return Text.assemble(
        (str(result.outcome), STYLES.get(result.outcome, TROUBLE)), f"  {result.directive_id}{when}"
    )


# ----------------------------------------------------------------------------------------------------- changes


def _changed_title(ending: Ending) -> str:
    added = sum(each.added or 0 for each in ending.changes)
    deleted = sum(each.deleted or 0 for each in ending.changes)
    unverified = "" if ending.story.verified else ", not verified"
    files = counted(len(ending.changes), "file")
    return f"Changed on {ending.result.branch}{unverified}: {files}, +{added} -{deleted}"


def _changed(ending: Ending) -> Columns | None:
    if not ending.changes:
        return None
    rows = [(one_line(each.path), *_lines_of(each)) for each in ending.changes[:FILES_SHOWN]]
    more = len(ending.changes) - FILES_SHOWN
    last = [(Text(f"and {more} more", "dim"), Text(), Text())] if more > 0 else []
    return columns([*rows, *last], flexible=0)


def _lines_of(change: FileChange) -> tuple[Text, Text]:
    if change.added is None:
        return Text("binary", "dim"), Text()
    return Text(f"+{change.added}".rjust(COUNT_WIDTH), "green"), Text(
        f"-{change.deleted}".rjust(COUNT_WIDTH), "red"
    )


# ---------------------------------------------------------------------------------------------------- evidence


def _evidence(ending: Ending) -> Columns | None:
    rows = tuple(before_and_after(ending.story))
    if not rows:
        return None
    lines = []
    for command, before, after in rows:
        said = [Text.assemble(("before ", "dim"), tests_of(before))] if before else []
        said += [Text.assemble(("after ", "dim"), tests_of(after))] if after else []
        lines.append((Text(command), Text("   ").join(said)))
    return columns(lines, flexible=0)


def before_and_after(story: Story) -> Iterator[tuple[str, Evidence | None, Evidence | None]]:
    """Yield each command of the acceptance with what it said on the base and on the newest result."""
    found: dict[str, dict[str, Evidence]] = {}
    for task in sorted(story.in_order(), key=lambda each: each.planner == story.root):
        for each in _observed(task):
            kind = "before" if each.where is Place.BASE else "after"
            sides = found.setdefault(each.criterion or " ".join(each.argv[:1]), {})
            if kind == "after" or kind not in sides:  # the first base is the directive's own
                sides[kind] = each
    for sides in found.values():
        newest = sides.get("after") or sides["before"]
        yield one_line(" ".join(newest.argv)), sides.get("before"), sides.get("after")


def _observed(task: TaskStory) -> Iterator[Evidence]:
    if task.role is Role.TEST:
        for result in task.results:
            yield from (each for each in result.evidence if each.where is not Place.RESULT_WITH_BASE_TESTS)


# ------------------------------------------------------------------------------------------------------- tasks


def _tasks(ending: Ending) -> Columns | None:
    shown = [task for task in ending.story.in_order() if task.verifies is None]
    if not shown:
        return None
    return columns([_task_row(task) for task in shown], flexible=2)


def _task_row(task: TaskStory) -> tuple[str | Text, ...]:
    style = STYLES.get(task.outcome, TROUBLE).removeprefix("bold ") if task.outcome else "dim"
    outcome = Text(str(task.outcome or "open"), style)
    return task.node or "-", outcome, one_line(task.title), Text(short(task.id), "dim")


# -------------------------------------------------------------------------------------------------------- next


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands with their purposes: side by side where a line has room, else each on lines of its own, never cut."""

    rows: tuple[tuple[str, str], ...]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield what fits the width there is."""
        needed = max(len(command) for command, _ in self.rows) + max(len(purpose) for _, purpose in self.rows)
        if needed + GAP <= options.max_width:
            yield columns([(Text(command, "cyan"), Text(purpose, "dim")) for command, purpose in self.rows])
            return
        for command, purpose in self.rows:
            yield Text(f"# {purpose}", "dim")
            yield Text(command, "cyan", overflow="fold")


def _next(ending: Ending) -> Commands | None:
    rows = tuple(next_commands(ending))
    return Commands(rows) if rows else None


def next_commands(ending: Ending) -> Iterator[tuple[str, str]]:
    """Yield what a user may want to type now, each with what it does."""
    result, story, place, vsm = ending.result, ending.story, ending.place, ending.program
    same = f"{vsm} run-directive --directive {result.directive_id}{place}{ending.organization}"
    if story.finished is None:
        if story.directive is not None:
            yield same, "go on from here"
            yield f"{vsm} cancel {result.directive_id}{place}{ending.organization}", "end it for good"
        return
    if ending.changes and not ending.gone:
        yield from _with_the_change(ending)
    if ending.gone:
        yield f"{same} --again", "do it anew"
    elif ending.seconds is None and result.outcome not in GOOD:
        yield f"{same} --again", "do it anew, for instance after mending what stood in the way"
    troubled = next((t for t in story.in_order() if t.outcome not in GOOD), None)
    told = troubled or next((t for t in story.in_order() if t.result), None)
    if told is not None:
        yield f"{vsm} why {short(told.id)}{place}", "how it came to this"
        yield f"{vsm} logs {short(told.id)}{place}", "what its tools said"


def _with_the_change(ending: Ending) -> Iterator[tuple[str, str]]:
    directive, vsm = f"{ending.result.directive_id}{ending.place}", ending.program
    yield f"{vsm} diff {directive}", "look at the change"
    if ending.applied:
        return
    if ending.branch is None:
        yield (
            f"git merge {ending.result.branch}",
            "take it yourself: HEAD was detached, so check out a branch first",
        )
    else:
        unverified = "" if ending.story.verified else " --unverified"
        yield f"{vsm} apply {directive}{unverified}", f"take it into {ending.branch}"
    yield f"{vsm} discard {directive}", "forget it"
