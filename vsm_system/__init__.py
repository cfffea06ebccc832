"""Composition: actor hosts, the organizations that come with the program, and the runs that a user starts.

The names below are the public surface; they load on first use. Nothing but ``sys`` is imported here: the folder that
a run looks at may hold a file named like a library, and must never be where a library is found.
"""

_HOMES = {
    "config": "Config ConfigError",
    "errors": "SystemFailure UserError",
    "organizations": "OrganizationError known_organizations load_organization organization_yaml",
    "runs.run": "run_directive",
    "runs.result": "EvidenceLine Result TaskLine",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - the table above is the list


def __getattr__(name: str) -> object:
    """Load a public name from its home on first use."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)
