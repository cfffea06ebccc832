"""What a repository's settings files say: which tools it configures itself, and what it depends on."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from vsm_worker.configuration import names_table, read_ini, read_toml

REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
FILES: Mapping[str, tuple[str, ...]] = {
    "ruff": ("ruff.toml", ".ruff.toml", "pyproject.toml#tool.ruff"),
    "ruff.format": ("ruff.toml#format", ".ruff.toml#format", "pyproject.toml#tool.ruff.format"),
    "black": ("pyproject.toml#tool.black",),
    "pytest": (
        "pytest.ini",
        ".pytest.ini",
        "pyproject.toml#tool.pytest",
        "setup.cfg#tool:pytest",
        "tox.ini#pytest",
    ),
    "mypy": ("mypy.ini", ".mypy.ini", "pyproject.toml#tool.mypy", "setup.cfg#mypy"),
}


def configured_tools(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the tools that any settings file of the repository configures, at any depth."""
    return tuple(tool for tool, entries in FILES.items() if any(_holds(texts, entry) for entry in entries))


def pytest_configured(texts: Mapping[str, str]) -> bool:
    """Say whether the repository's root configures pytest."""
    top = {path: text for path, text in texts.items() if "/" not in path}
    return any(_holds(top, entry) for entry in FILES["pytest"])


def _holds(texts: Mapping[str, str], entry: str) -> bool:
    name, _, table = entry.partition("#")
    found = (text for path, text in texts.items() if PurePosixPath(path).name == name)
    return any(not table or names_table(text, name, table) for text in found)


def dependencies(texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the distributions a repository's root asks for, sorted, without versions."""
    found = {name for read in READERS for name in read(texts)}
    return tuple(sorted(found))


def _names(lines: Iterator[str] | list[str]) -> Iterator[str]:
    for line in lines:
        if not line.lstrip().startswith(("#", "-")) and (found := REQUIREMENT.match(line)):
            yield found[1].lower().replace("_", "-")


def _from_pyproject(texts: Mapping[str, str]) -> Iterator[str]:
    project = read_toml(texts.get("pyproject.toml", "")).get("project")
    if not isinstance(project, Mapping):
        return
    yield from _names(_strings(project.get("dependencies")))
    optional = project.get("optional-dependencies")
    for extra in optional.values() if isinstance(optional, Mapping) else ():
        yield from _names(_strings(extra))


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _from_setup_cfg(texts: Mapping[str, str]) -> Iterator[str]:
    declared = read_ini(texts.get("setup.cfg", "")).get("options", "install_requires", fallback="")
    yield from _names([line for line in declared.splitlines() if line.strip()])


def _from_requirements(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        if PurePosixPath(path).parts[0].startswith("requirements") and path.endswith(".txt"):
            yield from _names(text.splitlines())


READERS: tuple[Callable[[Mapping[str, str]], Iterator[str]], ...] = (
    _from_pyproject,
    _from_setup_cfg,
    _from_requirements,
)
