"""Large outputs, kept by their content: a transcript or a test log is named by its sha256 and read back by it."""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile

from vsm_core.task import Artifact
from vsm_worker.secret_rules import redacted_bytes

INLINE_LIMIT = 2_048  # bytes of text that travel inside the artifact itself


@dataclass(frozen=True, slots=True)
class ArtifactStore:
    """A folder of files named by the sha256 of what is in them; equal content is stored once."""

    folder: Path

    def put(self, name: str, content: bytes) -> Artifact:
        """Store content without its secrets and return what names it; raise OSError where it can't be written."""
        content = redacted_bytes(content)
        digest = sha256(content).hexdigest()
        target = self._path(digest)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=target.parent, delete=False) as arriving:
                arriving.write(content)
            Path(arriving.name).replace(target)
        return Artifact(name=name, digest=digest, size_bytes=len(content), inline=_inline(content))

    def read(self, digest: str) -> bytes:
        """Return stored content; raise FileNotFoundError where there is none of that digest."""
        return self._path(digest).read_bytes()

    def size(self, digest: str) -> int:
        """Return the bytes of stored content; raise FileNotFoundError where there is none of that digest."""
        return self._path(digest).stat().st_size

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest


def _inline(content: bytes) -> str | None:
    if len(content) > INLINE_LIMIT or not content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def default_cache_folder() -> Path:
    """Return where this user's work trees and caches live: ``$XDG_CACHE_HOME/vsm``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vsm"
