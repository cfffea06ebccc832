"""Checkpoints: signed statements of what the ledger held, and the keys that sign them.

A checkpoint signs the Merkle root over the heads of all streams. It is numbered, and names the hash of the one before
it, so a gap shows. Copies of it lie outside the ledger; callers write them (``copy_line``) and hand them back for
comparison (``read_copy``). The private key never lies in the state folder. Nothing here reads a ledger.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from vsm_core.codec import canonical_bytes
from vsm_core.errors import CanonicalError
from vsm_ledger.chain import Head, merkle_root

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KEY_NAME = "ledger.ed25519"
KEY_ID_LENGTH = 16  # hexadecimal characters of the public key's sha256
_PRIVATE_MODE = 0o600
_FOLDER_MODE = 0o700


@dataclass(frozen=True)
class Checkpoint:
    """What one organization's ledger held at one time."""

    organization: str
    number: int
    created_at: str
    facts: int  # in the ledger, over all streams
    heads: tuple[Head, ...]  # in the order of their streams
    root: str
    previous: str  # the digest of the checkpoint before; of the first one, 64 zeros
    key_id: str
    signature: str

    @cached_property
    def digest(self) -> str:
        """The hash that the next checkpoint names."""
        return sha256(signed_bytes(self) + bytes.fromhex(self.signature)).hexdigest()


@dataclass(frozen=True)
class Signer:
    """A private key, and the id its public half is known by."""

    key_id: str
    private: "Ed25519PrivateKey"

    def sign(self, unsigned: Checkpoint) -> Checkpoint:
        """Return the checkpoint with this key's id and signature."""
        named = replace(unsigned, key_id=self.key_id)
        return replace(named, signature=self.private.sign(signed_bytes(named)).hex())


# --------------------------------------------------------------------------------------------------------- bytes


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """Return the canonical bytes a signature covers: all but the signature; the heads through their root."""
    names = ("organization", "number", "created_at", "facts", "root", "previous", "key_id")
    return canonical_bytes({name: getattr(checkpoint, name) for name in names})


def copy_line(checkpoint: Checkpoint) -> bytes:
    """Return the checkpoint as one line of canonical JSON, without its line break: what copies hold."""
    fields = {name: getattr(checkpoint, name) for name in Checkpoint.__dataclass_fields__}
    heads = [[head.stream, head.version, head.hash] for head in checkpoint.heads]
    return canonical_bytes({**fields, "heads": heads})


def read_copy(line: bytes | str) -> Checkpoint | None:
    """Return the checkpoint that ``copy_line`` wrote; None for bytes that are none. It is not verified here."""
    try:
        fields = orjson.loads(line)
        heads = tuple(Head(str(name), int(version), str(head)) for name, version, head in fields.pop("heads"))
        bytes.fromhex(str(fields["signature"]))
        return Checkpoint(
            organization=str(fields["organization"]),
            number=int(fields["number"]),
            created_at=str(fields["created_at"]),
            facts=int(fields["facts"]),
            heads=heads,
            root=str(fields["root"]),
            previous=str(fields["previous"]),
            key_id=str(fields["key_id"]),
            signature=str(fields["signature"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def read_copies(text: bytes) -> tuple[Checkpoint, ...]:
    """Return the checkpoints of a file of lines, without those that can't be read."""
    return tuple(found for line in text.splitlines() if (found := read_copy(line)) is not None)


def is_genuine(checkpoint: Checkpoint, keys: Mapping[str, bytes]) -> bool | None:
    """Say whether root and signature are right; None where its public key is not among ``keys`` (id -> 32 bytes)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = keys.get(checkpoint.key_id)
    try:
        if merkle_root(checkpoint.heads) != checkpoint.root:
            return False
        if public is None:
            return None
        Ed25519PublicKey.from_public_bytes(public).verify(
            bytes.fromhex(checkpoint.signature), signed_bytes(checkpoint)
        )
    except (InvalidSignature, ValueError, CanonicalError):
        return False
    return True


# ---------------------------------------------------------------------------------------------------------- keys


def keys_folder() -> Path:
    """Return the folder of this user's private keys."""
    configured = os.environ.get("XDG_CONFIG_HOME")
    return (Path(configured) if configured else Path.home() / ".config") / "vsm" / "keys"


def load_signer(state: Path | None = None, folder: Path | None = None) -> Signer:
    """Return this user's signer, its key made at first use; its public key is copied to ``state``/keys."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(_private_bytes((folder or keys_folder()) / KEY_NAME))
    public = private.public_key().public_bytes_raw()
    signer = Signer(sha256(public).hexdigest()[:KEY_ID_LENGTH], private)
    if state is not None:
        _publish(state / "keys" / f"{signer.key_id}.pub", public)
    return signer


def load_public_keys(state: Path) -> dict[str, bytes]:
    """Return the public keys in ``state``/keys by their ids; a file that holds none, or another one, is left out."""
    found = {}
    for path in sorted((state / "keys").glob("*.pub")):
        try:
            public = bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            continue
        key_id = sha256(public).hexdigest()[:KEY_ID_LENGTH]
        if key_id == path.stem:
            found[key_id] = public
    return found


def _private_bytes(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError:
        return _make_private(path)


def _make_private(path: Path) -> bytes:
    """Make the key in one step: whoever else makes it at the same time, one of the two is kept."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
    try:
        os.link(made, path)
    except FileExistsError:
        pass
    finally:
        made.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii").strip())


def _publish(path: Path, public: bytes) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(public.hex() + "\n", encoding="ascii")
