"""A way to a server that can be cut: a TCP proxy that may drop all, or the answer to a commit alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
COMMIT = b"COMMIT;\x00"


class Cut(Enum):
    """When the next commit that passes is cut off."""

    NEVER = "never"
    BEFORE = "before"  # the server never gets it
    AFTER = "after"  # the server did it, and nobody hears of that


@dataclass
class Proxy:
    """Passes bytes on in both directions; ``cut`` says what to do about the next commit."""

    host: str
    port: int
    cut: Cut = Cut.NEVER
    is_open: bool = True
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.close()
            return
        back, forth = await asyncio.open_connection(self.host, self.port)
        self.writers += [writer, forth]
        answers = asyncio.create_task(pass_on(back, writer))
        with suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if COMMIT in chunk and self.cut is not Cut.NEVER:
                    await self._cut_commit(chunk, forth, answers)
                    break
                forth.write(chunk)
                await forth.drain()
        forth.close()
        writer.close()
        with suppress(asyncio.CancelledError):
            await answers

    async def _cut_commit(
        self, chunk: bytes, forth: asyncio.StreamWriter, answers: "asyncio.Task[None]"
    ) -> None:
        cut, self.cut = self.cut, Cut.NEVER
        answers.cancel()
        if cut is Cut.AFTER:
            forth.write(chunk)
            await forth.drain()

    def sever(self) -> None:
        """Break all connections and take no new ones."""
        self.is_open = False
        while self.writers:
            self.writers.pop().transport.abort()

    def mend(self) -> None:
        self.is_open = True


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before the server of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname or "127.0.0.1", parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = f"{parts.username}{f':{parts.password}' if parts.password else ''}"
    through = parts._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()
    try:
        yield proxy, through + ("&" if parts.query else "?") + "sslmode=disable"
    finally:
        proxy.sever()
        server.close()
        await server.wait_closed()
