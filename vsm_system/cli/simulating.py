"""`vsm simulate`: the organization under virtual time, with faults drawn from seeds."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vsm_system.simulation.campaign import Summary
    from vsm_system.simulation.simulator import Plan, SeedResult

SHOWN = 10  # violations printed in full
FOUND = 1


def simulate(
    *,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="How many seeds.")] = 100,
    first: Annotated[int, typer.Option("--from", min=0, metavar="SEED", help="The first seed.")] = 0,
    faults: Annotated[
        str, typer.Option("--faults", metavar="all|none|LIST", help="Which kinds may strike, by name.")
    ] = "all",
    organization: Annotated[
        str | None,
        typer.Option("--organization", metavar="FILE|NAME", help="Whom to simulate; by default eight nodes."),
    ] = None,
    directives: Annotated[
        int, typer.Option("--directives", min=1, help="How many directives a seed gets.")
    ] = 4,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes at once; by default one per core.")
    ] = None,
    question: Annotated[
        str | None, typer.Option("--question", metavar="span|lease", help="Ask a design question instead.")
    ] = None,
    values: Annotated[
        str | None, typer.Option("--values", metavar="N,N,...", help="Of what the question varies.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the answer, as .svg or .png.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Run the organization under virtual time with crashes, lost messages, full disks and worse.

    After every step, and at the end of every seed, the invariants are checked. Exit code 1 where one is broken; the
    command that replays the seed, with the same facts to the last byte, is printed.
    """
    from vsm_system.simulation.campaign import run_seeds, summary_of

    if question is not None:
        return _answer(question, values, seeds, jobs, plot, as_json=as_json)
    plan = _plan(organization, faults, directives)
    results = list(_shown(run_seeds(range(first, first + seeds), plan, jobs), seeds, quiet=as_json))
    summary = summary_of(results)
    if as_json:
        import orjson

        print(orjson.dumps(summary.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _print(summary, results, _replay(organization, faults, directives))
    return FOUND if summary.violations else 0


def _answer(
    name: str, values: str | None, seeds: int, jobs: int | None, plot: Path | None, *, as_json: bool
) -> int:
    from dataclasses import asdict

    from vsm_system.errors import UserError
    from vsm_system.simulation.sweep import QUESTIONS, ask

    if name not in QUESTIONS:
        raise UserError(f"unknown question {name!r}; known: {', '.join(QUESTIONS)}")
    question = QUESTIONS[name]
    chosen = _numbers(values) or question.values
    points = []
    if not as_json:
        print(f"{question.varied:>20}  {question.measured}: median, least, most of {seeds} seeds")
    for point in ask(question, chosen, seeds, jobs):
        points.append(point)
        if not as_json:
            print(f"{point.value:>20}  {point.median:>12,.1f} {point.least:>12,.1f} {point.most:>12,.1f}")
    if as_json:
        import orjson

        told = {"varied": question.varied, "measured": question.measured, "points": list(map(asdict, points))}
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    if plot is not None:
        from vsm_system.simulation.plot import draw

        draw(question, points, plot)
    return FOUND if any(point.violations for point in points) else 0


def _numbers(text: str | None) -> tuple[int, ...]:
    from vsm_system.errors import UserError

    try:
        numbers = tuple(int(each) for each in text.split(",")) if text else ()
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise UserError(f"--values {text}: name whole numbers from 1, with commas between them")
    return numbers


def _plan(organization: str | None, faults: str, directives: int) -> "Plan":
    from vsm_system.errors import UserError
    from vsm_system.organizations.loading import load_organization
    from vsm_system.simulation.chances import faults_named
    from vsm_system.simulation.scenario import default_organization
    from vsm_system.simulation.simulator import Plan

    try:
        kinds = faults_named(faults)
    except ValueError as error:
        raise UserError(str(error)) from error
    genome = load_organization(organization) if organization else default_organization()
    if len(genome.nodes) == 1:
        raise UserError("a root without children does nothing; name an organization that has some")
    return Plan(genome=genome, directives=directives, faults=kinds)


def _shown(results: "Iterator[SeedResult]", seeds: int, *, quiet: bool) -> "Iterator[SeedResult]":
    """Pass the results on, with a line of progress on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield from results
        return
    broken = 0
    for number, result in enumerate(results, 1):
        broken += bool(result.violations)
        print(f"\r{number}/{seeds} seeds, {broken} with violations", end="", file=sys.stderr, flush=True)
        yield result
    print(file=sys.stderr)


def _replay(organization: str | None, faults: str, directives: int) -> str:
    """Return the command that replays one seed, up to its number."""
    import shlex

    chosen = ["vsm", "simulate", "--seeds", "1", "--faults", faults, "--directives", str(directives)]
    if organization:
        chosen += ["--organization", organization]
    return f"{shlex.join(chosen)} --from"


def _print(summary: "Summary", results: "Sequence[SeedResult]", replay: str) -> None:
    strikes = sum(summary.faults.values())
    print(f"{summary.seeds} seeds, {summary.virtual_hours:,.1f} virtual hours, {summary.tasks:,} tasks")
    print(f"{strikes:,} faults, {summary.restarts:,} restarts:")
    for kind, count in sorted(summary.faults.items(), key=lambda item: -item[1]):
        print(f"  {count:>8,}  {kind}")
    if summary.slowest_seed is not None:
        print(
            f"slowest recovery {summary.slowest_recovery_seconds:,.0f} virtual seconds after the last fault "
            f"(seed {summary.slowest_seed})"
        )
    if len(results) == 1:
        print(f"digest of all facts {results[0].digest}")
    broken = dict.fromkeys(seed for seed, _ in summary.violations)
    print(f"{len(summary.violations)} violations" + (f" in {len(broken)} seeds" if broken else ""))
    for seed, text in summary.violations[:SHOWN]:
        print(f"  seed {seed}: {text}")
    for seed in list(broken)[:SHOWN]:
        print(f"replay: {replay} {seed}")
