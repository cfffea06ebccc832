"""What a repository says about itself in its own files: which tools it configures, which Python it asks for.

Files are read, never run. A tool counts as configured where its settings lie beside the files in question, above them
inside the repository, or below them.
"""

import configparser
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox"})
FILE_LIMIT = 2_000_000  # bytes of a settings file that is worth reading
SETUP_PY = re.compile(r"python_requires\s*=\s*[\"']([^\"']+)[\"']")


def is_configured(root: Path, scope: Iterable[str], entries: Iterable[str]) -> bool:
    """Say whether one of the entries (``ruff.toml``, ``pyproject.toml#tool.ruff``) applies to the scope."""
    wanted = tuple(entries)
    return bool(wanted) and any(
        _entry_holds(folder, entry) for folder in _folders(root, scope) for entry in wanted
    )


def _folders(root: Path, scope: Iterable[str]) -> Iterator[Path]:
    above = {root}
    for tree in scope:
        parts = [part for part in PurePosixPath(tree).parts if part not in {".", "..", "/"}]
        above.update(root.joinpath(*parts[:depth]) for depth in range(len(parts) + 1))
        yield from _below(root.joinpath(*parts))
    yield from above


def _below(top: Path) -> Iterator[Path]:
    for folder, names, _ in os.walk(top):
        names[:] = [name for name in names if name not in SKIPPED_FOLDERS]
        yield Path(folder)


def _entry_holds(folder: Path, entry: str) -> bool:
    name, _, table = entry.partition("#")
    path = folder / name
    if not path.is_file():
        return False
    return not table or names_table(read_text(path), name, table)


def names_table(text: str, name: str, table: str) -> bool:
    """Say whether a TOML or INI text has a table such as ``tool.ruff``."""
    if not name.endswith(".toml"):
        return table in read_ini(text)
    found: object = read_toml(text)
    for part in table.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return False
        found = found[part]
    return True


def read_text(path: Path) -> str:
    """Return a settings file as text; nothing where it is unreadable or far too long."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= FILE_LIMIT else ""
    except OSError:
        return ""


def read_toml(text: str) -> Mapping[str, object]:
    """Return a TOML text as tables; nothing where it is malformed."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def read_ini(text: str) -> configparser.ConfigParser:
    """Return an INI text as sections; none where it is malformed."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except configparser.Error:
        return configparser.ConfigParser()
    return parser


def requires_python(texts: Mapping[str, str]) -> str | None:
    """Return the Python versions a repository asks for, from its pyproject.toml, setup.cfg or setup.py."""
    project = read_toml(texts.get("pyproject.toml", "")).get("project")
    declared = project.get("requires-python") if isinstance(project, Mapping) else None
    if isinstance(declared, str):
        return declared
    from_ini = read_ini(texts.get("setup.cfg", "")).get("options", "python_requires", fallback=None)
    found = SETUP_PY.search(texts.get("setup.py", ""))
    return from_ini or (found[1] if found else None)


def requires_python_at(root: Path) -> str | None:
    """Return the same of a work tree."""
    return requires_python(
        {name: read_text(root / name) for name in ("pyproject.toml", "setup.cfg", "setup.py")}
    )
