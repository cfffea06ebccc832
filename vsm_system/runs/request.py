"""What a user asks of a run, and everything that follows from it before anything runs: the directive and its id.

The id is a function of what would change the result, so the same request made twice is one directive.
"""

import os
import re
import shlex
import shutil
from base64 import b32encode, b32hexencode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from vsm_core.codec import canonical_bytes
from vsm_core.genome import OrganizationalGenome, working_children
from vsm_core.ids import NODE_ID_PATTERN
from vsm_core.payloads.work import Directive
from vsm_core.task import AcceptanceCriterion, ExecutionOptions
from vsm_core.value import TEXT_LIMIT
from vsm_system.config import Config, argv_of
from vsm_system.errors import UserError
from vsm_system.organizations import load_organization
from vsm_system.repository.identity import OpenRepository, open_repository
from vsm_system.runs.state import State, locate

ID_LENGTH = 12  # base32 characters of the derived id: 60 bits
CLOCK_BITS, CHANCE_BITS, SPARE_BITS = 48, 12, 4  # of the suffix of a new run, time first
CHANCE_BYTES, SUFFIX_BYTES, SUFFIX_LENGTH = 2, 8, 12  # base32 with an alphabet that sorts as the numbers do
SUFFIX_PATTERN = f"-[0-9a-v]{{{SUFFIX_LENGTH}}}$"
ID_LIMIT = 48  # characters of a NodeId


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks: the words, where, and under which configuration."""

    text: str | None
    workspace: Path
    config: Config
    directive: str | None = None
    again: bool = False
    wait: bool = True
    genome: OrganizationalGenome | None = None  # instead of the configured organization


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request that can be run: all that is known without running anything."""

    request: Request
    repository: OpenRepository
    genome: OrganizationalGenome
    state: State
    directive_id: str

    @property
    def options(self) -> ExecutionOptions:
        """What every leaf must honour."""
        config = self.request.config
        return ExecutionOptions(
            python=interpreter_of(config.python), rules=config.rules, home=str(self.repository.root)
        )


async def prepare(request: Request) -> Prepared:
    """Return the request with its repository, organization, state and id; raise UserError or RepositoryError."""
    text = (request.text or "").strip()
    if not text and request.directive is None:
        raise UserError('say what to do: vsm run-directive "Fix the lint errors"')
    if len(text) > TEXT_LIMIT:
        raise UserError(
            f"the directive has {len(text)} characters, over the limit of {TEXT_LIMIT}: shorten it"
        )
    interpreter_of(request.config.python)
    repository = await open_repository(request.workspace)
    genome = request.genome or load_organization(request.config.organization)
    if not working_children(genome, genome.root_id):
        raise UserError(
            f"organization {genome.root_id!r} has a root without children, so nobody could work: "
            "add a leaf under `children:`, or use one of the starters (vsm genome show maintenance)"
        )
    state = locate(repository.common, request.config.state, request.config.ledger, genome.root_id)
    return Prepared(request, repository, genome, state, directive_id_of(request, repository, genome))


def interpreter_of(python: str | None) -> str | None:
    """Return the interpreter to use, made absolute; raise UserError where there is none."""
    if python is None:
        return None
    if os.sep not in python and not Path(python).is_dir():
        if shutil.which(python) is None:
            raise UserError(
                f"--python {python}: no such program on PATH; name an interpreter or a virtual environment"
            )
        return python
    path = Path(python).expanduser().absolute()
    found = path / "bin" / "python" if path.is_dir() else path
    if not os.access(found, os.X_OK):
        raise UserError(
            f"--python {python}: there is no interpreter at {found}; name one, or a virtual environment"
        )
    return str(found)


# --------------------------------------------------------------------------------------------------------- id


def directive_id_of(request: Request, repository: OpenRepository, genome: OrganizationalGenome) -> str:
    """Return the id of the request's directive; raise UserError for a chosen one that can't be one."""
    if request.directive is not None:
        chosen = checked_id(request.directive)
    else:
        config = request.config
        chosen = derived_id(
            repository.identity,
            repository.head,
            (request.text or "").strip(),
            [list(argv_of(command)) for command in config.acceptance],
            genome.id,
            {"rules": sorted(config.rules), "python": config.python},
        )
    return fresh_id(chosen) if request.again else chosen


def derived_id(*parts: object) -> str:
    """Return a short id made of all that would change the result."""
    hashed = sha256(canonical_bytes(list(parts))).digest()
    return f"d-{b32encode(hashed).decode().lower()[:ID_LENGTH]}"


def checked_id(chosen: str) -> str:
    """Return a user's own directive id; raise UserError where it breaks the alphabet."""
    if re.fullmatch(NODE_ID_PATTERN, chosen) is None:
        raise UserError(
            f"--directive {chosen!r}: an id has 1 to {ID_LIMIT} of a-z, 0-9, - and _, "
            "and begins and ends with a letter or digit"
        )
    return chosen


def fresh_id(stem: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Return a new id that sorts by time and says what it repeats; raise UserError where the stem is too long."""
    clock = int(now().timestamp() * 1_000) & (2**CLOCK_BITS - 1)
    chance = int.from_bytes(os.urandom(CHANCE_BYTES)) & (2**CHANCE_BITS - 1)
    number = (clock << CHANCE_BITS | chance) << SPARE_BITS
    suffix = b32hexencode(number.to_bytes(SUFFIX_BYTES)).decode().lower()[:SUFFIX_LENGTH]
    made = f"{stem}-{suffix}"
    if len(made) > ID_LIMIT:
        made = f"{re.sub(SUFFIX_PATTERN, '', stem)}-{suffix}"  # what is done anew was done anew already
    if len(made) > ID_LIMIT:
        raise UserError(
            f"--directive {stem!r} with --again is longer than {ID_LIMIT} characters: choose a shorter id"
        )
    return made


# ------------------------------------------------------------------------------------------------- directive


def repeated(request: Request, directive: Directive) -> Request:
    """Return a request with the words of a directive, and with its terms where the request names none."""
    config, options = request.config, directive.options
    terms = {
        "acceptance": config.acceptance or tuple(shlex.join(each.verifier) for each in directive.acceptance),
        "rules": config.rules or options.rules,
        "python": config.python or options.python,
    }
    text = directive.body or directive.title
    return replace(request, text=text, config=config.model_copy(update=terms))


def directive_of(prepared: Prepared) -> Directive:
    """Return the directive of a request, its deadline counted from now."""
    config, text = prepared.request.config, (prepared.request.text or "").strip()
    title = text.partition("\n")[0].strip()
    timeout = config.timeout
    return Directive(
        id=prepared.directive_id,
        title=title,
        body=text if text != title else "",
        repository=prepared.repository.ref,
        acceptance=acceptance_of(config),
        options=prepared.options,
        deadline=datetime.now(UTC) + timedelta(seconds=timeout) if timeout else None,
    )


def acceptance_of(config: Config) -> tuple[AcceptanceCriterion, ...]:
    """Return the configured acceptance as criteria; empty where the repository's own is to be found."""
    commands = [argv_of(command) for command in config.acceptance]
    return tuple(
        AcceptanceCriterion(
            name="acceptance" if len(commands) == 1 else f"acceptance-{number}", verifier=argv
        )
        for number, argv in enumerate(commands, 1)
    )
