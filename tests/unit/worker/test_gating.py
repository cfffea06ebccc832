"""The hard gates on real diffs: each refuses what it is for, and shows no secret."""

import pytest

from tests.unit.worker.packets import leaf, leftovers, packet, request, run_script, script, surroundings
from vsm_core.capability import PermissionSpec
from vsm_core.node import System5Policy
from vsm_core.payloads.jobs import GateKind
from vsm_core.task import AcceptanceCriterion
from vsm_worker.execution import execute


def kinds(report) -> list[str]:
    return [each.kind for each in report.violations]


EDIT = {"write": {"path": "b.py", "text": "y = 2\n"}}
KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


REFUSED = [
    ([EDIT], {"scope": ["src"]}, GateKind.OUTSIDE_SCOPE),
    ([{"write": {"path": "vsm.toml", "text": ""}}], {}, GateKind.PROTECTED_PATH),
    ([{"write": {"path": ".husky/pre-commit", "text": ""}}], {}, GateKind.PROTECTED_PATH),
    ([{"link": {"path": "out", "target": "../../etc/passwd"}}], {}, GateKind.ESCAPING_SYMLINK),
    ([{"link": {"path": "out", "target": "/etc"}}], {}, GateKind.ESCAPING_SYMLINK),
    ([{"append": {"path": "a.py", "text": f"key = '{KEY}'\n"}}], {}, GateKind.SECRET),
    (
        [{"append": {"path": "check.py", "text": "pass\n"}}],
        {"acceptance": [AcceptanceCriterion(name="check", verifier=("python3", "-u", "check.py"))]},
        GateKind.PROTECTED_PATH,
    ),
]


@pytest.mark.parametrize("case", REFUSED)
async def test_a_gate_refuses(tmp_path, git_repository, refer, case):
    steps, fields, expected = case
    root = git_repository({"a.py": "x = 1\n", "check.py": "print()\n"})
    report = await run_script(tmp_path, refer(root), *steps, **fields)
    assert kinds(report) == [expected]
    assert KEY not in report.model_dump_json()
    assert leftovers(tmp_path) == []


async def test_work_with_a_secret_is_kept_on_no_ref(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    leak = {"append": {"path": "a.py", "text": f"key = '{KEY}'\n"}}
    report = await run_script(tmp_path, refer(root), leak)
    assert kinds(report) == [GateKind.SECRET]
    assert (report.commit, report.rescue_ref, report.files_touched) == (None, None, ("a.py",))
    assert git(root, "for-each-ref", "refs/vsm") == ""


async def test_work_with_a_secret_is_dropped_also_after_an_interruption(tmp_path, git_repository, git, refer):
    root = git_repository({"a.py": "x = 1\n"})
    repository = refer(root)
    git_repository({"a.py": f"key = '{KEY}'\n"})
    ref = "refs/vsm/attempts/tidy-up/task_one/1-execution_one"
    git(root, "update-ref", ref, "HEAD")
    report = await run_script(tmp_path, repository, {"fail": "it must not be asked again"})
    assert kinds(report) == [GateKind.SECRET]
    assert git(root, "for-each-ref", "refs/vsm") == ""


async def test_paths_that_policy_denies_or_protects_are_refused(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf(
        "scripted",
        model=script(tmp_path, EDIT, {"write": {"path": "ops/x", "text": "1"}}),
        permissions=PermissionSpec(denied_paths=("ops",)),
    ).model_copy(update={"system_5": System5Policy(protected_paths=("*.py",))})
    report = await execute(request(packet(node, refer(root))), surroundings(tmp_path))
    assert [(each.kind, each.path) for each in report.violations] == [
        (GateKind.DENIED_PATH, "ops/x"),
        (GateKind.PROTECTED_PATH, "b.py"),
    ]


async def test_a_leaf_that_may_not_write_leaves_no_diff(tmp_path, git_repository, refer):
    root = git_repository({"a.py": "x = 1\n"})
    node = leaf("scripted", model=script(tmp_path, EDIT), operation="reviewing")
    report = await execute(request(packet(node, refer(root))), surroundings(tmp_path))
    assert kinds(report) == [GateKind.NO_WRITE_CAPABILITY]


async def test_special_changes_are_listed_and_pass(tmp_path, git_repository, refer):
    root = git_repository({"a.sh": "true\n", "b.py": "x = 1\n"})
    steps = [
        {"run": ["chmod", "+x", "a.sh"]},
        {"link": {"path": "inside", "target": "b.py"}},
        {"run": ["sh", "-c", "printf 'a\\0b' > data.bin"]},
    ]
    report = await run_script(tmp_path, refer(root), *steps)
    assert report.violations == ()
    assert report.special_changes == (
        "mode 100644 -> 100755: a.sh",
        "binary: data.bin",
        "symbolic link: inside",
    )


async def test_a_secret_that_only_moves_is_no_new_secret(tmp_path, git_repository, refer):
    root = git_repository({"a.py": f"key = '{KEY}'\n"})
    report = await run_script(tmp_path, refer(root), {"write": {"path": "a.py", "text": f'key = "{KEY}"\n'}})
    assert report.violations == ()
