"""A real name server on the loopback, whose records a test writes down.

    with NameServer() as names:
        names.add("news.example.org", "TXT", "v=spf1 -all")
        DnsResolver(names.address).look_up("news.example.org", "TXT")

It speaks over UDP, and over TCP where an answer is too long for a datagram. Never here: what a
record ought to say.
"""

import socketserver
import struct
import threading
from contextlib import ExitStack
from types import TracebackType
from typing import Self

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

DATAGRAM = 512


class NameServer:
    """Knows what `add` told it; names in `broken` are answered with SERVFAIL."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._records: dict[tuple[str, str], list[str]] = {}
        self._open = ExitStack()
        self.port = 0

    @property
    def address(self) -> str:
        """ADDRESS:PORT."""
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *values: str) -> None:
        """More values of a name; a TXT value is split into strings of 255 octets."""
        self._records.setdefault((name.lower(), kind), []).extend(values)

    def __enter__(self) -> Self:
        tcp, udp = self._bound()
        self.port = tcp.server_address[1]
        tcp.daemon_threads = udp.daemon_threads = True
        for server in (udp, tcp):
            thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            self._open.callback(thread.join)
            self._open.callback(server.server_close)
            self._open.callback(server.shutdown)
        return self

    def _bound(self) -> tuple[socketserver.ThreadingTCPServer, socketserver.ThreadingUDPServer]:
        """Both on one port; another one where somebody has the second of a free first."""
        while True:
            tcp = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler(self, _Stream))
            here = ("127.0.0.1", tcp.server_address[1])
            try:
                return tcp, socketserver.ThreadingUDPServer(here, _handler(self, _Datagram))
            except OSError:
                tcp.server_close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def answer(self, wire: bytes) -> dns.message.Message:
        """The answer to one question."""
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        question = query.question[0]
        name, kind = str(question.name).rstrip(".").lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        if name in self.broken:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        values = [_written(kind, value) for value in self._records.get((name, kind), [])]
        if values:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *values))
        elif name not in {known for known, _ in self._records}:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response


def _written(kind: str, value: str) -> str:
    if kind != "TXT":
        return value
    parts = [value[at : at + 255] for at in range(0, len(value), 255)]
    return " ".join('"{}"'.format(part.replace("\\", r"\\").replace('"', r"\"")) for part in parts)


class _Datagram(socketserver.BaseRequestHandler):
    names: NameServer

    def handle(self) -> None:
        wire, socket = self.request
        answer = self.names.answer(wire)
        if len(answer.to_wire()) > DATAGRAM:
            answer.answer.clear()
            answer.flags |= dns.flags.TC
        socket.sendto(answer.to_wire(), self.client_address)


class _Stream(socketserver.StreamRequestHandler):
    names: NameServer

    def handle(self) -> None:
        while head := self.rfile.read(2):
            wire = self.names.answer(self.rfile.read(*struct.unpack("!H", head))).to_wire()
            self.wfile.write(struct.pack("!H", len(wire)) + wire)


def _handler(
    names: NameServer, base: type[socketserver.BaseRequestHandler]
) -> type[socketserver.BaseRequestHandler]:
    return type(base.__name__, (base,), {"names": names})
