"""Stands between the clients and the server; its connections break in all the ways they break on a train."""

import asyncio
import contextlib
import random
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Self

CHUNK = 1 << 16
LATE_SECONDS = 2.2  # longer than a client of this suite waits for its first answer: it asks again meanwhile
DEAD_SECONDS = {"stream": 6.0}  # a half-open connection is taken down after this: a stream later than its client gives it up
OTHERS_DEAD_SECONDS = 2.5

FATES = ("request lost", "request cut in half", "request late", "answer lost", "answer cut in half", "answer late")


@dataclass(eq=False)
class Link:
    """One connection of a client and the one that carries it on; ``kind``: stream, watch, write or read."""

    writer: asyncio.StreamWriter
    onward: asyncio.StreamWriter | None = None
    kind: str = ""
    flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        for writer in (self.writer, self.onward):
            if writer:
                writer.transport.abort()


class Proxy:
    """``fates``: what becomes of the next writes, in order. ``fallen``: how often each of them did."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._carrying: set[asyncio.Task[None]] = set()
        self.links: set[Link] = set()
        self.fates: deque[str] = deque()
        self.fallen: Counter[str] = Counter()
        self.lag = 0.0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._server.close()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        await self._server.wait_closed()

    def some(self, kind: str, most: int, chance: random.Random) -> list[Link]:
        """A few of the links that are open now."""
        open_now = [link for link in self.links if link.kind == kind]
        return chance.sample(open_now, min(len(open_now), most))

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(writer)
        link.flowing.set()
        self.links.add(link)
        try:
            with contextlib.suppress(OSError):
                request = await reader.read(CHUNK)  # a client sends each in one piece
                link.kind = kind_of(request)
                fate = self._fate_of(link, request)
                if fate == "request lost":
                    return
                await asyncio.sleep(LATE_SECONDS if fate == "request late" else self.lag)
                answers, link.onward = await asyncio.open_connection("127.0.0.1", self._to)
                if fate == "request cut in half":
                    link.onward.write(request[: len(request) - 20])
                    await link.onward.drain()
                    await asyncio.sleep(0.05)
                    return
                link.onward.write(request)
                if fate.startswith("answer"):
                    await self._spoil(fate, answers, link)
                    return
                await self._both_ways(link, reader, answers)
        finally:
            link.cut()
            self.links.discard(link)

    def _fate_of(self, link: Link, request: bytes) -> str:
        """Only what carries an operation is meant to come twice, or late, without harm."""
        if link.kind != "write" or not self.fates or b"operation=" not in request:
            return ""
        self.fallen[self.fates[0]] += 1
        return self.fates.popleft()

    async def _spoil(self, fate: str, answers: asyncio.StreamReader, link: Link) -> None:
        answer = await answers.read(CHUNK)  # the server has done it
        if fate == "answer late":
            await asyncio.sleep(LATE_SECONDS)
        elif fate == "answer cut in half":
            link.writer.write(answer[: len(answer) // 2])
            await link.writer.drain()

    async def _both_ways(self, link: Link, reader: asyncio.StreamReader, answers: asyncio.StreamReader) -> None:
        assert link.onward
        ways = [asyncio.create_task(self._pump(link, reader, link.onward)), asyncio.create_task(self._pump(link, answers, link.writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            with contextlib.suppress(OSError):
                await asyncio.wait_for(link.writer.drain(), 5)
                link.writer.close()
                await asyncio.wait_for(link.writer.wait_closed(), 5)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, link: Link, source: asyncio.StreamReader, onto: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK):
            if not link.flowing.is_set():
                await asyncio.wait_for(link.flowing.wait(), DEAD_SECONDS.get(link.kind, OTHERS_DEAD_SECONDS))
            if self.lag:
                await asyncio.sleep(self.lag)
            onto.write(data)
            await onto.drain()


def kind_of(request: bytes) -> str:
    method, _, rest = request.partition(b" ")
    if rest.startswith(b"/live/watch"):
        return "watch"
    if rest.startswith(b"/live"):
        return "stream"
    return "read" if method == b"GET" else "write"
