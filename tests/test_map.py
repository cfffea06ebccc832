"""docs/map.md tells the truth: it has one line for every module of the packages, and none for a module that is gone.

The lines between the map's two marks are made from the modules' own first sentences. `just map`, or running this file,
writes them again; the test only compares.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.tidy_rules import PACKAGES

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "docs" / "map.md"
BEGIN, END = "<!-- modules: begin -->", "<!-- modules: end -->"
REGENERATE = "run `just map` (or `python tests/test_map.py`) and look at the difference"


def first_sentence(module: Path) -> str:
    """The opening of the module's docstring up to its first full stop, on one line."""
    docstring = ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(docstring.split("\n\n")[0].split())
    return re.split(r"(?<=[.:?])\s", paragraph, maxsplit=1)[0].rstrip(".:").replace("|", "\\|")


def rows(folder: Path) -> Iterator[str]:
    """One row for the folder, from its __init__, then its modules, then its sub-packages, each in order of name."""
    inside = sorted(folder.glob("*.py"))
    if not inside:
        return
    depth = "&nbsp;&nbsp;" * (len(folder.relative_to(ROOT).parts) - 1)
    opening = folder / "__init__.py"
    yield f"| {depth}**{folder.name}/** | {first_sentence(opening) if opening.exists() else ''} |"
    for module in inside:
        if module.name != "__init__.py":
            yield f"| {depth}&nbsp;&nbsp;`{module.name}` | {first_sentence(module)} |"
    for child in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from rows(child)


def modules_section() -> str:
    lines = [row for package in PACKAGES for row in rows(ROOT / package)]
    return "\n".join(["| module | what it holds |", "|---|---|", *lines])


def split_map(text: str) -> tuple[str, str, str]:
    """The map before, between and after its marks."""
    before, _, rest = text.partition(BEGIN)
    between, _, after = rest.partition(END)
    return before, between.strip("\n"), after


def rewrite() -> None:
    before, _, after = split_map(MAP.read_text(encoding="utf-8"))
    MAP.write_text(f"{before}{BEGIN}\n{modules_section()}\n{END}{after}", encoding="utf-8")


def test_the_map_lists_exactly_the_modules_there_are() -> None:
    _, written, _ = split_map(MAP.read_text(encoding="utf-8"))
    have, want = written.splitlines(), modules_section().splitlines()
    gone = [line for line in have if line not in want]
    missing = [line for line in want if line not in have]
    differences = "\n".join([*(f"- {line}" for line in gone), *(f"+ {line}" for line in missing)])
    assert not differences, f"docs/map.md is out of date; {REGENERATE}\n{differences}"
    assert have == want, f"docs/map.md is out of order; {REGENERATE}"


def test_every_folder_at_the_top_is_on_the_map() -> None:
    listed = set(
        re.findall(r"^\| `([\w.]+)/` \|", split_map(MAP.read_text(encoding="utf-8"))[0], re.MULTILINE)
    )
    folders = {path.parent.name for path in ROOT.glob("*/*.py")} | {"docs", ".ci"}
    assert not (lost := folders - listed), f"docs/map.md: add a line to the first table for {sorted(lost)}"


if __name__ == "__main__":
    rewrite()
