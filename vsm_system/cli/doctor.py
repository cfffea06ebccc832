"""`vsm doctor`: what is installed, which providers would be used, what is missing and how to get it."""

import sys
from typing import Annotated

import typer

from vsm_system.cli.options import Json, wait_for


def doctor(
    *,
    crash_points: Annotated[
        bool,
        typer.Option("--crash-points", help="List the places where a test can end the process, and leave."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Say what is installed, which providers would be used, what is missing and how to get it."""
    if crash_points:
        return _crash_points(as_json=as_json)
    from vsm_system.runs.doctor import Standing, check_up

    findings = wait_for(check_up())
    broken = any(each.standing is Standing.BROKEN for each in findings)
    if as_json:
        import orjson

        document = [each.model_dump(mode="json") for each in findings]
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return 1 if broken else 0
    from rich.text import Text

    from vsm_system.report.console import columns, console_for, put

    styles = {
        Standing.GOOD: "green",
        Standing.MISSING: "yellow",
        Standing.BROKEN: "bold red",
        Standing.NOTE: "dim",
    }
    lines = []
    for each in findings:
        about = Text(each.detail)
        if each.mend:
            about.append(f"\n-> {each.mend}", style="cyan")
        lines.append((Text(each.subject, "bold"), Text(each.standing, styles[each.standing]), about))
    put(console_for(sys.stdout), columns(lines, wraps=True))
    return 1 if broken else 0


def _crash_points(*, as_json: bool) -> int:
    from vsm_system.crash import CRASH_POINTS

    if as_json:
        import orjson

        print(orjson.dumps(CRASH_POINTS).decode())
    else:
        print("\n".join(CRASH_POINTS))
    return 0
