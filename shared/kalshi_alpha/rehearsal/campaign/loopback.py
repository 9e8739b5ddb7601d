"""Requests to the twin without a network: the server's own application answers in this thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from aiohttp import web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_writer import HttpVersion11
from aiohttp.streams import EMPTY_PAYLOAD
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from kalshi_alpha.errors import InvariantBroken


class _Protocol:
    """As much of a connection as a request asks for."""

    transport = None
    ssl_context = None
    peername = sockname = ("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Loopback:
    """The way into an aiohttp application whose handlers never wait, for whoever has the baton."""

    app: web.Application
    loop: asyncio.AbstractEventLoop

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Have the application answer.

        Raises:
            InvariantBroken: when a handler waits for something.
        """
        before = asyncio._get_running_loop()  # noqa: SLF001
        asyncio._set_running_loop(self.loop)  # noqa: SLF001 - its handlers start tasks there
        handling = self.app._handle(self._request(request))  # noqa: SLF001
        try:
            handling.send(None)
        except StopIteration as done:
            response: Any = done.value
        else:
            handling.close()
            raise InvariantBroken(f"the twin waits before it answers {request.url.path}")
        finally:
            asyncio._set_running_loop(before)  # noqa: SLF001
        headers = {k: v for k, v in response.headers.items() if k.lower() != "content-length"}
        return httpx.Response(response.status, headers=headers, content=response.body or b"")

    def _request(self, request: httpx.Request) -> web.Request:
        protocol: Any = _Protocol()
        message = RawRequestMessage(
            request.method,
            request.url.raw_path.decode(),
            HttpVersion11,
            CIMultiDictProxy(CIMultiDict(request.headers.multi_items())),
            (),
            should_close=False,
            compression=None,
            upgrade=False,
            chunked=False,
            url=URL(request.url.raw_path.decode(), encoded=True),
        )
        nothing: Any = None
        made = web.Request(message, EMPTY_PAYLOAD, protocol, nothing, nothing, self.loop)
        made._read_bytes = request.content  # noqa: SLF001 - the body, read already
        return made
