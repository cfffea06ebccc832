"""The configuration of a run: flags over VSM_* variables over the workspace's file over defaults, each with its source.

The file is ``vsm.toml`` at the top of the workspace, or ``[tool.vsm]`` in its pyproject.toml. A file that has a key we
do not know, or a value that does not fit, is refused in one line; nothing is guessed.
"""

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vsm_system.errors import UserError

FILE, PROJECT_FILE = "vsm.toml", "pyproject.toml"
PREFIX = "VSM_"
# Variables of the same prefix that are not configuration: a test's crash point, and how much is told.
OTHER_VARIABLES = frozenset({"VSM_CRASH_AT", "VSM_LOG", "VSM_TRACEBACK"})
DEFAULT = "default"
TIMEOUT_LIMIT_SECONDS = 31_536_000.0  # a year: far from the end of what a calendar can say
LISTS = {"acceptance": "should be a list of commands", "rules": "should be a list of rule codes"}
Rule = Annotated[str, Field(pattern="^[A-Z]+[0-9]*$")]


class ConfigError(UserError):
    """A configuration can't be used; the message names the source, the key and the mend."""


class Config(BaseModel):
    """What can be configured; every field is a key of the file, a VSM_ variable and a flag."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    organization: str = Field(default="maintenance", description="a starter's name, or a YAML file")
    acceptance: tuple[str, ...] = Field(default=(), description="commands that a result is verified with")
    state: str | None = Field(default=None, description="folder of ledger, artifacts and locks")
    ledger: str | None = Field(default=None, description="path or SQLAlchemy URL of the ledger")
    timeout: Annotated[float, Field(gt=0, le=TIMEOUT_LIMIT_SECONDS)] | None = Field(
        default=None, description="seconds a directive may take"
    )
    jobs: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2, description="tasks that one leaf runs at once"
    )
    rules: tuple[Rule, ...] = Field(default=(), description="lint rules instead of the crew's own")
    python: str | None = Field(default=None, description="interpreter that the repository's tests run with")
    apply: bool = Field(default=False, description="move the user's branch when a directive completes")


Source = str


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration, and for each key where its value came from."""

    values: Config
    sources: Mapping[str, Source]


def load_config(
    workspace: Path | None, flags: Mapping[str, object], environment: Mapping[str, str]
) -> Configured:
    """Return the configuration of a run; ``flags`` that are None or empty were not given. Raise ConfigError."""
    layers: list[tuple[Source, Mapping[str, object]]] = []
    if workspace is not None:
        layers.extend(_from_file(workspace))
    layers.extend(_from_environment(environment))
    layers.append(("flag", {key: item for key, item in flags.items() if item is not None and item != ()}))
    values: dict[str, object] = {}
    sources = dict.fromkeys(Config.model_fields, DEFAULT)
    for source, layer in layers:
        _check(source, layer)
        values |= layer
        sources |= {key: _named(source, key) for key in layer}
    return Configured(Config.model_validate(values), sources)


def _named(source: Source, key: str) -> Source:
    return {"flag": f"--{key}", "environment": f"{PREFIX}{key.upper()}"}.get(source, source)


# ------------------------------------------------------------------------------------------------------- file


def _from_file(workspace: Path) -> Iterable[tuple[Source, Mapping[str, object]]]:
    own = _read_toml(workspace / FILE)
    if own is not None:
        return [(FILE, _from_folder(workspace, own))]
    project = _read_toml(workspace / PROJECT_FILE) or {}
    tool = project.get("tool")
    table = tool.get("vsm") if isinstance(tool, Mapping) else None
    if table is None:
        return []
    if not isinstance(table, Mapping):
        raise ConfigError(
            f"{PROJECT_FILE}: tool.vsm must be a table: write [tool.vsm] and a key in each line"
        )
    return [(f"{PROJECT_FILE} [tool.vsm]", _from_folder(workspace, table))]


def _read_toml(path: Path) -> Mapping[str, object] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        if path.name == PROJECT_FILE:
            return None  # the repository's own affair, and perhaps what it wants mended
        raise ConfigError(f"{path.name}: {getattr(error, 'strerror', None) or error}") from error


def _from_folder(workspace: Path, table: Mapping[str, object]) -> dict[str, object]:
    """Take paths of the file as seen from the folder that it lies in."""
    found = dict(table)
    organization = found.get("organization")
    if isinstance(organization, str) and organization.endswith((".yaml", ".yml")):
        found["organization"] = str(workspace / organization)
    for key in ("state", "ledger", "python"):
        value = found.get(key)
        if isinstance(value, str) and "://" not in value and (key != "python" or "/" in value):
            found[key] = str(workspace / value)
    return found


# ------------------------------------------------------------------------------------------------ environment


def _from_environment(environment: Mapping[str, str]) -> Iterable[tuple[Source, Mapping[str, object]]]:
    found: dict[str, object] = {}
    for name, text in environment.items():
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES or not text:
            continue
        key = name.removeprefix(PREFIX).lower()
        if key not in Config.model_fields:
            known = tuple(f"{PREFIX}{each.upper()}" for each in Config.model_fields)
            if not guess(name, known):
                continue  # another program's
            raise ConfigError(
                f"unknown variable {name}{guess(name, known)}: unset it, or see `vsm config show`"
            )
        found[key] = _split(key, text)
    return [("environment", found)]


def _split(key: str, text: str) -> object:
    if key == "rules":
        return tuple(part for part in text.replace(",", " ").split() if part)
    return (text,) if key == "acceptance" else text


# ------------------------------------------------------------------------------------------------------ checks


def _check(source: Source, layer: Mapping[str, object]) -> None:
    for key in layer:
        if key not in Config.model_fields:
            known = ", ".join(Config.model_fields)
            raise ConfigError(
                f"{source}: unknown key {key!r}{guess(key, tuple(Config.model_fields))}; known are {known}"
            )
    try:
        checked = Config.model_validate(layer)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key, *place = (str(part) for part in first["loc"])
        where = _named(source, key)
        prefix = where if where != source else f"{source}: {key}"
        item = f" (item {int(place[0]) + 1})" if place and place[0].isdigit() else ""
        said = LISTS[key] if first["type"] == "tuple_type" and key in LISTS else _lower(first["msg"])
        raise ConfigError(f"{prefix}{item}: {said}, not {first['input']!r}") from error
    for command in checked.acceptance:
        argv_of(command)


def argv_of(command: str) -> tuple[str, ...]:
    """Return an acceptance command as words; raise ConfigError where it has none or its quotes do not close."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigError(
            f"acceptance {command!r}: {_lower(str(error))}; write it as you would in a shell"
        ) from error
    if not words:
        raise ConfigError('acceptance is empty; name a command, such as --acceptance "python -m pytest"')
    return words


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def guess(word: str, known: tuple[str, ...]) -> str:
    """Return the known word that was probably meant, as a question in brackets; empty where none is close."""
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
