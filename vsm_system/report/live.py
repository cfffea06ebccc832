"""The live view: the organization as a tree, each node with its state, how long it has been at it, and what it runs."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome, working_children
from vsm_system.report.progress import Activity, Doing, NodeView, Progress
from vsm_system.report.wording import counted, duration, one_line

REFRESH_PER_SECOND = 8
STYLES = {
    Activity.IDLE: "dim",
    Activity.WAITING: "yellow",
    Activity.WORKING: "bold cyan",
    Activity.DONE: "green",
    Activity.TROUBLED: "red",
}
MARKS = {
    Activity.IDLE: "·",
    Activity.WAITING: "◦",
    Activity.WORKING: "●",
    Activity.DONE: "✓",
    Activity.TROUBLED: "✗",
}
ASCII_MARKS = {
    Activity.IDLE: ".",
    Activity.WAITING: "o",
    Activity.WORKING: "*",
    Activity.DONE: "+",
    Activity.TROUBLED: "!",
}


class LiveReport:
    """Draws an organization at work until it is stopped; what is drawn then goes away, for the summary to follow."""

    def __init__(self, console: Console, genome: OrganizationalGenome, heading: str) -> None:
        self._progress = Progress(genome)
        self._heading = heading
        self._started = datetime.now(UTC)
        self._console = console
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="ellipsis",
        )

    def start(self) -> None:
        """Begin to draw."""
        self._live.start()

    def add(self, stream: str, recorded: RecordedFact) -> None:
        """Take in one fact."""
        self._progress.add(stream, recorded)

    def tell(self, line: str) -> None:
        """Print a line above the view."""
        self._console.print(Text(line), soft_wrap=True)

    def stop(self) -> None:
        """End the drawing and take it away."""
        self._live.stop()

    def _render(self) -> RenderableType:
        now = datetime.now(UTC)
        ascii_only = not (self._console.encoding or "").lower().startswith("utf")
        return Group(self._header(now), tree(self._progress, now, ascii_only=ascii_only), self._footer())

    def _header(self, now: datetime) -> RenderableType:
        row = Table.grid(expand=True, padding=(0, 1))
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        elapsed = duration((now - self._started).total_seconds())
        row.add_row(Text(one_line(self._heading), style="bold"), Text(elapsed, style="dim"))
        return row

    def _footer(self) -> RenderableType:
        done = f"{self._progress.concluded} of {counted(self._progress.planned, 'task')} done"
        return Text(f"{done}; Ctrl-C stops safely", style="dim")


def tree(progress: Progress, now: datetime, *, ascii_only: bool = False) -> Table:
    """Return the organization as a table: node, state, time, and what it does."""
    table = Table.grid(expand=True, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=9)
    table.add_column(justify="right", no_wrap=True, width=7)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for branch, node_id in _walk(progress.genome, progress.genome.root_id, "", "", ascii_only=ascii_only):
        table.add_row(*_row(branch, node_id, progress.node(node_id), now, ascii_only=ascii_only))
    return table


def _walk(
    genome: OrganizationalGenome, node_id: str, branch: str, below: str, *, ascii_only: bool
) -> Iterator[tuple[str, str]]:
    yield branch, node_id
    last, other, bar = ("`- ", "|- ", "|  ") if ascii_only else ("└─ ", "├─ ", "│  ")
    children = working_children(genome, node_id)
    for child in children:
        final = child is children[-1]
        twig, under = (last, "   ") if final else (other, bar)
        yield from _walk(genome, child.id, below + twig, below + under, ascii_only=ascii_only)


def _row(branch: str, node_id: str, view: NodeView, now: datetime, *, ascii_only: bool) -> tuple[Text, ...]:
    activity, current = view.activity, view.current
    style = STYLES[activity]
    mark = (ASCII_MARKS if ascii_only else MARKS)[activity]
    elapsed = duration(max(0.0, (now - current.since).total_seconds())) if current else ""
    name = Text.assemble((branch, "dim"), (node_id, "bold" if activity is Activity.WORKING else ""))
    return (
        name,
        Text(f"{mark} {activity}"[:9], style=style),
        Text(elapsed, style="dim"),
        Text(_what(view, current), style="" if current else "dim"),
    )


def _what(view: NodeView, current: Doing | None) -> str:
    if current is None:
        return one_line(view.last)
    more = len(view.doing) + bool(view.own) - 1
    return one_line(current.title) + (f" (+{more})" if more > 0 else "")
