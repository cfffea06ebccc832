"""How a run is shown: a live view on a terminal, plain lines elsewhere, one JSON document where that was asked for."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.console import Console

from vsm_core.facts import RecordedFact
from vsm_system.cli.streams import silence
from vsm_system.report.console import console_for, put
from vsm_system.report.live import LiveReport
from vsm_system.report.plain import PlainReport
from vsm_system.report.summary import Ending, print_summary
from vsm_system.report.wording import one_line
from vsm_system.runs.apply import candidate_of, gone_line, is_gone
from vsm_system.runs.git import FileChange, changes_between

if TYPE_CHECKING:
    from vsm_system.runs.plan import Plan
    from vsm_system.runs.request import Prepared
    from vsm_system.runs.run import Told


class Show(Protocol):
    """What a run is shown through."""

    def begin(self, prepared: "Prepared") -> None:
        """Begin to show: the organization is about to work."""
        ...

    def observe(self, stream: str, recorded: RecordedFact) -> None:
        """Show a fact."""
        ...

    def recall(self, stream: str, recorded: RecordedFact) -> None:
        """Take in a fact of an earlier run."""
        ...

    def tell(self, line: str) -> None:
        """Say something in one line."""
        ...

    def end(self) -> None:
        """End the showing; may be called without a beginning."""
        ...

    async def result(self, told: "Told", seconds: float | None, applied: str) -> None:
        """Print the result."""
        ...


@dataclass(frozen=True, slots=True)
class Flags:
    """What a user typed to say where things are; the commands that a summary proposes say it again."""

    place: str = ""
    organization: str = ""


def show_for(flags: Flags, *, as_json: bool) -> Show:
    """Return the way that fits where the output goes."""
    return JsonShow() if as_json else HumanShow(console_for(sys.stdout), flags)


def flags_of(given: Mapping[str, object]) -> str:
    """Return flags as they are typed, those that were not given left out."""
    return "".join(
        f" --{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None
    )


def called() -> str:
    """Return how this program is called here: by its name where it is on PATH, else as it was called now."""
    name = Path(sys.argv[0])
    if shutil.which("vsm") is not None:
        return "vsm"
    return shlex.quote(str(name)) if name.name == "vsm" else "python -m vsm_system"


def say(line: str) -> None:
    """Say one line to the user, beside the output."""
    try:
        print(f"vsm: {' '.join(line.split())}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


async def _gone(told: "Told") -> str:
    """Return the line for a recorded result whose branch is gone; empty where there is nothing to say."""
    candidate = candidate_of(told.story)
    if told.ran or not await is_gone(told.prepared.repository, candidate):
        return ""
    return gone_line(candidate.directive_id)


class JsonShow:
    """Nothing but the result, as one JSON document."""

    def begin(self, prepared: "Prepared") -> None:
        """Show nothing."""

    def observe(self, stream: str, recorded: RecordedFact) -> None:
        """Show nothing."""

    def recall(self, stream: str, recorded: RecordedFact) -> None:
        """Show nothing."""

    def tell(self, line: str) -> None:
        """Say it beside the output."""
        say(line)

    def end(self) -> None:
        """Have nothing to end."""

    async def result(self, told: "Told", _seconds: float | None, _applied: str) -> None:
        """Print the document."""
        if gone := await _gone(told):
            say(gone)
        print(told.result.model_dump_json(indent=2), flush=True)


class HumanShow:
    """A live view where the terminal can draw, else lines; then the summary."""

    def __init__(self, console: Console, flags: Flags) -> None:
        self._console = console
        self._flags = flags
        self._live: LiveReport | None = None
        self._plain: PlainReport | None = None

    def begin(self, prepared: "Prepared") -> None:
        """Begin to draw, or print what this run is."""
        repository = prepared.repository
        where = (
            f"{one_line(repository.root.name)} ({repository.branch or 'detached'} at {repository.head[:7]})"
        )
        title = one_line((prepared.request.text or "").strip().partition("\n")[0])
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = LiveReport(self._console, prepared.genome, f"{title or prepared.directive_id}")
            self._live.start()
            return
        self._plain = PlainReport(self._write, datetime.now(UTC))
        self._write(f"directive {prepared.directive_id} on {where}, organization {prepared.genome.root_id}")

    def _write(self, line: str) -> None:
        try:
            print(line, file=self._console.file, flush=True)
        except OSError:
            self._plain = None  # nobody reads any more, or nothing more can be written; the work goes on
            silence(self._console.file)

    def observe(self, stream: str, recorded: RecordedFact) -> None:
        """Show a fact."""
        for report in (self._live, self._plain):
            if report is not None:
                report.add(stream, recorded)

    def recall(self, stream: str, recorded: RecordedFact) -> None:
        """Take in a fact of an earlier run: the view shows where things stand, lines only know the titles."""
        if self._live is not None:
            self._live.add(stream, recorded)
        if self._plain is not None:
            self._plain.learn(recorded)

    def tell(self, line: str) -> None:
        """Say it above the view, or beside the output."""
        if self._live is not None:
            self._live.tell(f"vsm: {' '.join(line.split())}")
        else:
            say(line)

    def end(self) -> None:
        """Take the live view away."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    async def result(self, told: "Told", seconds: float | None, applied: str) -> None:
        """Print the summary."""
        result = told.result
        changes: tuple[FileChange, ...] = ()
        gone = await _gone(told)
        if not gone and result.base and result.commit and result.base != result.commit:
            changes = await changes_between(told.prepared.repository.root, result.base, result.commit)
        directive = told.story.directive
        branch = directive.repository.branch if directive and directive.repository else None
        ending = Ending(
            result=result,
            story=told.story,
            changes=changes,
            seconds=seconds,
            branch=branch,
            applied=applied,
            place=self._flags.place,
            organization=self._flags.organization,
            program=called(),
            gone=gone,
        )
        print_summary(self._console, ending)


def print_plan(plan: "Plan", *, as_json: bool) -> None:
    """Print a plan."""
    if as_json:
        print(plan.model_dump_json(indent=2))
        return
    from vsm_system.report.planned import plan_parts

    console = console_for(sys.stdout)
    for part in plan_parts(plan):
        put(console, part)
