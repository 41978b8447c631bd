"""Our own send as it is measured: a house, its readers, and messages of a given size.

Imported by the benchmarks; run by itself it does nothing.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from sinks import HERE, LINE, Cost, Load, spent

from digest import dkim, publish, sample
from digest.edition import Edition
from digest.messages import Message
from digest.publish import House, open_house
from digest.publish.composing import Composer
from subscribers.recipient import Recipient
from subscribers.suppression import address_hash

NOW = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
SECRET = "a-secret-that-only-benchmarks-know"


class Pieces:
    """Personalised messages of a given size without rendering: what the engine alone can do.

    Four places of the reader's own in a text that is otherwise the same, as in a real edition.
    """

    def __init__(self, size: int) -> None:
        quarter = LINE * (size // 4 // len(LINE))
        self._parts = [b"Subject: The Week\r\n\r\n" + quarter, quarter, quarter, quarter]

    def message_id(self, subscriber: int) -> str:
        """Any stable name."""
        return f"<weekly.{subscriber}.1.0123456789abcdef@news.example.org>"

    def compose(
        self, recipient: Recipient, _edition: Edition, message_id: str, _date: datetime
    ) -> Message:
        """The reader's own lines between the common ones."""
        own = f"https://news.example.org/u/weekly.{recipient.subscriber}.{message_id}\r\n".encode()
        head = f"To: {recipient.address}\r\nMessage-ID: {message_id}\r\n".encode()
        one, two, three, four = self._parts
        data = b"".join((head, one, own, two, own, three, own, four))
        return Message(f"b+{recipient.subscriber}@bounce.example.org", recipient.address, data)


class SignedPieces(Pieces):
    """The same, signed with RSA-2048."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.keys = (dkim.load(dkim.generate("rsa"), domain="news.example.org", selector="s1"),)
        self.draft = super().compose

    def sign(self, message: Message, date: datetime) -> Message:
        """As publish.signing does."""
        return replace(message, data=dkim.signed(message.data, self.keys, date))


def engine(load: Load, port: int) -> Cost:
    """Ours: ledger, suppression, delivery; messages put together of pieces."""
    return _ours(load, port, Pieces(load.size))


def signed(load: Load, port: int) -> Cost:
    """The same, each message signed with RSA-2048."""
    return _ours(load, port, SignedPieces(load.size))


def whole(load: Load, port: int) -> Cost:
    """Ours, with the real rendering filled and built for each reader."""
    return _ours(load, port, None)


def _ours(load: Load, port: int, pieces: Pieces | None) -> Cost:
    with tempfile.TemporaryDirectory(dir=HERE) as name, _house(Path(name), load, port) as house:
        begun: list[tuple[float, float]] = []

        def passing(point: str) -> None:
            # From here on, as for the others: million.py measures what comes before.
            if point == "after a claim" and not begun:
                begun.append((time.perf_counter(), spent()))

        composing = (lambda *_: pieces) if pieces else Composer
        account = publish.send(
            house, clock=lambda: datetime.now(UTC), composing=composing, passing=passing
        )
        if account.counts != {"sent": load.messages}:
            raise SystemExit(f"not everybody got it: {account.counts}")
        [(then, before)] = begun
        return Cost(time.perf_counter() - then, spent() - before)


@contextmanager
def _house(folder: Path, load: Load, port: int) -> Iterator[House]:
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(port), encoding="utf-8")
    environ = {
        "DIGEST_WEB_SECRET": SECRET,
        "DIGEST_RELAY_PORT": str(port),
        "DIGEST_RELAY_CONNECTIONS": str(load.connections),
        "DIGEST_RELAY_MESSAGES_PER_CONNECTION": "1000000",
        "DIGEST_RELAY_SECURITY": "none",
    }
    with open_house(folder, environ) as house:
        publish.collect(house, now=NOW)
        number = publish.prepare(house, "weekly", now=NOW).record.issue.number
        readers(house, load.messages)
        publish.approve(house, "weekly", number, by="the benchmark", now=NOW)
        yield house


def readers(house: House, count: int) -> None:
    """So many confirmed readers, written in bulk as a restored backup would have them."""
    keys, at = house.settings.keys, "2026-01-01 00:00:00.000000"
    connection = house.database.engine.raw_connection()
    people = [
        (n, f"r{n}@readers.example", f"r{n}@readers.example", address_hash(f"r{n}@x.example", keys))
        for n in range(1, count + 1)
    ]
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    cursor.executemany(
        "INSERT INTO subscriber (id, address, address_key, address_hash, created_at)"
        f" VALUES (?, ?, ?, ?, '{at}')",
        people,
    )
    cursor.execute(
        "INSERT INTO subscription (subscriber_id, newsletter, state, format, confirmed_at,"
        f" changed_at) SELECT id, 'weekly', 'confirmed', 'html', '{at}', '{at}' FROM subscriber"
    )
    connection.commit()
    connection.close()
