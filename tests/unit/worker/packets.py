"""Packets, nodes and surroundings as the worker's tests need them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from vsm_core.capability import AuthorityLink, PermissionSpec
from vsm_core.node import LeafOperation, ModelSpec, ToolSpec, ViableNode
from vsm_core.payloads.jobs import ExecuteTask
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import AcceptanceCriterion, RepositoryRef, Role
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.execution import execute
from vsm_worker.surroundings import Surroundings

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
GENOME = "a" * 64
RUFF = ToolSpec(
    name="ruff-lint",
    task_class="lint",
    argv=("ruff", "check", "--fix", "--exit-zero", "{scope}"),
    defaults=("--select", "F,I,UP", "--target-version", "{python_version}"),
    configured_by=("ruff.toml", ".ruff.toml", "pyproject.toml#tool.ruff"),
)


def leaf(
    provider: str = "command",
    *,
    tools: Sequence[ToolSpec] = (),
    model: str | None = None,
    operation: str = "coding",
    permissions: PermissionSpec | None = None,
) -> ViableNode:
    """A leaf named `coder` under `root`."""
    return ViableNode(
        id="coder",
        parent_id="root",
        operation=LeafOperation.of(operation),
        model=ModelSpec(provider=provider, model=model),
        tools=tuple(tools),
        permissions=permissions or PermissionSpec(),
    )


def assigned(node: ViableNode, *, attempt: int = 1, token: int = 1) -> Assignment:
    """An assignment of a node, its authority as the root's genome would say it."""
    root = AuthorityLink(id="root", has_children=True)
    return Assignment(
        node=node,
        authority=(root, node.as_link(has_children=False)),
        genome_id=GENOME,
        attempt=attempt,
        fencing_token=token,
        admit_by=NOW + timedelta(minutes=10),
        lease_seconds=60,
        routed_by="root",
    )


def packet(node: ViableNode, repository: RepositoryRef | None = None, **fields: object) -> TaskPacket:
    """A task for a node; any field of the packet can be set."""
    content: dict[str, object] = {
        "id": "task_one",
        "directive_id": "tidy-up",
        "title": "Tidy the code up",
        "task_class": "lint",
        "repository": repository,
        "base_commit": repository.base_commit if repository else None,
        "assignment": assigned(node),
    }
    return TaskPacket.model_validate({**content, **fields})


def verification(
    repository: RepositoryRef, subject: str, *criteria: AcceptanceCriterion, **fields: object
) -> TaskPacket:
    """A task of role test that judges a commit."""
    return packet(
        leaf(operation="testing"),
        repository,
        role=Role.TEST,
        subject_commit=subject,
        author_node="author",
        acceptance=criteria,
        **fields,
    )


def guard(*argv: str, **fields: object) -> AcceptanceCriterion:
    """A criterion that must not get worse."""
    return AcceptanceCriterion.model_validate({"name": "tests", "verifier": argv, **fields})


def reference(root: Path, commit: str) -> RepositoryRef:
    """A repository as a packet names it."""
    return RepositoryRef(identity="repo-test", location=str(root), base_commit=commit, branch="main")


def surroundings(tmp_path: Path) -> Surroundings:
    """Folders of its own for one test."""
    return Surroundings(tmp_path / "cache", ArtifactStore(tmp_path / "artifacts"), "process-1")


def request(task: TaskPacket, execution: str = "execution_one") -> ExecuteTask:
    """The job of an admitted packet."""
    return ExecuteTask(packet=task, execution_id=execution)


def script(path: Path, *steps: object, name: str = "script.yaml") -> str:
    """Write a script for the scripted provider and return where it lies."""
    target = path / name
    target.write_text(yaml.safe_dump({"steps": list(steps)}, allow_unicode=True), encoding="utf-8")
    return str(target)


def leftovers(tmp_path: Path) -> list[str]:
    """What is left below the cache folder besides locks: nothing, if all is well."""
    cache = tmp_path / "cache"
    return sorted(str(each.relative_to(cache)) for each in cache.glob("*/*") if each.name != "lock")


async def run_script(tmp_path, repository, *steps, execution="execution_one", **fields):
    """Let a scripted agent play its steps as one execution."""
    node = leaf("scripted", model=script(tmp_path, *steps))
    return await execute(request(packet(node, repository, **fields), execution), surroundings(tmp_path))
