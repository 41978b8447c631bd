"""Messages: the bytes that a relay gets, judged by the standard library's strict parser."""

import email
import quopri
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digest.errors import MessageError
from digest.messages import Blank, Letterhead, Links, Message, build
from digest.rendering import PLACES, Reader, Rendering, fill

LINKS = Links("https://mail.times.example/u/tok123", "mailto:unsubscribe+tok123@times.example")
RENDERING = Rendering("Patrols; 4 more", "Grain", "<p>Größe “quoted”</p>\n", "Größe\n.\nFrom me\n")
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=300)
PLAIN = st.text(st.sampled_from('abc XYZ 019 ,;:"\\()<>@.=?_äß語😀'), min_size=1, max_size=200)


def built(rendering: Rendering = RENDERING, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "to": "reader@inbox.example",
        "from_": "The Week <week@times.example>",
        "envelope_sender": "b+abc123@bounce.times.example",
        "message_id": "<12.abc123@times.example>",
        "date": datetime(2026, 3, 30, 1, 30, tzinfo=UTC),
        "list_id": "the-week.times.example",
        "title": "The Week",
        "links": LINKS,
    }
    return build(rendering, **(values | changes))


def parsed(message: Message) -> EmailMessage:
    result = email.message_from_bytes(
        message.data, policy=policy.default.clone(raise_on_defect=True)
    )
    assert isinstance(result, EmailMessage)
    for part in result.walk():
        assert part.defects == []
    for value in result.values():
        assert value.defects == ()
    return result


def header_lines(message: Message) -> list[str]:
    return message.data.split(b"\r\n\r\n")[0].decode("ascii").split("\r\n")


def test_a01_one_of_each_header_and_no_defects() -> None:
    mail = parsed(built())
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id"):
        assert len(mail.get_all(name, [])) == 1
    assert mail["date"].datetime == datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
    assert mail["from"].addresses[0].display_name == "The Week"
    assert mail["from"].addresses[0].addr_spec == "week@times.example"
    assert mail["message-id"] == "<12.abc123@times.example>"


def test_the_envelope_is_beside_the_headers() -> None:
    message = built()
    assert (message.sender, message.recipient) == (
        "b+abc123@bounce.times.example",
        "reader@inbox.example",
    )


@given(TEXT | PLAIN, TEXT | PLAIN)
def test_a03_any_subject_and_title_stay_within_lines(subject: str, title: str) -> None:
    message = built(replace(RENDERING, subject=subject), title=title[:40])
    assert not re.search(rb"[^\r]\n|\r[^\n]|[^\x00-\x7f]", message.data)
    assert message.data.endswith(b"\r\n")
    for line in header_lines(message):
        assert len(line) <= 78 or line.startswith("List-")
        assert line.strip()
        assert all(len(word) <= 75 for word in re.findall(r"=\?utf-8\?b\?[^?]*\?=", line))


@given(PLAIN)
def test_a03_subject_and_names_are_read_as_they_were_written(text: str) -> None:
    message = built(replace(RENDERING, subject=text), from_=f"{_quoted(text)} <a@b.example>")
    assert parsed(message)["subject"] == text
    # Python 3.11's own header registry leaves a space between the encoded-words of a name.
    name, address = parseaddr(str(email.message_from_bytes(message.data)["From"]))
    assert str(make_header(decode_header(name))).split() == text.split()
    assert address == "a@b.example"


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y.example", "a\nb", "a\rb", "a\0b", "\n"])
@pytest.mark.parametrize(
    "field", ["to", "from_", "envelope_sender", "message_id", "list_id", "title"]
)
def test_a04_a_line_break_in_a_value_is_refused(field: str, bad: str) -> None:
    changes: dict[str, Any] = {field: bad}
    with pytest.raises(MessageError) as caught:
        built(**changes)
    assert "\n" not in caught.value.what


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@y.example", "https://a.example/\n", "\0"])
def test_a04_a_line_break_in_subject_or_links_is_refused(bad: str) -> None:
    with pytest.raises(MessageError):
        built(replace(RENDERING, subject=bad))
    with pytest.raises(MessageError):
        built(links=replace(LINKS, unsubscribe_url=bad))
    with pytest.raises(MessageError):
        built(links=replace(LINKS, unsubscribe_mailto=bad))


@pytest.mark.parametrize("length", [40, 78, 100, 300, 900])
def test_a05_list_unsubscribe_is_one_physical_line(length: int) -> None:
    url = "https://mail.times.example/".ljust(length, "x")
    lines = header_lines(built(links=Links(url, "mailto:u+t@times.example")))
    assert f"List-Unsubscribe: <{url}>, <mailto:u+t@times.example>" in lines


