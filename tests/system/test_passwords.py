"""The password in a ledger's address is printed by no command, whether the server answers or not."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from typer.main import get_command

from tests.databases import Site
from tests.system.repositories import LINT, NO_TESTS, UNUSED, Yard
from vsm_system.cli.app import app

pytestmark = pytest.mark.timeout(180)
YardWith = Callable[..., Yard]
PASSWORD = "hunter2-4711"
NOBODY = f"postgresql://ada:{PASSWORD}@127.0.0.1:1/nowhere"
NEEDED = {"reason": "--reason=because", "yes": "--yes"}


def commands(group: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands that take a ledger."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, *path, name)
        elif any(each.name == "ledger" for each in command.params):
            yield (*path, name), command


TAKING_A_LEDGER = dict(commands(get_command(app)))


def words_for(path: tuple[str, ...], command: Any) -> list[str]:
    """A command line that gets as far as the ledger."""
    typed = {each.name: each for each in command.params}
    arguments = ["task:t1" if path[-1] == "redact" else "d1" for each in typed.values() if is_asked(each)]
    return [*path, *arguments, *(flag for name, flag in NEEDED.items() if name in typed)]


def is_asked(parameter: Any) -> bool:
    return parameter.param_type_name == "argument" and parameter.name != "file"


def test_there_are_such_commands() -> None:
    names = {" ".join(path) for path in TAKING_A_LEDGER}
    assert {"run-directive", "cancel", "discard", "ledger verify", "ledger redact"} <= names


@pytest.mark.parametrize("path", TAKING_A_LEDGER, ids=" ".join)
def test_a_server_that_does_not_answer(path: tuple[str, ...], yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED})
    ended = yard.vsm(*words_for(path, TAKING_A_LEDGER[path]), "--ledger", NOBODY)
    assert PASSWORD not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_what_the_configuration_shows(yard_with: YardWith) -> None:
    yard = yard_with({"one.py": UNUSED})
    for options in ((), ("--json",)):
        ended = yard.vsm("config", "show", *options, VSM_LEDGER=NOBODY)
        assert "postgresql://127.0.0.1:1/nowhere" in ended.stdout
        assert PASSWORD not in ended.stdout + ended.stderr


@pytest.mark.parametrize("site", ["postgres"], indirect=True)
def test_a_server_that_answers(yard_with: YardWith, site: Site) -> None:
    parts = urlsplit(str(site.location))
    netloc = f"{parts.username}:{PASSWORD}@{parts.hostname}:{parts.port}"
    ledger = ("--ledger", parts._replace(netloc=netloc).geturl())
    yard = yard_with({"one.py": UNUSED})
    said = []
    for words in (
        ("run-directive", LINT, *NO_TESTS, "--directive", "mine"),
        ("run-directive", LINT, *NO_TESTS, "--directive", "mine", "--json"),
        ("run-directive", LINT, "--dry-run"),
        ("cancel", "mine"),
        ("ledger", "redact", "text:never said", "--reason", "a try"),
        *(tuple(words_for(path, command)) for path, command in TAKING_A_LEDGER.items()),
    ):
        named = tuple("mine" if word == "d1" else word for word in words)
        ended = yard.vsm(*named, *ledger)
        said.append(ended.stdout + ended.stderr)
    assert "completed" in said[0]
    assert "search_path" in said[0]  # the next commands name the ledger
    assert [each for each in said if PASSWORD in each] == []
