"""Other systems' files, each with its trap; nobody is made active by a doubt."""

import io
import zipfile
from datetime import UTC, datetime

import pytest

from subscribers.errors import SubscriberError
from subscribers.exchange import Mapping, sheets
from subscribers.preferences import Preferences
from tests.lists import LINE, MERGED, read, told


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
