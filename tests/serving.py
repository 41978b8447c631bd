"""Servers of our own on the loopback for as long as a `with` block, and ports for them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from tests.waiting import until


@contextmanager
def held_port() -> Iterator[int]:
    """A port of the loopback on which nobody listens, and nobody else will, for as long as the
    block lasts: whoever connects is refused, and a server that we start there gets it.

    socket(7), SO_REUSEADDR: a port that is bound but not listened on may be bound again by who
    asks for it by number (every server here does), and is given to nobody who asks for any.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve the application; its address. Who waits for news of the desk is let go in the end."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        assert server.started, "the server could not start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        if hasattr(app.state, "ended"):
            app.state.ended.set()
        server.should_exit = True
        thread.join()
