"""A web server on the loopback with scripted faults, and a network of roads that lead to it.

It speaks HTTP by hand, byte by byte, because what it is for is speaking it badly. A path's answer
is bytes that are sent as they are, or a function that does what it likes with the connection.
"""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import run

import httpcore

from digest.sources import Internet

Behaviour = Callable[[socket.socket], None]


def response(status: str = "200 OK", body: bytes = b"", **headers: str) -> bytes:
    """An answer with its length, and whatever `headers` say (`Last_Modified="..."`)."""
    told = {"Content-Length": str(len(body)), "Connection": "close"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1") + body


class WebServer:
    """What each path answers, what was asked for, and how many asked at the same moment."""

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.answers: dict[str, bytes | Behaviour] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.hits: Counter[str] = Counter()
        self.busiest = 0
        self._busy = 0
        self._lock = threading.Lock()
        self._tls = tls
        self._listener = socket.create_server((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.root = f"http{'s' if tls else ''}://{host}:{self.port}"
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]

    def says(self, path: str, body: bytes = b"", status: str = "200 OK", **headers: str) -> str:
        """Answer `path` so; its address."""
        self.answers[path] = response(status, body, **headers)
        return self.root + path

    def does(self, path: str, what: bytes | Behaviour) -> str:
        """Send these bytes, or do this with the connection, once `path` was asked for."""
        self.answers[path] = what
        return self.root + path

    def __enter__(self) -> "WebServer":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname()):
            pass
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            connection, _ = self._listener.accept()
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as told:
                line = told.readline().split()
                if len(line) < 2:
                    return
                lines = [raw.decode("latin-1") for raw in iter(told.readline, b"\r\n")]
                pairs = (each.rstrip("\r\n").split(": ", 1) for each in lines)
                self._answer(connection, line[1].decode(), {pair[0]: pair[1] for pair in pairs})

    def _answer(self, connection: socket.socket, path: str, headers: dict[str, str]) -> None:
        with self._lock:
            self.asked.append((path, headers))
            self.hits[path] += 1
            self._busy += 1
            self.busiest = max(self.busiest, self._busy)
        try:
            what = self.answers.get(path, response("404 Not Found"))
            if isinstance(what, bytes):
                connection.sendall(what)
            else:
                what(connection)
        finally:
            with self._lock:
                self._busy -= 1


def drip(every: float, head: bytes = b"HTTP/1.1 200 OK\r\n\r\n", byte: bytes = b"x") -> Behaviour:
    """Send `head`, then one byte every so many seconds, until the other side has enough."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(head)
        connection.settimeout(every)
        while True:
            connection.sendall(byte)
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return

    return behave


def silence(connection: socket.socket) -> None:
    """Say nothing until the other side goes."""
    connection.settimeout(60)
    while connection.recv(1000):
        pass


def endless_headers(connection: socket.socket) -> None:
    """One header after the other."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Flood: " + b"x" * 1000 + b"\r\n")


def flood(connection: socket.socket) -> None:
    """A body without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


class Roads(Internet):
    """A network of names and addresses of our own; every road that is not on the map is closed.

    `names` says what a name stands for at the first, second, ... question (the last holds on).
    `roads` leads an address and port to a port of the loopback. `gone` is where was gone.
    """

    def __init__(
        self,
        names: Mapping[str, Sequence[Sequence[str]]],
        roads: Mapping[tuple[str, int], int],
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.names, self.roads = names, roads
        self.questions: Counter[str] = Counter()
        self.gone: list[tuple[str, int]] = []
        self._trust = trust

    def trust(self) -> ssl.SSLContext:
        return self._trust or super().trust()

    async def resolve(self, host: str) -> Sequence[str]:
        answers = self.names.get(host, [[host]])
        self.questions[host] += 1
        return answers[min(self.questions[host], len(answers)) - 1]

    async def connect(self, address: str, port: int) -> httpcore.AsyncNetworkStream:
        self.gone.append((address, port))
        if (address, port) not in self.roads:
            raise httpcore.ConnectError("no road leads there")
        return await super().connect("127.0.0.1", self.roads[address, port])


@contextmanager
def certified(folder: Path, name: str) -> Iterator[tuple[ssl.SSLContext, ssl.SSLContext]]:
    """A server's context with a certificate for `name`, and one that believes its signer."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    yield server, ssl.create_default_context(cafile=str(certificate))
