"""What a receiver's server got of a whole issue: EMAIL checklist A and B, on those bytes.

One issue is prepared, approved and sent to five readers, signed, over a real connection; the
tests look at what the server wrote down. Two strangers verify the signatures: dkimpy, and
Mail::DKIM (Perl), which shares no code with it.
"""

import email
import email.policy
import re
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import dkim as dkimpy
import pytest

from digest import publish
from digest.errors import RelayError
from digest.messages import Links, Message, build
from digest.publish import DnsResolver, open_house
from digest.rendering import Rendering
from subscribers import tokens
from tests.conftest import NOW, SECRET
from tests.receiving import (
    BASE,
    READER,
    Post,
    head_of,
    header_line,
    parts,
    perl,
    post,
    received,
    strangers_say,
    write_folder,
    write_keys,
)
from tests.relay import ScriptedRelay

__all__ = ["perl", "post"]


class _Anchors(HTMLParser):
    """Text and links of a mail's HTML."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.text: list[str] = []
        self._hidden = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "title", "head"}
        self.urls += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "title", "head"}

    def handle_data(self, data: str) -> None:
        self.text += [] if self._hidden else [data]


@READER
def test_a01_one_of_each_header_and_no_defects(post: Post, reader: str) -> None:
    mail = post.mail(reader)
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Reply-To"):
        assert len(mail.get_all(name, [])) == 1, name
    assert len(mail["from"].addresses) == 1
    assert mail["to"].addresses[0].addr_spec == reader
    assert [value.defects for value in mail.values() if value.defects] == []
    assert [part.defects for part in mail.walk() if part.defects] == []


def test_a02_message_ids_differ_and_hold_no_address(post: Post) -> None:
    identities = [post.mail(reader)["message-id"] for reader in post.accepted]
    assert len(set(identities)) == len(identities)
    for identity, reader in zip(identities, post.accepted, strict=True):
        assert identity.endswith("@news.example.org>")
        assert len(identity) <= 500
        assert reader.partition("@")[0] not in identity.partition("@")[0].split(".")


@READER
def test_a03_lines_folds_and_line_breaks(post: Post, reader: str) -> None:
    data = post.accepted[reader].data
    assert not re.search(rb"[^\r]\n|\r[^\n]", data)
    assert data.endswith(b"\r\n")
    for line in head_of(data):
        assert len(line) <= 998
        assert re.match(r"[!-9;-~]+:|[ \t]+\S", line), line
        assert all(len(word) <= 75 for word in re.findall(r"=\?[^?]*\?.\?[^?]*\?=", line))


EXPECTED = [
    "DKIM-Signature", "DKIM-Signature", "From", "Reply-To", "MIME-Version", "List-Id", "List-Post",
    "List-Help", "Feedback-ID", "Precedence", "Auto-Submitted", "X-Auto-Response-Suppress",
    "Subject", "To", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Content-Type",
]  # fmt: skip


@READER
def test_a04_exactly_the_expected_headers_arrive(post: Post, reader: str) -> None:
    lines = head_of(post.accepted[reader].data)
    names = [line.partition(":")[0] for line in lines if not line.startswith((" ", "\t"))]
    assert names == [*EXPECTED, "Content-Transfer-Encoding"]


def test_a05_list_unsubscribe_is_one_physical_line(post: Post) -> None:
    """For URLs of 40 to 900 characters, as a server got them."""
    links = [
        Links(f"{BASE}/u/".ljust(length, "x"), "mailto:u+tok@bounce.news.example.org")
        for length in (40, 78, 200, 500, 900)
    ]
    messages = [
        build(
            Rendering("The subject of it", "", "", "A text of one line.\n"),
            to="ann@readers.example",
            from_="The Week <weekly@news.example.org>",
            envelope_sender="b+1@bounce.news.example.org",
            message_id="<1.a@news.example.org>",
            date=NOW,
            list_id="weekly.news.example.org",
            title="The Week",
            links=each,
        )
        for each in links
    ]
    for each, data in zip(links, received(messages), strict=True):
        line = header_line(data, "List-Unsubscribe")
        assert line == f"List-Unsubscribe: <{each.unsubscribe_url}>, <{each.unsubscribe_mailto}>"
        after = head_of(data)[head_of(data).index(line) + 1]
        assert not after.startswith((" ", "\t"))
        assert "=?" not in line
        assert line.isascii()
        assert line.isprintable()


SMUGGLED = ("\n.\n", "\r.\r", "\r\n.\r", "\n.\r\n", "\r\r\n.\r\n", "\r\n.\r\n", "..\n.a", "\0.\n.")


@pytest.mark.parametrize("end", SMUGGLED)
def test_no_text_ends_the_message_and_begins_another(end: str) -> None:
    """SMTP smuggling: CVE-2023-51764 and its like."""
    second = "MAIL FROM:<evil@example.org>\r\nRCPT TO:<ann@readers.example>\r\nDATA\r\nSubject: x"
    text = f"Before.{end}{second}\n"
    (data,) = received(
        [
            build(
                Rendering("The subject of it", "", f"<p>{text}</p>", text),
                to="ann@readers.example",
                from_="The Week <weekly@news.example.org>",
                envelope_sender="b+1@bounce.news.example.org",
                message_id="<1.a@news.example.org>",
                date=NOW,
                list_id="weekly.news.example.org",
                title="The Week",
                links=Links("", ""),
            )
        ]
    )
    assert not re.search(rb"[^\r]\n|\r[^\n]|\0", data)
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    plain = " ".join(parts(mail)["plain"].split())
    assert plain == " ".join(text.split())


@READER
def test_a06_one_click_is_exact_and_once(post: Post, reader: str) -> None:
    lines = head_of(post.accepted[reader].data)
    assert lines.count("List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1
    assert len([line for line in lines if "List-Unsubscribe-Post" in line]) == 1


@READER
def test_a07_one_https_address_and_a_mailto_with_the_same_right(post: Post, reader: str) -> None:
    line = header_line(post.accepted[reader].data, "List-Unsubscribe")
    url, mailto = re.findall(r"<([^>]+)>", line)
    assert url.startswith(f"{BASE}/u/")
    assert line.count("https://") == 1
    link = tokens.read(url.removeprefix(f"{BASE}/u/"), "unsubscribe", post.keys)
    kind, issue, subscriber = tokens.read_return_path(
        mailto.removeprefix("mailto:").partition("@")[0], post.keys
    )
    assert (kind, issue, subscriber) == ("u", link.issue, link.subscriber)


@READER
def test_the_question_leads_to_the_reader_s_page_of_this_issue(post: Post, reader: str) -> None:
    shown = parts(post.mail(reader))
    for text in shown.values():
        (token,) = set(re.findall(rf"{BASE}/f/([a-z0-9.-]+)", text))
        link = tokens.read(token, "feedback", post.keys)
        assert (link.newsletter, link.issue) == ("weekly", post.issue)


@READER
def test_a08_list_id_with_an_encoded_name(post: Post, reader: str) -> None:
    line = header_line(post.accepted[reader].data, "List-Id")
    assert re.fullmatch(r"List-Id: =\?utf-8\?b\?\S+\?= <weekly\.news\.example\.org>", line)
    assert len(line) <= 255
    assert str(post.mail(reader)["list-id"]).startswith("The Wéek")


@READER
def test_a09_feedback_id_names_no_reader(post: Post, reader: str) -> None:
    value = header_line(post.accepted[reader].data, "Feedback-ID").partition(": ")[2]
    fields = value.split(":")
    assert fields == ["weekly.1", "list.weekly", "newsletter", "newsexampleorg"]
    assert 5 <= len(fields[3]) <= 15
    assert len(set(fields)) == 4


@READER
def test_a10_it_says_that_a_machine_sent_it_and_never_asks_for_all(post: Post, reader: str) -> None:
    lines = head_of(post.accepted[reader].data)
    assert "Auto-Submitted: auto-generated" in lines
    assert "Precedence: bulk" in lines
    assert "X-Auto-Response-Suppress: OOF, AutoReply" in lines


def test_a11_plain_first_then_html(post: Post) -> None:
    mail = post.mail("ann@readers.example")
    assert mail.get_content_type() == "multipart/alternative"
    kinds = [(part.get_content_type(), part.get_content_charset()) for part in mail.iter_parts()]
    assert kinds == [("text/plain", "utf-8"), ("text/html", "utf-8")]
    assert post.mail("dora@readers.example").get_content_type() == "text/plain"


@READER
def test_a12_every_line_of_the_body_is_short_and_quoted_printable(post: Post, reader: str) -> None:
    data = post.accepted[reader].data
    body = data.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76
    for part in post.mail(reader).walk():
        if part.get_content_maintype() == "text":
            assert part["content-transfer-encoding"] == "quoted-printable"


@READER
def test_a13_no_byte_above_127(post: Post, reader: str) -> None:
    assert post.accepted[reader].data.isascii()


@pytest.mark.parametrize("reader", ["ann@readers.example", "ben@readers.example"])
def test_a14_the_text_part_says_what_the_html_says(post: Post, reader: str) -> None:
    found = parts(post.mail(reader))
    shown = _Anchors(found["html"])
    text = found["plain"]
    for url in shown.urls:
        assert url.removeprefix("mailto:") in text, url
    assert f"{BASE}/u/" in text
    words = set(re.findall(r"\w{3,}", " ".join(shown.text).casefold()))
    said = set(re.findall(r"\w{3,}", text.casefold()))
    assert len(words & said) / len(words) >= 0.9
    assert not re.search("[\u034f\u2007\u200b]", text)
    assert [line for line in text.splitlines() if len(line) > 78 and "http" not in line] == []


@READER
def test_a15_it_is_far_below_what_gmail_cuts(post: Post, reader: str) -> None:
    data = post.accepted[reader].data
    assert len(data) < 1_000_000
    html = parts(post.mail(reader)).get("html", "")
    assert len(html.encode()) <= 80_000


@READER
@pytest.mark.usefixtures("perl")
def test_b16_two_strangers_verify_what_arrived(post: Post, reader: str) -> None:
    mine, theirs = strangers_say(post.accepted[reader].data, post.names)
    assert mine == [True, True]
    # Debian's Mail::DKIM has not learnt Ed25519, as many receivers have not.
    assert theirs[0] == "rsa-sha256 pass"


MUST_BE_SIGNED = (
    "from", "reply-to", "to", "subject", "date", "message-id", "mime-version", "content-type",
    "content-transfer-encoding", "list-id", "list-unsubscribe", "list-unsubscribe-post",
    "feedback-id",
)  # fmt: skip


@READER
def test_b17_the_signature_names_what_it_must_once_more_than_there_is(
    post: Post, reader: str
) -> None:
    data = post.accepted[reader].data
    head = data.partition(b"\r\n\r\n")[0].decode()
    signatures = re.findall(r"DKIM-Signature:(?:[^\r]|\r\n[ \t])*", head)
    assert len(signatures) == 2
    for signature in signatures:
        tags = dict(part.strip().split("=", 1) for part in signature.partition(":")[2].split(";"))
        signed = "".join(tags["h"].split()).split(":")
        for name in MUST_BE_SIGNED:
            there = len(re.findall(rf"(?im)^{name}:", head))
            assert there == 1, name
            assert signed.count(name) == 2, name
        assert "l" not in tags
        assert tags["c"] == "relaxed/simple"


TAMPERED = {
    "a second From": (b"To: ", b"From: boss@bank.example\r\nTo: "),
    "a first From": (b"From: ", b"From: boss@bank.example\r\nFrom: "),
    "a second List-Unsubscribe": (b"To: ", b"List-Unsubscribe: <https://evil.example>\r\nTo: "),
    "a second Subject": (b"To: ", b"Subject: You have won\r\nTo: "),
    "a Cc that was not there": (b"To: ", b"Cc: boss@bank.example\r\nTo: "),
    "another one-click": (b"=One-Click", b"=One-Clack"),
    "another charset": (b"charset=utf-8", b"charset=utf-7"),
    "one letter of the body": (b"Choose sections", b"Choose Sections"),
}


@pytest.mark.parametrize("what", TAMPERED)
@pytest.mark.usefixtures("perl")
def test_b17_whoever_adds_or_changes_something_breaks_the_signature(post: Post, what: str) -> None:
    old, new = TAMPERED[what]
    data = post.accepted["ann@readers.example"].data
    assert old in data
    mine, theirs = strangers_say(data.replace(old, new, 1), post.names)
    assert mine == [False, False]
    assert [line for line in theirs if "pass" in line] == []


def test_b17_another_relays_trace_headers_leave_it_whole(post: Post) -> None:
    trace = b"Received: from a.example by b.example; Mon, 30 Mar 2026 07:00:00 +0530\r\n"
    data = trace + post.accepted["ann@readers.example"].data
    resolver = DnsResolver(post.names.address)
    assert dkimpy.DKIM(data).verify(
        0, dnsfunc=lambda name, timeout=5: resolver.look_up(name.decode(), "TXT")[0].encode()
    )


@READER
def test_b21_the_envelope_sender_leads_back_to_the_reader(post: Post, reader: str) -> None:
    local, _, domain = post.accepted[reader].sender.partition("@")
    assert domain == "bounce.news.example.org"
    assert len(local) <= 64
    kind, issue, subscriber = tokens.read_return_path(local, post.keys)
    assert (kind, issue) == ("b", post.issue)
    url = header_line(post.accepted[reader].data, "List-Unsubscribe").partition("/u/")[2]
    assert tokens.read(url.partition(">")[0], "unsubscribe", post.keys).subscriber == subscriber


def test_b22_a_relay_without_tls_gets_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path)
    with ScriptedRelay() as relay:
        environ = {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}
        with open_house(tmp_path, environ | {"DIGEST_RELAY_SECURITY": "starttls"}) as house:
            write_keys(house)
            publish.collect(house, now=NOW)
            record = publish.prepare(house, "weekly", now=NOW).record
            with pytest.raises(RelayError):
                publish.send_test(house, record, "editor@readers.example", clock=lambda: NOW)
        assert relay.accepted == []


@READER
def test_b24_signed_bytes_are_sent_bytes_are_received_bytes(post: Post, reader: str) -> None:
    if reader in post.composed:
        assert post.composed[reader].data == post.accepted[reader].data
        assert post.composed[reader].sender == post.accepted[reader].sender
    as_received = Message("b@news.example.org", reader, post.accepted[reader].data)
    assert received([as_received]) == [as_received.data]
    # Whoever speaks SMTP need stuff nothing: no line begins with a dot.
    assert b"\r\n." not in as_received.data
