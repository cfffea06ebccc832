"""The examples run as they stand, and the public surface they use is what it is."""

import asyncio
import subprocess
import sys
from pathlib import Path

import vsm_system
from vsm_system.sample.layout import lay_out

EXAMPLE = Path(__file__).parents[2] / "examples" / "local_directive.py"
TIMEOUT_SECONDS = 100


def test_the_example_mends_the_sample(tmp_path: Path, isolated_home: Path) -> None:
    asyncio.run(lay_out(tmp_path / "sample"))
    finished = subprocess.run(
        [sys.executable, str(EXAMPLE), str(tmp_path / "sample")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("completed: vsm/d-")


def test_the_example_is_short() -> None:
    assert EXAMPLE.read_text(encoding="utf-8").count("\n") < 40


def test_the_public_surface_is_this() -> None:
    assert vsm_system.__all__ == [
        "Config",
        "ConfigError",
        "EvidenceLine",
        "OrganizationError",
        "Result",
        "SystemFailure",
        "TaskLine",
        "UserError",
        "known_organizations",
        "load_organization",
        "organization_yaml",
        "run_directive",
    ]
    assert all(getattr(vsm_system, name) for name in vsm_system.__all__)
