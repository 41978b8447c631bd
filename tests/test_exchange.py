"""Other systems' files, each with its trap; our own, out and in again; nobody made active."""

import csv
import io
import json
import os
import signal
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from digest.database import Database
from digest.errors import DatabaseError
from subscribers import roster
from subscribers.address import PLAIN, normalise
from subscribers.cli import lists
from subscribers.consent import Event, state_of
from subscribers.errors import SubscriberError
from subscribers.exchange import (
    HEADER,
    OUTGOING,
    Entry,
    Mapping,
    Sheet,
    cells,
    defused,
    entries,
    restored,
    sheets,
    system,
)
from subscribers.exchange.ours import entry as our_entry
from subscribers.exchange.sheets import Record
from subscribers.preferences import Preferences
from subscribers.roster import Entering
from subscribers.roster.tables import SuppressionRow

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
KEYS = (b"a newer key", b"the first key of all")
MERGED = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,"
    "LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION"
)
LINE = "{},Ann,Lee,2,2020-01-02 03:04:05,192.0.2.7,2020-01-02 03:09:00,192.0.2.8,,,,,,IN,"


def read(text: str | bytes, name: str = "list.csv", **how: Any) -> list[Entry]:
    data = text.encode() if isinstance(text, str) else text
    return [entry for sheet in sheets(io.BytesIO(data), name) for entry in entries(sheet, **how)]


def told(text: str | bytes, name: str = "list.csv", **how: Any) -> list[tuple[str, str, str]]:
    return [(e.address, e.status, e.refused) for e in read(text, name, **how)]


