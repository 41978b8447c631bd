"""Lists that are cut, broken, endless or hostile: a bad line spoils itself alone."""

import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.database import Database
from subscribers import roster
from subscribers.address import PLAIN, normalise
from subscribers.errors import SubscriberError
from subscribers.exchange import Mapping, defused, entries, restored, sheets
from subscribers.preferences import Preferences
from tests.lists import LINE, MERGED, NOW, entered, peopled, read, told, written

__all__ = ["peopled"]


def test_a_zip_that_is_broken_or_empty_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("readme.html", "<p>")
    with pytest.raises(SubscriberError, match="0 CSV files"):
        read(packed.getvalue(), "a.zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", "address\n" + "ann@example.org\n" * 50)
    spoilt = bytearray(packed.getvalue())
    spoilt[60:90] = b"\xff" * 30
    with pytest.raises(SubscriberError, match="can't be read"):
        read(bytes(spoilt), "a.zip")


def test_a_zip_that_unpacks_to_no_list_is_refused_at_once() -> None:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.csv", "w") as member,
    ):
        for _ in range(101):
            member.write(b"\n" * (1 << 20))
    with pytest.raises(SubscriberError, match="times what it takes packed"):
        read(packed.getvalue(), "a.zip")


def test_empty_lines_without_end_are_no_list() -> None:
    blank = b"\n" * 100_001
    assert len(read(b"address\nann@x.org" + b"\n" * 90_000 + b"bob@x.org\n")) == 2
    with pytest.raises(SubscriberError, match="100,000 empty lines after line 2"):
        read(b"address\nann@x.org\n" + blank)
    with pytest.raises(SubscriberError, match="100,000 empty lines after line 0"):
        read(blank)


def test_a_line_that_was_cut_is_refused_and_makes_nobody_active(peopled: Database) -> None:
    with peopled.reading() as session:
        text = written("ours", roster.kept(session, "weekly"), "")
    head, *lines = text.splitlines()
    left = next(line for line in lines if line.startswith("bob@x.org"))
    for at in range(1, len(left)):
        [found] = read(f"{head}\n{left[:at]}\n")
        # From the address alone to the proof's last quote but one: what is said of bob, or nothing.
        whole = (found.address, found.status) == ("bob@x.org", "withdrawn")
        assert found.line == 2
        assert found.refused or whole, left[:at]
    [bare] = read(f"{head}\nbob@x.org\n")
    assert bare.refused == "This line is cut: it has 1 of 11 cells."
    assert entered(peopled, [bare]) == [("refused", bare.refused)]
    assert told("address,sections\nann@x.org\n") == [("ann@x.org", "confirmed", "")]
    merged = f"{MERGED},LAST_CHANGED,LEID,EUID,NOTES,TAGS\nann@x.o\n"
    [cut] = read(merged, "subscribed_members_export.csv")
    assert "This line is cut" in cut.refused


def test_a_bad_line_spoils_itself_alone() -> None:
    rows = [
        b"ann@example.org,Global",
        b'"never closed,Global',
        b'o"brien@example.org,Global',
        b'"shut"early,Global',
        b"r\xe9@example.org,Global",
        b"too,many,cells",
        b"x" * (3 << 20),
        b"bob@example.org,\xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9",
        b'"zoe@example.org","Global\nnews"',
    ]
    found = read(b"address,sections\r\n" + b"\r\n".join(rows) + b"\r\n")
    assert [(e.line, bool(e.refused)) for e in found] == [
        (2, False), (3, True), (4, False), (5, False), (6, True), (7, True), (8, False), (9, False),
        (10, False),
    ]  # fmt: skip
    assert found[8].preferences == Preferences(frozenset({"Global\nnews"}))


@pytest.mark.parametrize("odd", [b"\xff", b"\0", b"\xed\xa0\x80"])
def test_what_no_database_keeps_comes_in_by_no_line_of_a_record(odd: bytes) -> None:
    head, good = b"address,sections\n", "Zo\xeb é è à ü".encode()
    found = read(head + b'a@x.org,"' + good + b"\n" + odd + b'"\nb@x.org,Global\n')
    assert [(e.line, bool(e.refused)) for e in found] == [(2, True), (4, False)]
    assert not read(head.replace(b"sec", odd.replace(b"\0", b"") + b"sec") + b"a@x.org,\n")[
        0
    ].refused


def test_what_was_lost_in_another_system_s_name_loses_no_reader() -> None:
    """U+FFFD stands in honest UTF-8: in a name that somebody else has read wrongly before."""
    head = "email,name,uuid,attributes,status,created_at,updated_at\n"
    line = "ann@x.org,J\ufffdrg,7f,{},disabled,,\n"
    for text in (head + line).encode(), (head + line).encode("utf-16"):
        assert told(text) == [("ann@x.org", "withdrawn", "")]


