"""A YAML text as plain values, with the line and column that each of them stands at.

Duplicate keys, endless references and texts that would grow beyond all bounds are refused here, so that whoever reads
the values meets only trees.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

Place = tuple[str | int, ...]  # the way from the top to a value: keys and positions
VALUES_LIMIT = 200_000  # values of one document, references counted each time
DEPTH_LIMIT = 300  # levels of one document


class DocumentError(Exception):
    """A text is not a YAML tree; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a text, and where each of them stands: (line, column), both from 1."""

    content: object
    marks: Mapping[Place, tuple[int, int]]

    def mark(self, place: Place) -> tuple[int, int]:
        """Return where a value stands, or where the nearest one around it does."""
        while place and place not in self.marks:
            place = place[:-1]
        return self.marks.get(place, (1, 1))


@dataclass(slots=True)
class _Walk:
    marks: dict[Place, tuple[int, int]] = field(default_factory=dict)
    open: set[int] = field(default_factory=set)  # nodes we are inside of


def read_document(text: str) -> Document:
    """Return the one document of a YAML text; raise DocumentError for anything else."""
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            raise DocumentError("the file is empty", 1, 1)
        walk = _Walk()
        _visit(node, (), walk)
        return Document(loader.construct_document(node), walk.marks)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentError(error.problem or error.context or "not YAML", line, column) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise DocumentError(f"not YAML: {error}", 1, 1) from error
    finally:
        if loader is not None:
            loader.dispose()


def _visit(node: yaml.Node, place: Place, walk: _Walk) -> None:
    at = (node.start_mark.line + 1, node.start_mark.column + 1)
    if id(node) in walk.open:
        raise DocumentError("a reference to something that contains it", *at)
    if len(walk.marks) >= VALUES_LIMIT or len(place) > DEPTH_LIMIT:
        raise DocumentError("the document is too large or too deep", *at)
    walk.marks[place] = at
    walk.open.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _visit(item, (*place, index), walk)
    elif isinstance(node, yaml.MappingNode):
        _visit_mapping(node, place, walk)
    walk.open.discard(id(node))


def _visit_mapping(node: yaml.MappingNode, place: Place, walk: _Walk) -> None:
    seen: set[str] = set()
    for key, value in node.value:
        at = (key.start_mark.line + 1, key.start_mark.column + 1)
        if not isinstance(key, yaml.ScalarNode):
            raise DocumentError("a key must be a plain word", *at)
        if key.value in seen:
            raise DocumentError(f"the key {key.value!r} stands here twice", *at)
        seen.add(key.value)
        _visit(value, (*place, key.value), walk)
        if not isinstance(value, yaml.CollectionNode):
            walk.marks[(*place, key.value)] = at
