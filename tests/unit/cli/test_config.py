"""The configuration: precedence, sources, and one clear line for what does not fit."""

from pathlib import Path

import pytest

from vsm_system.config import Config, ConfigError, load_config


def write(folder: Path, text: str, name: str = "vsm.toml") -> None:
    (folder / name).write_text(text, encoding="utf-8")


def test_without_anything_all_values_are_defaults(tmp_path: Path) -> None:
    found = load_config(tmp_path, {}, {})
    assert found.values == Config()
    assert set(found.sources.values()) == {"default"}


def test_flags_go_over_variables_over_the_file_over_defaults(tmp_path: Path) -> None:
    write(tmp_path, 'jobs = 3\npython = "python3.12"\nacceptance = ["make check"]\n')
    found = load_config(tmp_path, {"jobs": 5, "rules": ()}, {"VSM_JOBS": "4", "VSM_PYTHON": "python3.13"})
    assert (found.values.jobs, found.values.python) == (5, "python3.13")
    assert found.values.acceptance == ("make check",)
    assert found.sources == {
        **dict.fromkeys(Config.model_fields, "default"),
        "jobs": "--jobs",
        "python": "VSM_PYTHON",
        "acceptance": "vsm.toml",
    }


def test_the_project_file_serves_where_there_is_no_other(tmp_path: Path) -> None:
    write(tmp_path, "[tool.vsm]\njobs = 3\n", "pyproject.toml")
    found = load_config(tmp_path, {}, {})
    assert found.sources["jobs"] == "pyproject.toml [tool.vsm]"
    write(tmp_path, "timeout = 60\n")
    assert load_config(tmp_path, {}, {}).values == Config(timeout=60)


def test_a_malformed_project_file_is_the_repositorys_own_affair(tmp_path: Path) -> None:
    write(tmp_path, "[tool.vsm\n", "pyproject.toml")
    assert load_config(tmp_path, {}, {}).values == Config()


def test_paths_of_the_file_are_seen_from_its_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        'organization = "crew.yaml"\nstate = ".state"\nledger = "sqlite:///x.db"\npython = "python3"\n',
    )
    values = load_config(tmp_path, {}, {}).values
    assert values.organization == str(tmp_path / "crew.yaml")
    assert values.state == str(tmp_path / ".state")
    assert (values.ledger, values.python) == ("sqlite:///x.db", "python3")


def test_rules_in_a_variable_are_separated_by_commas_or_blanks(tmp_path: Path) -> None:
    assert load_config(tmp_path, {}, {"VSM_RULES": "E,F UP006"}).values.rules == ("E", "F", "UP006")


def test_a_variable_of_another_program_is_left_alone(tmp_path: Path) -> None:
    assert (
        load_config(tmp_path, {}, {"VSM_CRASH_AT": "x", "VSM_BACKUP_HOST": "y", "VSM_JOBS": ""}).values
        == Config()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("job = 3", "vsm.toml: unknown key 'job' (did you mean 'jobs'?); known are"),
        ('jobs = "many"', "vsm.toml: jobs: input should be a valid integer"),
        ("jobs = 0", "vsm.toml: jobs: input should be greater than or equal to 1, not 0"),
        ("timeout = -1", "vsm.toml: timeout: input should be greater than 0"),
        ('rules = ["F", "no such"]', "vsm.toml: rules (item 2):"),
        ('acceptance = "x"', "vsm.toml: acceptance: should be a list of commands, not 'x'"),
        ("jobs =", "vsm.toml: Invalid value"),
        ("acceptance = ['a \"']", "acceptance 'a \"': no closing quotation"),
        ('acceptance = [" "]', "acceptance is empty"),
    ],
)
def test_what_does_not_fit_in_the_file_is_one_line(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path, {}, {})
    assert str(raised.value).startswith(expected)
    assert "\n" not in str(raised.value)


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "tool.vsm = 3\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"tool\.vsm must be a table"):
        load_config(tmp_path, {}, {})


def test_flags_and_variables_are_named_as_they_are_typed() -> None:
    with pytest.raises(ConfigError, match=r"^--jobs: "):
        load_config(None, {"jobs": 1_000}, {})
    with pytest.raises(ConfigError, match=r"^VSM_APPLY: "):
        load_config(None, {}, {"VSM_APPLY": "perhaps"})
    with pytest.raises(ConfigError, match=r"unknown variable VSM_JOB \(did you mean 'VSM_JOBS'\?\)"):
        load_config(None, {}, {"VSM_JOB": "3"})
