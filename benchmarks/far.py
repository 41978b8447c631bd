"""A relay that is far away: bytes are passed on to a port, 10 ms later, on each way.

Started by send.py; prints the port it listens on. Alone it does nothing.
"""

import asyncio
import sys
from collections import deque
from typing import cast

from digest import delivery

DELAY = 0.010  # seconds


class Side(asyncio.Protocol):
    """One end; what it hears goes out at the other."""

    def __init__(self) -> None:
        self.other: Side | None = None
        self.transport: asyncio.Transport | None = None
        self._late: deque[bytes | None] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._pass_on(data)

    def connection_lost(self, _error: Exception | None) -> None:
        """See asyncio."""
        self._pass_on(None)

    def _pass_on(self, data: bytes | None) -> None:
        self._late.append(data)
        asyncio.get_running_loop().call_later(DELAY, self._arrive)

    def _arrive(self) -> None:
        data = self._late.popleft()
        there = self.other.transport if self.other else None
        if there is None or there.is_closing():
            return
        if data is None:
            there.close()
        else:
            there.write(data)


class Near(Side):
    """The end that the sender sees. It says nothing before the far end is there."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        super().connection_made(transport)
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, far = await loop.create_connection(Side, "127.0.0.1", self._port)
        self.other, far.other = far, self


async def main(port: int) -> None:
    """Listen until we are told to end."""
    server = await asyncio.get_running_loop().create_server(lambda: Near(port), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__" and len(sys.argv) > 1:
    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner:
        runner.run(main(int(sys.argv[1])))
