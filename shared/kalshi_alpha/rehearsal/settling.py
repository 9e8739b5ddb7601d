"""A loop on virtual time whose own sockets deliver before time moves.

Both ends of every connection are in this loop. What one end has sent and the other not yet received
is on its way through the machine's network, which may take a while on a busy machine; virtual time
waits for it, so that the same day is played whatever the machine is doing.
"""

from __future__ import annotations

import selectors
from typing import Any

from kalshi_alpha.rehearsal.campaign.virtual import VirtualClock, VirtualLoop

_PATIENCE = 1.0  # real seconds; what has not come by then was lost with its connection


class SettlingLoop(VirtualLoop):
    """The loop; ``under_way`` counts the bytes that were sent and not yet received."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.under_way = 0
        selector: Any = self._selector  # type: ignore[attr-defined]
        by_the_clock = selector.select

        def select(timeout: float | None = None) -> Any:
            if self.under_way > 0 and (timeout is None or timeout > 0):
                found = selectors.DefaultSelector.select(selector, _PATIENCE)
                if found:
                    return found
                self.under_way = 0
            return by_the_clock(timeout)

        selector.select = select

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Connect; until that is done something is under way, too."""
        self.under_way += 1
        try:
            await super().sock_connect(sock, address)
        finally:
            self.under_way -= 1

    def _make_socket_transport(self, sock: Any, *given: Any, **named: Any) -> Any:
        """Make a transport over a socket that is counted; asyncio's own hook."""
        parent: Any = super()
        return parent._make_socket_transport(_Counted(sock, self), *given, **named)  # noqa: SLF001


class _Counted:
    """A socket whose bytes are counted; everything else is the socket's."""

    def __init__(self, sock: Any, loop: SettlingLoop) -> None:
        self._sock, self._loop = sock, loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def send(self, data: Any) -> int:
        """Send, and count what was taken."""
        sent: int = self._sock.send(data)
        self._loop.under_way += sent
        return sent

    def sendmsg(self, buffers: Any) -> int:
        """Send some buffers, and count what was taken."""
        sent: int = self._sock.sendmsg(buffers)
        self._loop.under_way += sent
        return sent

    def recv(self, size: int) -> bytes:
        """Receive, and count what has come."""
        data: bytes = self._sock.recv(size)
        self._loop.under_way -= len(data)
        return data

    def recv_into(self, buffer: Any) -> int:
        """Receive into a buffer, and count what has come."""
        size: int = self._sock.recv_into(buffer)
        self._loop.under_way -= size
        return size