def test_a06_one_click_is_exact_and_once() -> None:
    lines = header_lines(built())
    assert lines.count("List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1


def test_a07_without_https_there_is_no_one_click() -> None:
    lines = header_lines(built(links=Links("http://127.0.0.1:8000/u/tok", "")))
    assert "List-Unsubscribe: <http://127.0.0.1:8000/u/tok>" in lines
    assert not [line for line in lines if line.startswith("List-Unsubscribe-Post")]
    nothing = header_lines(built(links=Links("", "")))
    assert not [line for line in nothing if line.startswith("List-Unsubscribe")]


@pytest.mark.parametrize(
    "links",
    [
        Links("https://a.example/ü", ""),
        Links("https://a.example/>, <https://b.example", ""),
        Links("https://a.example/a b", ""),
        Links("https://a.example/", "u@a.example"),
        Links("https://a.example/", "https://b.example/"),
        Links("https://a.example/".ljust(1000, "x"), ""),
    ],
)
def test_a07_what_cannot_stand_in_list_unsubscribe_is_refused(links: Links) -> None:
    with pytest.raises(MessageError):
        built(links=links)


def test_a08_list_id() -> None:
    assert 'List-Id: "The Week" <the-week.times.example>' in header_lines(built())
    encoded = "\n".join(header_lines(built(title="Die Größe")))
    assert re.search(r"List-Id: =\?utf-8\?b\?\S+\?= <the-week\.times\.example>", encoded)
    for bad in ("the week.example", "week", "ü.example", "a." + "b" * 255):
        with pytest.raises(MessageError):
            built(list_id=bad)


def test_a10_it_says_that_a_machine_sent_it_and_never_asks_for_all() -> None:
    lines = header_lines(built())
    assert "Auto-Submitted: auto-generated" in lines
    assert "X-Auto-Response-Suppress: OOF, AutoReply" in lines


def test_a11_plain_first_then_html() -> None:
    mail = parsed(built())
    assert mail.get_content_type() == "multipart/alternative"
    parts = [(p.get_content_type(), p.get_content_charset()) for p in mail.iter_parts()]
    assert parts == [("text/plain", "utf-8"), ("text/html", "utf-8")]


def test_a11_text_alone_is_no_multipart() -> None:
    mail = parsed(built(replace(RENDERING, html="")))
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().replace("\r\n", "\n") == RENDERING.text


@example("zqsinceqz https://t.invalid/zq", 1)
@given(TEXT | st.text(st.sampled_from("=. \t\nFrom äß😀\u00a0-_")), st.integers(1, 40))
def test_a12_bodies_come_back_and_lines_are_short(body: str, times: int) -> None:
    content = re.sub(r"[\r\v\f\x1c-\x1e\x85\u2028\u2029]", "", body) * times
    message = built(replace(RENDERING, text=content, html=f"<p>{content}</p>"))
    head, _, rest = message.data.partition(b"\r\n\r\n")
    assert all(len(line) <= 76 for line in rest.split(b"\r\n"))
    plain, markup = list(parsed(message).iter_parts())
    assert plain.get_content().splitlines() == (content.rstrip("\n") + "\n").splitlines()
    assert markup.get_content().splitlines() == f"<p>{content}</p>\n".splitlines()
    assert not re.search(rb"[\x80-\xff]", head + rest)


HARD = st.text(st.sampled_from("=. \tFromaz019&<>\"'ß語😀%-_/"), max_size=120) | st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=300
)
AROUND = st.text(st.sampled_from("=. \n\tFrom abß語😀-"), max_size=200)


