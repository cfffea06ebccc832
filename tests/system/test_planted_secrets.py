"""Secrets of every kind, planted wherever a user or an agent can say them, are nowhere that anything is kept.

A real organization plays a script: an agent that prints secrets, writes them into files, says them and fails with them.
Its state (ledger, log, outbox, artifacts, checkpoints), what the command prints, and all that the refs of the
repository lead to are searched byte by byte.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.system.repositories import Yard
from tests.unit.system.organized import organized_run
from tests.unit.worker.planted import SECRETS
from vsm_core.payloads.work import Directive
from vsm_ledger import open_history, verify
from vsm_system.discretion import without_secrets
from vsm_worker.secret_rules import redacted

pytestmark = pytest.mark.timeout(170)
YardWith = Callable[..., Yard]
ALL = "\n".join(SECRETS.values())
NEEDLES = {
    name: redacted_part
    for name, said in SECRETS.items()
    if (redacted_part := said.split(" = ")[-1].strip('"'))
}
ORGANIZATION = """
id: planted
children:
  - id: coder
    operation: coding
    model: {{provider: scripted, model: {script}}}
  - id: checker
    operation: testing
    model: {{provider: command}}
"""
PRINTS = "import sys; text = sys.argv[1]; print(text); print(text, file=sys.stderr)"
SCRIPT = {
    "attempts": [
        [
            {"run": ["python3", "-c", PRINTS, ALL]},
            {"say": f"I found these:\n{ALL}"},
            {"write": {"path": "settings.py", "text": f"TEXT = '''\n{ALL}\n'''\n"}},
        ],
        [{"say": ALL}, {"fail": f"it broke: {ALL}"}],
        [{"say": ALL}, {"append": {"path": "one.py", "text": "two = 2\n"}}],
    ]
}


def stored(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below some folders but git's compressed ones."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.parts[-4:-2] != (".git", "objects"):
                yield path, path.read_bytes()


def published(yard: Yard) -> Iterator[bytes]:
    """Every object that a ref of the repository leads to."""
    for line in yard.git("rev-list", "--objects", "--all").splitlines():
        name = line.split()[0]
        yield yard.git_bytes("cat-file", yard.git("cat-file", "-t", name), name)
    for ref in yard.git("for-each-ref", "--format=%(refname)").splitlines():
        yield yard.git_bytes("cat-file", "-p", ref)


def found_in(content: bytes) -> list[str]:
    return [name for name, needle in NEEDLES.items() if needle.encode() in content]


def test_the_rules_know_every_secret_that_is_planted() -> None:
    assert found_in(redacted(ALL).encode()) == []
    assert len(found_in(ALL.encode())) == len(SECRETS)


def test_no_secret_is_kept_or_printed(yard_with: YardWith, tmp_path: Path) -> None:
    script = tmp_path / "script" / "script.yaml"
    script.parent.mkdir()
    script.write_text(yaml.safe_dump(SCRIPT))
    organization = script.with_name("planted.yaml")
    organization.write_text(ORGANIZATION.format(script=script))
    yard = yard_with({"one.py": "one = 1\n"})
    ended = yard.run(f"Use these keys:\n{ALL}", "--organization", str(organization), "--directive", "planted")
    assert ended.document["outcome"] in {"completed", "failed", "rejected", "needs_human"}, ended.stderr
    assert found_in((ended.stdout + ended.stderr).encode()) == []
    kept = [(path, found) for path, content in stored(yard.root, yard.home) if (found := found_in(content))]
    assert kept == []
    assert [found for found in map(found_in, published(yard)) if found] == []
    shown = "".join(
        yard.vsm(*words).stdout for words in (("ledger", "facts"), ("runs",), ("show", "planted"))
    )
    assert "[redacted: GitHub token]" in shown
    assert found_in(shown.encode()) == []


async def test_labels_and_words_are_handed_in_without_secrets(tmp_path: Path) -> None:
    asked = Directive(
        id="d-0",
        title=ALL,
        body=ALL,
        desired_state=ALL,
        constraints=(ALL,),
        labels={"key": ALL, ALL: "label"},
    )
    location = tmp_path / "state" / "ledger.db"
    await organized_run(location, tmp_path / "state", directives=1, asked=asked)
    assert [(path, found) for path, content in stored(tmp_path) if (found := found_in(content))] == []
    assert (await verify(location)).findings == ()
    history = await open_history(location)
    accepted = next(row.fact for row in await history.facts() if row.fact.kind == "DirectiveAccepted")
    await history.close()
    assert accepted.directive.labels["key"] == redacted(ALL)
    assert accepted.directive.constraints == (redacted(ALL),)


def test_a_directive_without_secrets_is_handed_in_as_it_is() -> None:
    asked = Directive(id="d-0", title="Fix it", labels={"who": "ada"})
    assert without_secrets(asked) == asked