def test_a_long_list_is_read_line_by_line_in_flat_memory(tmp_path: Path) -> None:
    """Four times the lines, no more memory; the benchmarks read a million."""
    peaks = []
    for lines in (3_000, 12_000):
        file = tmp_path / "list.csv"
        rows = (f"r{n}@readers.example,Global;Opinion,html\n" for n in range(lines))
        file.write_text("address,sections,format\n" + "".join(rows), encoding="utf-8")
        with file.open("rb") as read:
            tracemalloc.start()
            found = sum(1 for sheet in sheets(read, file.name) for _ in entries(sheet))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert found == lines
    assert peaks[1] < peaks[0] + (64 << 10)  # the longer file has 350 kB more


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:00:00-05:00"])
def test_a_time_that_utc_has_not_is_none(at: str) -> None:
    head = "email,First Name,Last Name,status,tier,created_at,unsubscribed_at\n"
    [entry] = read(f"{head}a@x.org,A,,active,free,{at},\n")
    assert (entry.refused, entry.since) == ("", None)
    proof = json.dumps([{"kind": "confirmed", "at": at, "how": "page"}]).replace('"', '""')
    assert read(f'address,proof\na@x.org,"{proof}"\n')[0].refused


@pytest.mark.parametrize("text", ["a\0b", "é\0"])
def test_what_no_database_keeps_spoils_its_own_line(database: Database, text: str) -> None:
    rows = f"address,sections\na@x.org,Global\nb@x.org,{text}\nc@x.org,Global\n"
    changes = [change for change, _ in entered(database, read(rows))]
    assert changes == ["new", "refused", "new"]


@pytest.mark.parametrize(
    "more",
    [
        {"evidence": "\ud800"},
        {"agent": "\0"},
        {"issue": 1 << 70},
        {"story": -1},
        {"issue": True},
    ],
)
def test_a_proof_that_no_database_keeps_spoils_its_own_line(
    database: Database, more: dict[str, Any]
) -> None:
    proof = json.dumps([{"kind": "confirmed", "at": NOW.isoformat(), "how": "page", **more}])
    quoted = proof.replace('"', '""')
    rows = f'address,proof\na@x.org,"{quoted}"\nb@x.org,\n'
    assert [change for change, _ in entered(database, read(rows))] == ["refused", "new"]


@pytest.mark.parametrize("data", [b"address" + b",c" * 1_000, b'"' + b"a" * 600_000 + b'",address'])
def test_a_header_that_nobody_wrote_is_refused(data: bytes) -> None:
    with pytest.raises(SubscriberError, match=r"columns|not CSV"):
        read(data + b"\na@x.org\n")


def test_a_mapping_may_not_read_over_who_has_left() -> None:
    left = f"{MERGED},UNSUB_TIME,LEID,EUID,NOTES,TAGS\n{LINE.format('a@x.org')},,1,a,,\n"
    hive = "email,First Name,Last Name,status,tier,created_at,unsubscribed_at\n"
    gone = f"{hive}a@x.org,A,,inactive,free,,\n"
    ours = "address,state,proof\na@x.org,withdrawn,\n"
    name = "unsubscribed_members_export.csv"
    for text, column in ((left, "email address"), (gone, "email"), (ours, "address")):
        with pytest.raises(SubscriberError, match="who may be mailed"):
            read(text, name, mapping=Mapping(column))
        assert read(text, name, mapping=Mapping(column), suppress="request")[0].suppression
    [entry] = read(gone, mapping=Mapping("email", "status", ("active",)))
    assert entry.status == "withdrawn"
    assert read("address\na@x.org\n", mapping=Mapping("address"))[0].status == "confirmed"


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0\1\2\3\4\5\6\7" * 50])
def test_what_is_no_sheet_is_refused(data: bytes) -> None:
    with pytest.raises(SubscriberError):
        read(data)


@given(
    st.binary(max_size=400), st.sampled_from(["", "address,sections\n", "email,reason,created\n"])
)
def test_no_bytes_break_the_reader(data: bytes, head: str) -> None:
    try:
        found = read(head.encode() + data, "subscribed_x.csv")
    except SubscriberError:
        return
    assert all(e.refused or e.address is not None for e in found)


@given(st.text())
def test_defusing_is_undone_and_leaves_no_formula(cell: str) -> None:
    assert restored(defused(cell)) == cell
    assert not defused(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


PARTS = st.text("aZ09_+-", min_size=1, max_size=70)
LABELS = st.text("aZ09-", min_size=1, max_size=65)
DOMAINS = st.lists(LABELS | st.sampled_from(["xn--a", "arpa", "localhost"]), min_size=1, max_size=4)


@given(st.lists(PARTS, min_size=1, max_size=3), DOMAINS, st.sampled_from(["org", "test", "x", ""]))
def test_the_quick_way_for_plain_addresses_is_the_long_way(
    parts: list[str], domain: list[str], last: str
) -> None:
    from email_validator import validate_email

    text = f"{'.'.join(parts)}@{'.'.join(domain)}.{last}"
    if not PLAIN.fullmatch(text):
        return
    valid = validate_email(text, check_deliverability=False, test_environment=True)
    assert normalise(text) == f"{valid.local_part}@{valid.ascii_domain.lower()}"