def test_listmonk() -> None:
    head = "uuid,email,name,attributes,status,created_at,updated_at\n"
    rows = [
        '7f,ann@example.org,Ann,"{""in"": ""Pune, IN"", ""n"": 1}",enabled,2024-01-02T03:04:05Z,x',
        "8f,bob@example.org,Bob,{},disabled,2024-01-02T03:04:05Z,2025-06-07T08:09:10Z",
        "9f,eve@example.org,Eve,not JSON,blocklisted,,",
        "af,zoe@example.org,Zoe,{},Enabled!,,",
    ]
    found = read(head + "\n".join(rows))
    assert [(e.status, e.suppression, bool(e.refused)) for e in found] == [
        ("confirmed", None, False),
        ("withdrawn", None, False),
        ("suppressed", "operator", False),
        ("confirmed", None, True),
    ]
    assert found[0].since == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found[1].left == datetime(2025, 6, 7, 8, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "more", "values", "status"),
    [
        ("subscribed_members_export_9.csv", "LAST_CHANGED", "2024-01-01", "confirmed"),
        ("subscribed_segment_export_9.csv", "LAST_CHANGED", "2024-01-01", "confirmed"),
        ("Subscribed_members_export_9 (1).csv", "LAST_CHANGED", "", "confirmed"),
        (
            "unsubscribed_members_export_9.csv",
            "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER",
            '2023-05-06 07:08:09,"May, again",77,NORMAL,',
            "withdrawn",
        ),
        (
            "cleaned_members_export_9.csv",
            "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID",
            "2023-05-06 07:08:09,May,77",
            "suppressed",
        ),
        ("nonsubscribed_members_export_9.csv", "LAST_CHANGED", "", "pending"),
    ],
)
def test_mailchimp_tells_the_status_by_the_name_of_the_file(
    name: str, more: str, values: str, status: str
) -> None:
    head = f"{MERGED},{more},LEID,EUID,NOTES,TAGS\n"
    body = LINE.format("ann@example.org") + f',{values},12,ab,"a note,\nin two lines",'
    quoted, bare = '"""one"",""two, three"""\n', '"one","two"\n'
    for tags in (quoted, bare, "one\n", "\n"):
        [entry] = read(head + body + tags, name)
        assert (entry.address, entry.status, entry.refused) == ("ann@example.org", status, "")
    assert entry.since == datetime(2020, 1, 2, 3, 9, tzinfo=UTC)
    assert "optin_ip 192.0.2.7" in entry.evidence
    assert "confirm_ip 192.0.2.8" in entry.evidence
    if status == "withdrawn":
        assert entry.left == datetime(2023, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_mailchimp_in_another_language_with_other_fields_and_repeated_columns() -> None:
    head = (
        "Emailadresse,Vorname,Nachname,Ort,EMAIL_TYPE,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,"
        "UNSUB_REASON,UNSUB_TIME,UNSUB_REASON,LEID,EUID,NOTES,TAGS\n"
    )
    line = "jörg@bücher.example,Jörg,Groß,Köln,text,2,,,,2023-05-06 07:08:09,Spam abuse,1,a,,\n"
    for data in (
        (head + line).encode(),
        (head + line).encode("cp1252"),
        (head + line).encode("utf-16"),
    ):
        [entry] = read(data, "unsubscribed_members_export.csv")
        assert entry.address == "jörg@bücher.example"
        assert entry.preferences == Preferences(None, "text")
        assert (entry.status, entry.suppression) == ("withdrawn", "complaint")
    with pytest.raises(SubscriberError, match="does not say"):
        read(head + line, "members.csv")


def test_mailchimp_merged_by_somebody_lets_no_line_that_left_be_active() -> None:
    head = f"{MERGED},LAST_CHANGED,UNSUB_TIME,CLEAN_TIME,LEID,EUID,NOTES,TAGS\n"
    lines = [LINE.format(f"{name}@example.org") for name in ("ann", "bob", "eve")]
    ends = (",,,,1,a,,\n", ",,2023-01-01 00:00:00,,1,a,,\n", ",,,2023-01-01 00:00:00,1,a,,\n")
    body = "".join(line + end for line, end in zip(lines, ends, strict=True))
    found = told(head + body, "subscribed_members_export.csv")
    assert [status for _, status, _ in found] == ["confirmed", "withdrawn", "suppressed"]


def test_mailchimps_zip_as_it_comes() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, more, values in (
            ("subscribed", "LAST_CHANGED", "x"),
            ("unsubscribed", "UNSUB_TIME", "2023-05-06 07:08:09"),
            ("cleaned", "CLEAN_TIME", "2023-05-06 07:08:09"),
        ):
            line = LINE.format(f"{name}@example.org")
            text = f"{MERGED},{more},LEID,EUID,NOTES,TAGS\n{line},{values},1,a,,\n"
            archive.writestr(f"export/{name}_members_export_1.csv", text)
        archive.writestr("__MACOSX/export/._subscribed_members_export_1.csv", b"\0\5\26\7")
        archive.writestr("export/readme.html", "<p>")
    assert {(a, s) for a, s, _ in told(packed.getvalue(), "audience.zip")} == {
        ("subscribed@example.org", "confirmed"),
        ("unsubscribed@example.org", "withdrawn"),
        ("cleaned@example.org", "suppressed"),
    }


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


@pytest.mark.parametrize("reason", ["bounce", "complaint", "request", "operator"])
@pytest.mark.parametrize("to", ["ours", "listmonk", "ghost", "keila", "mailchimp"])
def test_the_reason_never_to_mail_goes_out_and_in_wherever_a_sheet_can_hold_it(
    peopled: Database, to: str, reason: Any
) -> None:
    with peopled.writing() as session:
        roster.suppress(session, "ann@x.org", reason=reason, how="test", now=NOW, keys=KEYS)
        people = [kept for kept in roster.kept(session, "weekly") if kept.address == "ann@x.org"]
    file = OUTGOING[to].file(people[0])
    [found] = read(written(to, people, file), f"{file}_members_export.csv")
    assert (found.address, found.suppression) == ("ann@x.org", reason)


@pytest.mark.parametrize("paid", ["", ",first_payment_at"])
@pytest.mark.parametrize("plan", ["", "plan,"])
def test_substack_paying_is_not_subscribing(plan: str, paid: str) -> None:
    head = f"email,active_subscription,expiry,{plan}email_disabled,created_at{paid}\n"
    p = "," if plan else ""
    rows = [f"a@x.org,false,,{p}false,2023-03-24T10:23:10Z", f"b@x.org,true,2027-01-01,{p}true,",
            f"c@x.org,true,,{p},", f"d@x.org,true,,{p}maybe,", "e@x.org"]  # fmt: skip
    # When they first paid is no consent: nothing is taken from it.
    rows = [f"{row},2024-05-06T00:00:00Z" if paid and row != "e@x.org" else row for row in rows]
    found = told(head + "\n".join(rows))
    assert [status for _, status, _ in found[:2]] == ["confirmed", "withdrawn"]
    assert all(refused for _, _, refused in found[2:])
    [entry] = read(f"{head}{rows[0]}\n")
    assert entry.since == datetime(2023, 3, 24, 10, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("last", ["tiers", "products", "tiers,gift_id"])
def test_ghost_says_who_wants_mail_and_who_is_gone(last: str) -> None:
    head = (
        "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,"
        f"created_at,deleted_at,labels,{last}\n"
    )
    rows = ["1,a@x.org,A,,true,false,,2023-03-24T10:23:10.000Z,,,",
            "2,b@x.org,B,,false,true,cus_1,2023-03-24T10:23:10.000Z,,\"x,y\",Bronze",
            "3,c@x.org,C,,true,false,,2023-03-24T10:23:10.000Z,2024-01-01T00:00:00.000Z,,",
            "4,d@x.org,D,,,false,,,,,"]  # fmt: skip
    found = told(head + "\n".join(rows))
    assert [status for _, status, _ in found[:3]] == ["confirmed", "withdrawn", "gone"]
    assert found[3][2]


def test_beehiiv_inactive_is_not_active() -> None:
    head = "email,First Name,Last Name,status,tier,created_at,utm_source,unsubscribed_at\n"
    rows = ["a@x.org,A,,active,free,2023-03-24 10:23:10 UTC,,",
            "b@x.org,B,,inactive,free,2023-03-24 10:23:10 UTC,,2024-03-24 10:23:10 UTC",
            "c@x.org,C,,pending,free,2023-03-24 10:23:10 UTC,,",
            "d@x.org,D,,reactive,free,,,"]  # fmt: skip
    found = read(head + "\n".join(rows))
    assert [e.status for e in found[:3]] == ["confirmed", "withdrawn", "pending"]
    assert found[0].since == datetime(2023, 3, 24, 10, 23, 10, tzinfo=UTC)
    assert found[1].left == datetime(2024, 3, 24, 10, 23, 10, tzinfo=UTC)
    assert found[3].refused


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_keila_and_every_separator(mark: str) -> None:
    head = mark.join(["Email", "First name", "Last name", "Data", "Status", "External ID"])
    rows = [mark.join([f"{s}@x.org", "A", '"Lee; ""Ann"", B"', "{}", s, ""]) for s in
            ("active", "unsubscribed", "unreachable", "inactive")]  # fmt: skip
    found = read("\r\n".join([head, *rows]))
    assert [(e.status, e.suppression) for e in found[:3]] == [
        ("confirmed", None),
        ("withdrawn", None),
        ("suppressed", "bounce"),
    ]
    assert found[3].refused
    assert [s.header for s in sheets(io.BytesIO(("sep=;\n" + "a;b\n").encode()), "x")] == [
        ("a", "b")
    ]


def test_any_other_sheet_by_a_mapping() -> None:
    text = 'Mail;Stand;Rubriken\nann@x.org;ja;"Global\\;Opinion"\nbob@x.org;nein;\neve@x.org;;\n'
    mapping = Mapping("mail", status="stand", active=("JA",), sections="rubriken")
    found = read(text, mapping=mapping)
    assert [e.status for e in found] == ["confirmed", "withdrawn", "withdrawn"]
    assert found[0].preferences == Preferences(frozenset({"Global;Opinion"}))
    for wrong, said in (
        (Mapping("post"), "no column post"),
        (Mapping("mail", "stand"), "--active"),
    ):
        with pytest.raises(SubscriberError, match=said):
            read(text, mapping=wrong)
    with pytest.raises(SubscriberError, match="header") as caught:
        read(text)
    assert "Rubriken" in caught.value.remedy


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
)
def test_every_encoding(encoding: str) -> None:
    text = "address,sections\nann@example.org,Meinung über Köln\n"
    [entry] = read(text.encode(encoding))
    assert (entry.address, entry.preferences) == (
        "ann@example.org",
        Preferences(frozenset({"Meinung über Köln"})),
    )


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


@pytest.mark.parametrize("data", [b"address" + b",c" * 1_000, b'"' + b"a" * 200_000 + b'",address'])
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


# -- what a list may do to the roster ------------------------------------------------------------

LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd")
WORDS = st.text(LETTERS, max_size=12)
NAMES = st.none() | st.frozensets(st.text(LETTERS, min_size=1, max_size=8), max_size=3)
TIMES = st.integers(0, 10**9).map(lambda s: NOW - timedelta(seconds=s, microseconds=s))
EVENTS = st.builds(
    Event,
    st.sampled_from(["requested", "confirmed", "withdrawn", "chosen"]),
    TIMES,
    WORDS,
    st.none() | st.integers(1, 99),
    WORDS,
    st.none() | st.integers(1, 9),
    WORDS,
    WORDS,
    WORDS,
)
CHOICES = st.builds(
    Preferences,
    NAMES,
    st.sampled_from(["html", "text"]),
    NAMES,
    st.sampled_from(["each", "weekly"]),
)


def entered(
    database: Database, rows: list[Entry], evidence: str = "fair", **how: bool
) -> list[tuple[str, str]]:
    entering = Entering("weekly", how="import", evidence=evidence, now=NOW, keys=KEYS, **how)
    opened = database.reading if how.get("pretend") else database.writing
    with opened() as session:
        half = len(rows) // 2
        lines = entering.addressed(rows)
        verdicts = entering.enter(session, lines[:half]) + entering.enter(session, lines[half:])
    return [(verdict.change, verdict.why) for verdict in verdicts]


def dumped(database: Database) -> list[dict[str, Any]]:
    with database.reading() as session:
        return [
            dict(zip(HEADER, cells(kept), strict=True)) for kept in roster.kept(session, "weekly")
        ]


@pytest.fixture
def peopled(database: Database) -> Database:
    """ann gets it, bob left, eve asked, sup is suppressed, out left and is suppressed."""
    with database.writing() as session:
        how: dict[str, Any] = {"how": "page", "now": NOW - timedelta(days=30)}
        for name in ("ann", "bob", "out"):
            roster.add(session, f"{name}@x.org", "weekly", keys=KEYS, **how)
        for name in ("bob", "out"):
            number = roster.find(session, f"{name}@x.org").subscriber
            roster.withdraw(session, number, "weekly", **how)
        for name in ("sup", "out"):
            roster.suppress(session, f"{name}@x.org", reason="bounce", keys=KEYS, **how)
        asked = Entry(1, "eve@x.org", status="requested", events=(Event("requested", NOW, "page"),))
        entering = Entering("weekly", how="test", evidence="", now=NOW, keys=KEYS)
        entering.enter(session, entering.addressed([asked]))
    return database


def test_c77_no_list_brings_anybody_back(peopled: Database) -> None:
    rows = [Entry(n, f"{name}@X.org") for n, name in enumerate(("bob", "sup", "out"), 1)]
    before = dumped(peopled)
    assert entered(peopled, rows) == [
        ("skipped", "This person has left; only they can come back."),
        ("skipped", "This address must never be mailed."),
        ("skipped", "This address must never be mailed."),
    ]
    assert dumped(peopled) == before
    with peopled.reading() as session:
        assert [r.address for r in roster.recipients(session, "weekly")] == ["ann@x.org"]


@pytest.mark.parametrize("pretend", [True, False])
def test_each_line_is_reported(peopled: Database, pretend: bool) -> None:
    then = NOW - timedelta(days=60)
    rows = [
        Entry(1, "new@x.org", Preferences(frozenset({"Global"}))),
        Entry(2, "ann@x.org"),
        Entry(3, "ann@x.org", Preferences(None, "text")),
        Entry(4, "ann@x.org", status="withdrawn", left=then),
        Entry(5, "eve@x.org", status="withdrawn"),
        Entry(6, "eve@x.org"),
        Entry(7, "bob@x.org", status="withdrawn"),
        Entry(8, "NEW@x.org", Preferences(frozenset({"Global"}))),
        Entry(9, "new@x.org", status="withdrawn"),
        Entry(10, "new@x.org"),
        Entry(11, "old@x.org", status="suppressed", suppression="bounce"),
        Entry(12, "old@x.org"),
        Entry(13, "pen@x.org", status="pending"),
        Entry(14, "gon@x.org", status="gone"),
        Entry(15, "no address"),
        Entry(16, "", refused="This line is not CSV."),
    ]
    before = dumped(peopled)
    changes = [change for change, _ in entered(peopled, rows, pretend=pretend)]
    assert changes == [
        "new", "unchanged", "changed", "skipped", "skipped", "skipped", "unchanged", "unchanged",
        "changed", "skipped", "new", "skipped", "skipped", "skipped", "refused", "refused",
    ]  # fmt: skip
    assert (dumped(peopled) == before) is pretend
    if not pretend:
        stands = {row["address"]: (row["state"], row["format"]) for row in dumped(peopled)}
        assert stands["ann@x.org"] == ("confirmed", "text")
        assert stands["eve@x.org"][0] == "requested"
        assert stands["new@x.org"][0] == "withdrawn"
        assert "old@x.org" not in stands


def test_without_a_word_on_consent_nobody_is_active(database: Database) -> None:
    rows = [Entry(1, "ann@x.org"), Entry(2, "bob@x.org", status="withdrawn")]
    proven = Entry(3, "eve@x.org", events=(Event("confirmed", NOW, "page"),))
    found = entered(database, [*rows, proven], evidence="")
    assert [change for change, _ in found] == ["refused", "new", "new"]


@given(st.lists(st.tuples(st.sampled_from(["ann", "bob", "eve", "sup", "out", "new"]),
                          st.sampled_from(["confirmed", "withdrawn", "suppressed", "pending"])),
                max_size=12))  # fmt: skip
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_c77_whatever_a_list_says_who_left_stays_away(
    peopled: Database, rows: list[tuple[str, Any]]
) -> None:
    listed = [
        Entry(n, f"{name}@x.org", status=status,
              suppression="bounce" if status == "suppressed" else None)
        for n, (name, status) in enumerate(rows, 1)
    ]  # fmt: skip
    pretended = entered(peopled, listed, pretend=True)
    with peopled.writing() as session:
        entering = Entering("weekly", how="import", evidence="fair", now=NOW, keys=KEYS)
        real = [(v.change, v.why) for v in entering.enter(session, entering.addressed(listed))]
        active = {r.address for r in roster.recipients(session, "weekly")}
        session.rollback()
    assert real == pretended
    assert active.isdisjoint({"bob@x.org", "sup@x.org", "out@x.org"})


@given(st.lists(st.tuples(CHOICES, st.lists(EVENTS, min_size=1, max_size=4),
                          st.none() | st.sampled_from(["bounce", "request"]),
                          st.none() | TIMES), min_size=1, max_size=4))  # fmt: skip
@settings(deadline=None, max_examples=40,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_out_and_in_again_is_the_identity_on_consent(
    database: Database, people: list[tuple[Preferences, list[Event], Any, Any]]
) -> None:
    first = [
        Entry(n, f"r{n}@x.org", choice, status=state_of(events) or "gone", events=tuple(events),
              suppression=never, paused_until=until, language="hi")
        for n, (choice, events, never, until) in enumerate(people, 1)
        if state_of(events) is not None
    ]  # fmt: skip
    with database.writing() as session:
        entering = Entering("weekly", how="import", evidence="", now=NOW, keys=KEYS)
        entering.enter(session, entering.addressed(first))
        once = roster.kept(session, "weekly")
        assert [list(kept.events) for kept in once] == [list(e.events) for e in first]
        out = written("ours", once)
        session.rollback()
    with database.writing() as session:
        entering.enter(session, entering.addressed(read(out)))
        again = roster.kept(session, "weekly")
        assert written("ours", again) == out
        active = [(k.address, k.state, k.suppressed) for k in again]
        assert active == [(k.address, k.state, k.suppressed) for k in once]
        third = entering.enter(session, entering.addressed(read(out)))
        assert {v.change for v in third} <= {"unchanged", "skipped"}
        session.rollback()


def written(to: str, people: list[Any], file: str = "") -> str:
    sheet = io.StringIO()
    out = csv.writer(sheet, lineterminator="\n")
    out.writerow(OUTGOING[to].header_of(file))
    out.writerows(OUTGOING[to].cells(k) for k in people if OUTGOING[to].file(k) == file)
    return sheet.getvalue()


STANDS = {"ann@x.org": "confirmed", "bob@x.org": "withdrawn", "eve@x.org": "requested",
          "out@x.org": "suppressed"}  # fmt: skip


@pytest.mark.parametrize("to", ["listmonk", "substack", "ghost", "beehiiv", "keila", "mailchimp"])
def test_no_sheet_for_another_system_makes_anybody_active(peopled: Database, to: str) -> None:
    with peopled.reading() as session:
        people = roster.kept(session, "weekly")
    files = ["subscribed", "unsubscribed", "cleaned"] if to == "mailchimp" else [""]
    found: dict[str, str] = {}
    for file in files:
        text = written(to, people, file)
        [sheet] = sheets(io.BytesIO(text.encode()), f"{file}_members_export.csv")
        assert system(sheet) == to
        found |= {e.address: e.status for e in entries(sheet)}
    assert set(found) == set(STANDS)
    assert {address for address, status in found.items() if status == "confirmed"} == {"ann@x.org"}


def stands(database: Database) -> dict[str, tuple[bool, bool]]:
    """Of each address: whether it gets mail, and whether it never may."""
    with database.reading() as session:
        active = {r.address for r in roster.recipients(session, "weekly")}
        known = {k.address: k.suppressed for k in roster.kept(session, "weekly")}
        never = {a for a in STANDS if roster.is_suppressed(session, a, KEYS)}
    return {a: (a in active, a in never) for a in {*known, *never}}


@pytest.mark.parametrize(
    "to", ["ours", "listmonk", "substack", "ghost", "beehiiv", "keila", "mailchimp"]
)
def test_every_sheet_of_ours_comes_in_again_with_the_same_people_active(
    peopled: Database, to: str
) -> None:
    files = ["subscribed", "unsubscribed", "cleaned"] if to == "mailchimp" else [""]

    def out() -> list[Entry]:
        with peopled.reading() as session:
            people = roster.kept(session, "weekly")
        return [e for f in files for e in read(written(to, people, f), f"{f}_members_export.csv")]

    def told(entry: Entry) -> tuple[str, str, Any]:
        return entry.address, entry.status, entry.suppression

    before, once = stands(peopled), out()
    entered(peopled, once)
    assert stands(peopled) == before
    with peopled.writing() as session:
        for address in STANDS:
            roster.forget(session, address, now=NOW, keys=KEYS)
        for row in session.exec(select(SuppressionRow)).all():
            session.delete(row)
    entered(peopled, once)
    after = stands(peopled)
    assert {a for a, (active, _) in after.items() if active} == {"ann@x.org"}
    # What a sheet cannot carry is left out, and nobody is told otherwise.
    missing = {told(e) for e in once} - {told(e) for e in out()}
    assert {status for _, status, _ in missing} <= {"pending", "suppressed"}
    assert {told(e) for e in out()} <= {told(e) for e in once}
    entered(peopled, out())
    assert stands(peopled) == after


@given(st.lists(st.sampled_from(["ann@x.org", "'=1", "O'Hara", " 'x", "'", "", " ", "2024-01-02"]),
                max_size=4))  # fmt: skip
def test_a_line_is_read_alike_however_its_columns_are_called(cells: list[str]) -> None:
    mapping = Mapping("email", sections="sections", language="language")
    names = ("email", "sections", "language")
    once, twice = (
        list(entries(Sheet("x.csv", header, iter([Record(2, tuple(cells[:3]))])), mapping))
        for header in (names, (*names, "language"))
    )
    assert once == twice


def test_suppressions_go_out_and_in_also_those_known_by_hash_alone(
    peopled: Database, run_desk: Callable[..., str]
) -> None:
    text = run_desk(peopled, "export", "--suppressions")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(r["address"], r["reason"]) for r in rows] == [("", "bounce"), ("out@x.org", "bounce")]
    with peopled.writing() as session:
        roster.forget(session, "out@x.org", now=NOW, keys=KEYS)
    found = read(text)
    assert [change for change, _ in entered(peopled, found)] == ["unchanged", "unchanged"]
    other = Entering("weekly", how="import", evidence="", now=NOW, keys=(b"another key of all",))
    with peopled.writing() as session:
        changes = [(v.change, v.why) for v in other.enter(session, other.addressed(found[:1]))]
    assert changes[0][0] == "refused"
    assert "DIGEST_WEB_SECRET" in changes[0][1]


def test_no_formula_comes_out_of_the_list_of_suppressions(
    database: Database, run_desk: Callable[..., str]
) -> None:
    """The way by which one came was another list's word."""
    sheet = "address,reason,how,at\na@x.org,bounce,=HYPERLINK(),\n+b@x.org,request,'@x,\n"
    entered(database, read(sheet))
    text = run_desk(database, "export", "--suppressions")
    assert "'=HYPERLINK()" in text
    assert not [
        cell for row in csv.reader(text.splitlines()) for cell in row if cell[:1] in "=+-@" and cell
    ]
    other = [(entry.suppression, entry.how) for entry in read(text)]
    assert other == [("bounce", "=HYPERLINK()"), ("request", "@x")]


def test_whoever_only_asked_there_has_confirmed_nothing_here(database: Database) -> None:
    """A line of ours without its proof must not make one up."""
    entered(database, read("address,state\na@x.org,requested\nb@x.org,withdrawn\nc@x.org,\n"))
    told = dumped(database)
    assert [json.loads(row["proof"])[0]["kind"] for row in told] == [
        "requested", "withdrawn", "confirmed"
    ]  # fmt: skip
    with database.reading() as session:
        people = roster.kept(session, "weekly")
    assert [kept.state for kept in people] == [state_of(kept.events) for kept in people]
    assert not [entry.refused for entry in read(written("ours", people)) if entry.refused]


def test_a_list_of_suppressions_of_another_system(database: Database) -> None:
    rows = ["a@x.org,550 5.1.1 hard bounce,1", "b@x.org,spam report,2", "c@x.org,x,3"]
    found = read("\n".join(["email,reason,created", *rows]))
    assert [e.suppression for e in found] == ["bounce", "complaint", "operator"]
    assert [change for change, _ in entered(database, found, evidence="")] == ["new"] * 3
    assert entered(database, [Entry(1, "A@x.org")])[0][0] == "skipped"
    plain = read("mail\nd@x.org\n", mapping=Mapping("mail"), suppress="request")
    assert (plain[0].status, plain[0].suppression) == ("suppressed", "request")


def test_a_forged_or_broken_proof_is_refused() -> None:
    good = {"kind": "confirmed", "at": "2024-01-01T00:00:00+00:00", "how": "page"}
    for proof in ("{", "[1]", '[{"kind":"confirmed"}]', json.dumps([{**good, "kind": "paid"}]),
                  json.dumps([{**good, "at": "now"}]), json.dumps([{**good, "more": 1}]),
                  json.dumps([{**good, "issue": "x"}])):  # fmt: skip
        assert our_entry(1, {"address": "a@x.org", "proof": proof}).refused, proof
    for column, value in (("state", "active"), ("format", "pdf"), ("frequency", "hourly"),
                          ("suppressed", "boredom"), ("paused_until", "later")):  # fmt: skip
        assert our_entry(1, {"address": "a@x.org", column: value}).refused, column
    disagreeing = {"address": "a@x.org", "state": "confirmed",
                   "proof": json.dumps([{**good, "kind": "withdrawn"}])}  # fmt: skip
    assert "proof says withdrawn" in our_entry(1, disagreeing).refused


@pytest.fixture
def run_desk() -> Callable[..., str]:
    from typer.testing import CliRunner

    from subscribers.cli import commands

    class Lent:
        keys, newsletters, user = KEYS, ("weekly",), "the operator"

        def __init__(self, database: Database) -> None:
            self.reading, self.writing = database.reading, database.writing

        def now(self) -> datetime:
            return NOW

        def deliveries(self, session: Session, subscriber: int) -> list[dict[str, object]]:
            return []

        def interventions(self, session: Session, subscriber: int) -> list[dict[str, object]]:
            return []

        def forget_deliveries(self, session: Session, subscriber: int) -> int:
            return 0

    def run(database: Database, *words: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(commands(lambda: Lent(database)), words)
        assert result.exit_code == exit_code, result.output
        return result.stdout

    return run


MIXED = """address,state,sections,suppressed
zoe@x.org,,Global,
ann@x.org,,Opinion,
Zoe@X.org,,Opinion,
no address,,,
bob@x.org,confirmed,,
adam@x.org,,,
out@x.org,,,
new@BÜCHER.example,,Global,
zoe@x.org,withdrawn,,
mia@x.org,withdrawn,,complaint
new@xn--bcher-kva.example,,Opinion,
adam@x.org,,,operator
kim@x.org,,,
zoe@x.org,,Global,
"""


@pytest.mark.parametrize(("held", "batch"), [(100, 100), (100, 3), (5, 2), (1, 1)])
def test_however_a_list_is_divided_the_same_becomes_of_each_line(
    peopled: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, held: int, batch: int,
) -> None:  # fmt: skip
    words = "import", str(tmp_path / "list.csv"), "--evidence", "fair"
    (tmp_path / "list.csv").write_text(MIXED, "utf-8")
    whole = run_desk(peopled, *words, "--dry-run")
    assert [line.split()[:2] for line in whole.splitlines()] == [
        ["2", "new"], ["3", "changed"], ["4", "changed"], ["5", "refused"], ["6", "skipped"],
        ["7", "new"], ["8", "skipped"], ["9", "new"], ["10", "changed"], ["11", "new"],
        ["12", "changed"], ["13", "changed"], ["14", "new"], ["15", "skipped"],
    ]  # fmt: skip
    monkeypatch.setattr(lists, "HELD", held)
    monkeypatch.setattr(lists, "BATCH", batch)
    before = dumped(peopled)
    assert run_desk(peopled, *words, "--dry-run") == whole
    assert dumped(peopled) == before
    assert run_desk(peopled, *words) == whole
    kept = {row["address"]: row for row in dumped(peopled)}
    stand = {name: (row["state"], row["sections"]) for name, row in kept.items()}
    assert stand["zoe@x.org"] == ("withdrawn", "Opinion")
    assert stand["new@xn--bcher-kva.example"] == ("confirmed", "Opinion")
    assert kept["adam@x.org"]["suppressed"] == "operator"


def test_what_was_kept_before_a_failure_is_reported_and_the_rest_comes_with_the_next_import(
    database: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(lists, "BATCH", 3)
    names = [f"r{n * 7 % 10}@x.org" for n in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["address", *names, ""]), "utf-8")
    words = "import", str(tmp_path / "list.csv"), "--evidence", "fair"
    writing, times = database.writing, iter(range(9))

    @contextmanager
    def failing() -> Iterator[Session]:
        with writing() as session:
            yield session
            if next(times) == 2:  # the third commit
                raise DatabaseError("the disk is full")

    monkeypatch.setattr(database, "writing", failing)
    said = run_desk(database, *words, exit_code=1).splitlines()
    kept = [row["address"] for row in dumped(database)]
    assert len(kept) == 6
    assert [line.split()[2] for line in said] == [name for name in names if name in kept]
    again = [line.split()[1] for line in run_desk(database, *words).splitlines()]
    assert again == ["unchanged" if name in kept else "new" for name in names]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_the_report_tells_of_all_that_is_kept(
    database: Database, run_desk: Callable[..., str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, number: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(lists, "BATCH", 3)
    names = [f"r{n}@x.org" for n in range(10)]
    (tmp_path / "list.csv").write_text("\n".join(["address", *names, ""]), "utf-8")
    writing, times = database.writing, iter(range(9))

    @contextmanager
    def interrupted() -> Iterator[Session]:
        with writing() as session:
            yield session
            if next(times) == 1:  # the second commit
                os.kill(os.getpid(), number)
                os.kill(os.getpid(), number)  # as timeout(1) hands it on: no second word

    monkeypatch.setattr(database, "writing", interrupted)
    handler = signal.getsignal(number)
    said = run_desk(
        database, "import", str(tmp_path / "list.csv"), "--evidence", "fair", exit_code=130
    ).splitlines()
    assert signal.getsignal(number) == handler
    assert [line.split()[2] for line in said] == names[:6]
    assert [row["address"] for row in dumped(database)] == names[:6]


def test_a_number_that_an_old_mail_names_is_given_to_nobody_of_a_list(database: Database) -> None:
    entered(database, [Entry(1, "old@x.org"), Entry(2, "gone@x.org")])
    with database.writing() as session:
        gone = roster.find(session, "gone@x.org").subscriber
        roster.forget(session, "gone@x.org", now=NOW, keys=KEYS)
        other = Entering("daily", how="import", evidence="fair", now=NOW, keys=KEYS)
        lines = other.addressed([Entry(1, "new@x.org"), Entry(2, "old@x.org")])
        assert [verdict.change for verdict in other.enter(session, lines)] == ["new", "new"]
        assert roster.find(session, "new@x.org").subscriber > gone
        old = roster.find(session, "old@x.org").subscriptions
        assert {one.newsletter for one in old} == {"daily", "weekly"}
