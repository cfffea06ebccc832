"""Public names that load on first use: importing a package costs nothing but this file.

``vsm_system`` has a loader of its own: it may import nothing before the current folder is off the module search path.
"""

from collections.abc import Callable, Mapping
from importlib import import_module


def names_in(homes: Mapping[str, str]) -> list[str]:
    """Return the public names of a package, sorted; ``homes`` is module -> names, parted by blanks."""
    return sorted(name for names in homes.values() for name in names.split())


def loader(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a package's ``__getattr__``: it loads a public name from its home, once."""
    home_of = {name: module for module, names in homes.items() for name in names.split()}

    def load(name: str) -> object:
        home = home_of.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{home}"), name)
        vars(import_module(package))[name] = found
        return found

    return load