@example("", "", "", "", "\n")
@given(HARD, HARD, AROUND, AROUND, AROUND)
def test_a12_whatever_is_filled_in_the_seams_hold(
    url: str, since: str, before: str, between: str, after: str
) -> None:
    """A blank that is filled reads as the rendering would that is filled first."""
    reader = Reader(url, url, f"https://a.example/{url}", since)
    places = f"{before}{PLACES.since}{between}{PLACES.view_url}{after}{PLACES.since}"
    rendering = replace(RENDERING, text=places, html=f"<p>{places}</p>")
    if any("qz" in value for value in (url, since)):
        return
    message = Blank(rendering, Letterhead("week@times.example")).fill(
        reader,
        LINKS,
        to="reader@inbox.example",
        envelope_sender="b+1@times.example",
        message_id="<1@times.example>",
        date=datetime(2026, 3, 30, tzinfo=UTC),
    )
    for line in message.data.split(b"\r\n"):
        assert len(line) <= 76 or line.startswith(b"List-Unsubscribe:")
        assert not line.startswith((b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
    assert not re.search(rb"[^\r]\n|\r[^\n]|[^\x00-\x7f]", message.data)
    wanted = fill(rendering, reader)
    shown = email.message_from_bytes(message.data).get_payload()
    assert isinstance(shown, list)
    for part, text in zip(shown, (wanted.text, wanted.html), strict=True):
        assert isinstance(part, email.message.Message)
        decoded = part.get_payload(decode=True)
        assert isinstance(decoded, bytes)
        # A value that is empty may leave the line break before it at the very end.
        assert decoded.decode().rstrip("\r\n") == text.rstrip("\n").replace("\n", "\r\n")
        assert decoded.endswith(b"\r\n")
        assert quopri.decodestring(str(part.get_payload()).encode("ascii")) == decoded


def test_a04_a_line_break_in_a_readers_value_is_refused() -> None:
    blank = Blank(replace(RENDERING, text=f"{PLACES.since}\n"), Letterhead("week@times.example"))
    for bad in ("a\r\n.\r\n", "a\nb", "\0"):
        with pytest.raises(MessageError):
            blank.fill(
                Reader("u", "p", "v", bad),
                LINKS,
                to="reader@inbox.example",
                envelope_sender="b+1@times.example",
                message_id="<1@times.example>",
                date=datetime(2026, 3, 30, tzinfo=UTC),
            )


@pytest.mark.parametrize(
    "text", ["https://t.invalid/zqunsubqz", "zqviewqz", "https://t.invalid/zq"]
)
def test_a_damaged_or_unknown_place_is_refused(text: str) -> None:
    with pytest.raises(MessageError):
        Blank(replace(RENDERING, text=text), Letterhead("week@times.example"))


FULL = Letterhead(
    "The Week <week@times.example>",
    list_id="week.times.example",
    title="The Week",
    reply_to='"Letters, please" <letters@times.example>',
    help_uri="mailto:help@times.example",
    feedback_id="week.12:week:newsletter:times",
    precedence="bulk",
)


def test_the_letterhead_is_in_the_headers() -> None:
    message = Blank(RENDERING, FULL).fill(
        Reader("", "", "", ""),
        LINKS,
        to="reader@inbox.example",
        envelope_sender="b+1@times.example",
        message_id="<1@times.example>",
        date=datetime(2026, 3, 30, tzinfo=UTC),
    )
    lines = header_lines(message)
    assert parsed(message)["reply-to"].addresses[0].addr_spec == "letters@times.example"
    for line in (
        "List-Post: NO",
        "List-Help: <mailto:help@times.example>",
        "Feedback-ID: week.12:week:newsletter:times",
        "Precedence: bulk",
    ):
        assert lines.count(line) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"from_": "a@b.example, c@d.example"},
        {"from_": "nobody"},
        {"from_": ""},
        {"reply_to": "a@b.example, c@d.example"},
        {"reply_to": "a@b.example\r\nBcc: c@d.example"},
        {"help_uri": "mailto:a b"},
        {"feedback_id": "week"},
        {"feedback_id": "a:a:c:times"},
        {"feedback_id": "a:b:c:four"},
        {"feedback_id": "a:b:c:sixteenletters16"},
        {"feedback_id": "a:b:ann@readers.example:times"},
        {"precedence": "first-class"},
    ],
)
def test_a09_a_letterhead_that_breaks_a_rule_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(MessageError):
        Blank(RENDERING, replace(FULL, **changes))


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert built() == built()
    assert built().data != built(message_id="<13.abc123@times.example>").data


@pytest.mark.parametrize(
    "address",
    [
        "üser@inbox.example",
        "reader@größe.example",
        "x" * 65 + "@inbox.example",
        "a@" + "b." * 130 + "example",
        "no-at-sign",
        "@inbox.example",
        "a@",
        "",
        "a b@inbox.example",
        "a@b.example>, <c@d.example",
        "a..b@inbox.example",
    ],
)
def test_addresses_that_smtp_cannot_carry_are_refused(address: str) -> None:
    with pytest.raises(MessageError):
        built(to=address)
    with pytest.raises(MessageError):
        built(envelope_sender=address)


@pytest.mark.parametrize(
    "message_id", ["a@b.example", "<a b@c.example>", "<@b.example>", "<a@>", ""]
)
def test_a_wrong_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(MessageError):
        built(message_id=message_id)


def test_a_date_needs_a_zone_and_an_offset_is_kept() -> None:
    with pytest.raises(MessageError):
        built(date=datetime(2026, 3, 30))  # noqa: DTZ001
    kolkata = timezone(timedelta(hours=5, minutes=30))
    lines = header_lines(built(date=datetime(2026, 3, 30, 7, 0, tzinfo=kolkata)))
    assert "Date: Mon, 30 Mar 2026 07:00:00 +0530" in lines


def test_half_characters_and_an_empty_subject_are_refused() -> None:
    for broken in (
        replace(RENDERING, subject="a\ud800"),
        replace(RENDERING, text="a\ud800"),
        replace(RENDERING, subject=""),
    ):
        with pytest.raises(MessageError):
            built(broken)
