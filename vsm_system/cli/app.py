"""The commands, and the one way in: every error a user can make is one line and exit code 2.

Command modules import their libraries inside their functions, so that help is fast.
"""

import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from vsm_system.cli import (
    branches,
    cancelling,
    cleaning,
    costing,
    doctor,
    genome,
    ledger,
    outcomes,
    records,
    running,
    sampling,
    settings,
    simulating,
)
from vsm_system.cli.exits import FAILED, INTERRUPTED, OK, USAGE, exit_code_after, explained
from vsm_system.cli.streams import flushed, open_all, silence

PROGRAM = "vsm"
UNWRITABLE = (errno.ENOSPC, errno.EIO, errno.EBADF)  # how a print fails where the output takes nothing
HELP = """A self-evolving organization of coding agents that works on a git repository.

Ask for something with `vsm run-directive "..."`; the result is a branch `vsm/<directive>`, verified by somebody other
than its author. Your own branch and files stay as they are until you apply it.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

WORK, LOOK, TEND = "Work", "Look", "Tend"
app.command("run-directive", rich_help_panel=WORK)(running.run_directive)
app.command("diff", rich_help_panel=WORK)(branches.diff)
app.command("apply", rich_help_panel=WORK)(branches.apply)
app.command("cancel", rich_help_panel=WORK)(cancelling.cancel)
app.command("discard", rich_help_panel=WORK)(branches.discard)
app.command("runs", rich_help_panel=LOOK)(records.runs)
app.command("logs", rich_help_panel=LOOK)(records.logs)
app.command("why", rich_help_panel=LOOK)(records.why)
app.command("cost", rich_help_panel=LOOK)(costing.cost)
app.add_typer(ledger.app, name="ledger", rich_help_panel=LOOK)
app.add_typer(outcomes.app, name="outcomes", rich_help_panel=LOOK)
app.command("doctor", rich_help_panel=TEND)(doctor.doctor)
app.add_typer(settings.app, name="config", rich_help_panel=TEND)
app.add_typer(genome.app, name="genome", rich_help_panel=TEND)
app.command("clean", rich_help_panel=TEND)(cleaning.clean)
app.command("sample", rich_help_panel=TEND)(sampling.sample)
app.command("simulate", rich_help_panel=TEND)(simulating.simulate)


@app.callback()
def _program(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False
) -> None:
    if version:
        from vsm_system.runs.ledger import code_version

        print(f"{PROGRAM} {code_version() or 'from a source tree'}")
        raise typer.Exit


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    open_all()
    _print_anything()
    try:
        if list(arguments) == ["--version"]:
            _program(version=True)
        code = typer.main.get_command(app).main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        return _ended(code if isinstance(code, int) else OK)
    except typer.Exit as left:
        return left.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)  # whoever read us has seen enough
        return OK
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user unasked
        return _failed(error)


def _ended(code: int) -> int:
    """Write out what was printed and return the exit code: a failure where all went well but the output is lost."""
    error = flushed()
    return code if error is None or isinstance(error, BrokenPipeError) or code != OK else _lost(error)


def _lost(error: OSError) -> int:
    silence(sys.stdout)
    _complain(f"the output can't be written: {error.strerror}")
    return FAILED


def _print_anything() -> None:
    """Let a character that the output can't show be written as an escape, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _failed(error: Exception) -> int:
    if isinstance(error, OSError) and error.errno in UNWRITABLE and error.filename is None:
        return _lost(error)
    usage = getattr(error, "format_message", None)  # the argument parser's own errors
    if usage is not None:
        if not usage().strip():
            return USAGE  # help was printed
        _complain(f"{_sentence(usage())}; see `{_path(error)} --help`")
        return USAGE
    line = explained(error)
    if line is not None:
        _complain(line)
        return exit_code_after(error)
    if os.environ.get("VSM_TRACEBACK"):
        traceback.print_exception(error)
    _complain(f"internal error: {type(error).__name__}: {error}; VSM_TRACEBACK=1 shows where")
    return FAILED


def _sentence(message: str) -> str:
    words = " ".join(message.split()).rstrip(".")
    return words[:1].lower() + words[1:]


def _path(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else PROGRAM


def _complain(line: str) -> None:
    try:
        print(f"{PROGRAM}: {' '.join(line.split())}", file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)
