"""`vsm config`: what holds here, and where each value comes from."""

import sys

import typer

from vsm_system.cli.options import HERE, Json, Workspace, configured

app = typer.Typer(help="See the configuration.")


@app.callback()
def _group() -> None:
    """Keep `show` a command of its own."""


@app.command()
def show(*, workspace: Workspace = HERE, as_json: Json = False) -> int:
    """Show each value with its source: a flag, a VSM_ variable, vsm.toml or [tool.vsm], or the default."""
    from vsm_ledger.connect import shown

    found = configured(workspace)
    values = found.values.model_dump(mode="json")
    if values["ledger"] is not None:
        values["ledger"] = shown(values["ledger"])  # a server's may hold a password
    if as_json:
        import orjson

        document = {key: {"value": values[key], "source": found.sources[key]} for key in values}
        print(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
        return 0
    from rich.text import Text

    from vsm_system.config import Config
    from vsm_system.report.console import columns, console_for, put

    lines = []
    for key, value in values.items():
        about = Text(Config.model_fields[key].description or "", "dim")
        lines.append((Text(key, "bold"), found.sources[key], _shown(value), about))
    put(console_for(sys.stdout), columns(lines, wraps=True))
    return 0


def _shown(value: object) -> str:
    if value is None or value == []:
        return "-"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
