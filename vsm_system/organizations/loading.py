"""Reading an organization: a starter by its name or a file by its path, in the tree form of YAML.

A node is a mapping with any fields of a ViableNode, its children nested under ``children``. The place in the tree says
who the parent is, so ``parent_id`` has no place here. Every error is one line: file, line, column, node and field.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from vsm_core.errors import CoreError
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import OPERATIONS, ViableNode
from vsm_core.validation import validate
from vsm_system.errors import UserError
from vsm_system.organizations.document import Document, DocumentError, Place, read_document

STARTERS = Path(__file__).parent
SUFFIXES = (".yaml", ".yml")
FILE_LIMIT = 5_000_000  # bytes of an organization file
FIELDS = ("children", *(name for name in ViableNode.model_fields if name not in {"children", "parent_id"}))


class OrganizationError(UserError):
    """An organization can't be read; the message names the place and the mend."""


def known_organizations() -> tuple[str, ...]:
    """Return the names of the starters."""
    return tuple(sorted(path.stem for path in STARTERS.glob("*.yaml")))


def load_organization(name_or_path: str | Path) -> OrganizationalGenome:
    """Return a starter by name or an organization by file; raise OrganizationError."""
    path = _located(name_or_path)
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise OrganizationError(f"{path}: larger than {FILE_LIMIT} bytes: this is no organization file")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise OrganizationError(f"{path}: {reason}; name a YAML file or one of {_known()}") from error
    return parse_organization(text, source=str(name_or_path))


def _located(name_or_path: str | Path) -> Path:
    name = str(name_or_path)
    if name in known_organizations():
        return STARTERS / f"{name}.yaml"
    path = Path(name).expanduser()
    if path.exists() or path.suffix in SUFFIXES or path.name != name:
        return path
    raise OrganizationError(
        f"unknown organization {name!r}{_guess(name, known_organizations())}: known are {_known()}; "
        "or name a YAML file"
    )


def _known() -> str:
    return ", ".join(known_organizations())


def parse_organization(text: str, *, source: str) -> OrganizationalGenome:
    """Return the organization that a YAML text describes; ``source`` is how errors call it."""
    try:
        document = read_document(text)
    except DocumentError as error:
        raise OrganizationError(f"{source}:{error.line}:{error.column}: {error}") from error
    return _Reader(document, source).read()


class _Reader:
    """Turns one document into a genome; knows where everything stands, to say so where it is wrong."""

    def __init__(self, document: Document, source: str) -> None:
        self._document = document
        self._source = source
        self._places: dict[str, Place] = {}

    def read(self) -> OrganizationalGenome:
        nodes = self._nodes((), None)
        _, root = next(nodes)
        genome = new_genome(root)
        try:
            for parent, node in nodes:
                genome = add_child(genome, parent or root.id, node)
            validate(genome)
        except CoreError as error:
            raise self._wrong(self._places.get(getattr(error, "node_id", ""), ()), str(error)) from error
        return genome

    def _nodes(self, place: Place, parent: str | None) -> Iterator[tuple[str | None, ViableNode]]:
        written = self._value(place)
        if not isinstance(written, Mapping):
            raise self._wrong(place, f"a node is a mapping with an id, not {_kind(written)}")
        node = self._node(place, written)
        if node.id in self._places:
            first = self._document.mark(self._places[node.id])
            raise self._wrong((*place, "id"), f"node {node.id!r}: the id is already taken in line {first[0]}")
        self._places[node.id] = place
        yield parent, node
        children = written.get("children") or []
        if not isinstance(children, list):
            raise self._wrong((*place, "children"), f"node {node.id!r}: children is a list of nodes")
        for index in range(len(children)):
            yield from self._nodes((*place, "children", index), node.id)

    def _node(self, place: Place, written: Mapping[str, object]) -> ViableNode:
        name = str(written.get("id", "?"))
        for key in written:
            if key not in FIELDS:
                raise self._wrong((*place, key), f"node {name!r}: {_unknown(str(key), FIELDS)}")
        fields = {key: item for key, item in written.items() if key != "children"}
        if isinstance(fields.get("operation"), str):
            fields["operation"] = self._operation(place, name, str(fields["operation"]))
        try:
            return ViableNode.model_validate(fields)
        except ValidationError as error:
            raise self._invalid(place, name, error) from error

    def _operation(self, place: Place, name: str, kind: str) -> dict[str, object]:
        if kind not in OPERATIONS:
            why = f"unknown operation {kind!r}{_guess(kind, tuple(OPERATIONS))}: known are {', '.join(OPERATIONS)}"
            raise self._wrong((*place, "operation"), f"node {name!r}: {why}")
        return {"kind": kind, "capabilities": sorted(OPERATIONS[kind])}

    def _invalid(self, place: Place, name: str, error: ValidationError) -> OrganizationError:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            message = f"unknown field {where!r}"
        elif first["type"] == "missing":
            message = f"the field {where!r} is missing"
        else:
            message = f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
        return self._wrong((*place, *first["loc"]), f"node {name!r}: {message}")

    def _value(self, place: Place) -> object:
        found = self._document.content
        for part in place:
            found = found[part]  # type: ignore[index]
        return found

    def _wrong(self, place: Place, message: str) -> OrganizationError:
        line, column = self._document.mark(place)
        return OrganizationError(f"{self._source}:{line}:{column}: {message}")


def _kind(written: object) -> str:
    return {list: "a list", str: "a text", type(None): "nothing"}.get(
        type(written), f"a {type(written).__name__}"
    )


def _unknown(key: str, known: tuple[str, ...]) -> str:
    if key == "parent_id":
        return "'parent_id' is not written down: a node stands under its parent's children"
    return f"unknown field {key!r}{_guess(key, known)}"


def _guess(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
