"""`vsm ledger migrate`, on a ledger as an older version left it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from vsm_ledger.schema import SCHEMA_VERSION

GOLDEN = Path(__file__).with_name("golden") / "schema_1.sql"


def vsm(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vsm_system", "ledger", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_old_ledger_names_the_command_and_the_command_mends_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(GOLDEN.read_text(encoding="utf-8"))
    refused = vsm("tasks", "--ledger", str(path))
    assert refused.returncode != 0
    assert "vsm ledger migrate" in refused.stderr
    assert refused.stderr.count("\n") == 1
    for said in (f"schema {SCHEMA_VERSION}, migrated from 1", f"schema {SCHEMA_VERSION} already"):
        migrated = vsm("migrate", "--ledger", str(path))
        assert (migrated.returncode, migrated.stdout) == (0, f"{path}: {said}\n")
    assert vsm("tasks", "--ledger", str(path)).returncode == 0


@pytest.mark.parametrize("module", ["alembic", "asyncpg", "sqlalchemy"])
def test_help_loads_no_database_library(module: str) -> None:
    program = f"import sys, vsm_system.cli.app; print('{module}' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
