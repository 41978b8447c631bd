"""What comes back is understood, whoever wrote it; and what is no bounce is never one."""

import email
import re
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flufl.bounce import scan_message
from hypothesis import given
from hypothesis import strategies as st

from subscribers import tokens
from subscribers.bounces import About, understand
from subscribers.bounces.faults import fault
from subscribers.bounces.policy import Mark, Policy, score, verdict
from subscribers.bounces.reading import read
from tests.answers import OTHERS
from tests.reports import BOUNCES, READER, Sample

KEYS = (b"a key of this test", b"an older key of it")
NOW = datetime(2026, 3, 30, 9, tzinfo=UTC)
BACK = tokens.return_path("b", 12, 7, KEYS) + "@news.example.org"
MESSAGE_ID = f"<weekly.{tokens.return_path('b', 12, 7, KEYS).replace('+', '.')}@news.example.org>"


def raw(sample: Sample, back: str = BACK, message_id: str = MESSAGE_ID) -> bytes:
    text = sample.text.replace("{back}", back).replace("{message_id}", message_id)
    return text.replace("\n", "\r\n").encode()


def test_the_corpus_is_wide() -> None:
    assert len(BOUNCES) >= 60
    assert len({sample.name for sample in [*BOUNCES, *OTHERS]}) == len(BOUNCES) + len(OTHERS)


@pytest.mark.parametrize("sample", BOUNCES, ids=lambda sample: sample.name)
def test_g69_each_system_s_report_is_understood(sample: Sample) -> None:
    found = understand(raw(sample), KEYS)
    assert (found.kind, found.about) == (sample.kind, About(7, 12)), found
    assert [failure.fault for failure in found.failures] == [sample.fault], found
    if sample.name != "redacted-fbl":
        assert found.failures[0].recipient == READER


def test_g69_more_is_understood_than_by_flufl_alone(capsys: pytest.CaptureFixture[str]) -> None:
    bounces = [sample for sample in BOUNCES if sample.kind == "bounce"]
    alone = sum(bool(scan_message(email.message_from_bytes(raw(s)))) for s in bounces)
    ours = sum(understand(raw(s), KEYS).kind == "bounce" for s in bounces)
    wrong = sum(understand(raw(s), KEYS).kind == "bounce" for s in OTHERS)
    with capsys.disabled():
        print(
            f" [{len(bounces)} bounces: {ours} understood, {alone} by flufl.bounce; {wrong} wrong]"
        )
    assert ours >= 0.95 * len(bounces) > alone
    assert wrong == 0


@pytest.mark.parametrize("sample", [BOUNCES[0], BOUNCES[5], BOUNCES[20]], ids=lambda s: s.name)
def test_g69_the_returned_message_id_alone_names_the_delivery(sample: Sample) -> None:
    """Where a mail system keeps neither return path nor recipient, the Message-ID is left."""
    nameless = Sample(sample.name, sample.kind, sample.fault,
                      sample.text.replace("{back}", "postmaster@news.example.org"))  # fmt: skip
    if "{message_id}" not in nameless.text:
        nameless = Sample(sample.name, sample.kind, sample.fault,
                          nameless.text + "\nMessage-ID: {message_id}\n")  # fmt: skip
    assert understand(raw(nameless), KEYS).about == About(7, 12)


@pytest.mark.parametrize("sample", OTHERS, ids=lambda sample: sample.name)
def test_g74_what_is_no_bounce_is_never_one(sample: Sample) -> None:
    assert understand(raw(sample), KEYS).kind == sample.kind


def test_g70_every_block_is_read_and_delayed_is_no_failure() -> None:
    two = BOUNCES[0].text.replace(
        "Final-Recipient: rfc822; reader@reads.example\nAction: failed",
        "Final-Recipient: rfc822; late@reads.example\nAction: delayed\nStatus: 4.4.1\n\n"
        "Final-Recipient: rfc822; fine@reads.example\nAction: delivered\nStatus: 2.0.0\n\n"
        "Original-Recipient: rfc822; first@reads.example\nFinal-Recipient: x; y\nAction: failed\n"
        "Status: 5.2.2\n\nFinal-Recipient: rfc822; reader@reads.example\nAction: failed",
    )
    found = understand(raw(Sample("two", "", "", two)), KEYS)
    assert [(f.recipient, f.fault) for f in found.failures] == [
        ("first@reads.example", "full"),
        (READER, "address"),
    ]
    soft = understand(raw(next(s for s in BOUNCES if s.name == "postfix-expired")), KEYS)
    assert (soft.kind, soft.failures[0].fault) == ("bounce", "soft")


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        *((status, "", "address") for status in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")),
        ("5.2.1", "mailbox disabled", "address"),
        ("", "550 mailbox unavailable", "address"),
        ("", "550", "address"),
        ("5.2.2", "", "full"),
        ("4.2.2", "", "full"),
        ("", "552 mailbox is over quota", "full"),
        ("4.4.7", "expired", "soft"),
        ("5.3.0", "other system problem", "soft"),
        ("5.4.6", "routing loop", "soft"),
        ("4.3.2", "", "soft"),
        ("5.7.1", "", "policy"),
        ("4.7.1", "", "policy"),
        ("5.7.26", "", "policy"),
        ("5.7.515", "", "policy"),
        ("4.7.28", "", "policy"),
        ("5.1.1", "blocked using zen.spamhaus.org", "policy"),
        ("5.1.8", "bad sender's system address", "policy"),
        ("", "554 message rejected as spam", "policy"),
        ("5.3.4", "", "size"),
        ("5.6.0", "", "size"),
        ("", "552 message too large", "size"),
        ("", "", "soft"),
        ("", "something happened", "soft"),
    ],
)
def test_g71_whose_fault_it_is(status: str, words: str, expected: str) -> None:
    assert fault(status, words) == expected


def marks(*days: float, of: str = "soft") -> list[Mark]:
    return [Mark(NOW + timedelta(days=day), of, n) for n, day in enumerate(days)]  # type: ignore[arg-type]


def test_g72_one_a_day_and_forgotten_after_a_week() -> None:
    assert score(marks(0, 0.01, 0.02)) == 1.0
    assert score(marks(0, 1, 2, 3, 4)) == 5.0
    assert score(marks(0, 7)) == 2.0
    assert score(marks(0, 8)) == 1.0
    assert score(marks(0, 1, of="policy")) == 0.0


@pytest.mark.parametrize(
    ("history", "sent", "policy", "suppressed"),
    [
        (marks(0, of="address"), [], Policy(), True),
        (marks(0, 0.1, of="address"), [], Policy(hard=2), False),
        (marks(0, 1, of="address"), [], Policy(hard=2), True),
        (marks(0, of="address"), [], Policy(hard=0), False),
        (marks(0, 1, 2, 3), [], Policy(), False),
        (marks(0, 1, 2, 3, 4), [], Policy(), True),
        (marks(0, 1, 2, 3, 4), [], Policy(score=0), False),
        (marks(0, 10, 20), [2, 1, 0], Policy(), True),
        (marks(0, 10, 20), [3, 2, 1, 0], Policy(), False),
        (marks(0, 10), [1, 0], Policy(), False),
        (marks(0, 10, 20, of="policy"), [2, 1, 0], Policy(), False),
    ],
)
def test_g72_when_faults_suppress(
    history: list[Mark], sent: list[int], policy: Policy, suppressed: bool
) -> None:
    assert bool(verdict(history, sent, policy)) is suppressed


def test_g73_a_complaint_is_known_by_our_token_where_the_address_is_hidden() -> None:
    hidden = next(s for s in BOUNCES if s.name == "redacted-fbl")
    assert understand(raw(hidden), KEYS).about == About(7, 12)
    assert understand(raw(hidden), (b"another key of another house",)).about is None


def test_g75_a_forged_token_names_nobody() -> None:
    forged = tokens.return_path("b", 12, 7, (b"a key that is not ours",)) + "@news.example.org"
    found = understand(raw(BOUNCES[0], forged, "<x@y>"), KEYS)
    assert (found.kind, found.about) == ("bounce", None)


@pytest.mark.parametrize(
    "rewritten",
    [
        BACK.upper(),
        f"prvs=12ab34={BACK}",
        f"SRS0=abc=de=news.example.org={BACK.replace('@', '=at=')}@relay.example",
        BACK.replace("+", "=2B"),
    ],
)
def test_g69_a_return_path_is_found_however_it_was_rewritten(rewritten: str) -> None:
    assert understand(raw(BOUNCES[0], rewritten, "<x@y>"), KEYS).about == About(7, 12)


def test_the_same_report_has_the_same_fingerprint_by_whatever_way() -> None:
    one = raw(BOUNCES[0])
    again = b"Delivered-To: x@y.example\r\nReceived: from z\r\n" + one
    assert understand(one, KEYS).fingerprint == understand(again, KEYS).fingerprint
    nameless = one.replace(b"Message-ID: <postfix@", b"X-Old: <postfix@")
    assert (
        understand(nameless, KEYS).fingerprint
        == understand(b"Received: from z\r\n" + nameless, KEYS).fingerprint
    )
    other = understand(raw(BOUNCES[1]), KEYS)
    assert other.fingerprint != understand(one, KEYS).fingerprint


def test_the_same_words_of_or_about_another_are_another_report() -> None:
    """Of reports without a Message-ID, as some old systems write them: none is thrown away."""

    def told(subscriber: int, who: str) -> str:
        back = tokens.return_path("b", 12, subscriber, KEYS) + "@news.example.org"
        text = f"From: {who}\nTo: <{back}>\nSubject: failure notice\n\nNo such user here.\n"
        return understand(text.encode(), KEYS).fingerprint

    machine, other = "MAILER-DAEMON@reads.example", "MAILER-DAEMON@others.example"
    assert len({told(7, machine), told(8, machine), told(7, other)}) == 3
    assert told(7, machine) == told(7, machine)


@pytest.mark.parametrize(
    ("place", "purpose", "known"),
    [("u", "unsubscribe", True), ("p", "preferences", True), ("v", "view", False),
     ("f", "feedback", False), ("u", "view", False), ("v", "unsubscribe", False)],
)  # fmt: skip
def test_g75_a_link_that_a_reader_may_pass_on_names_nobody(
    place: str, purpose: tokens.Purpose, known: bool
) -> None:
    """Who was shown the address of an issue must not have its reader suppressed by it."""
    link = tokens.seal(tokens.Token(purpose, "weekly", 12, 7), KEYS)
    forged = (
        "From: mailer-daemon@evil.example\nSubject: failure notice\n\n"
        f"<reader@reads.example>: 550 5.1.1 user unknown\n\nhttps://news.example.org/{place}/{link}\n"
    )
    found = understand(forged.encode(), KEYS)
    assert (found.kind, found.about) == ("bounce", About(7, 12) if known else None)


def test_d41_a_mail_to_the_address_that_unsubscribes_is_known_by_it() -> None:
    away = tokens.return_path("u", 12, 7, KEYS) + "@news.example.org"
    text = f"From: Reader <reader@reads.example>\r\nTo: <{away}>\r\nSubject: \r\n\r\n"
    found = understand(text.encode(), KEYS)
    assert (found.kind, found.about) == ("leaving", About(7, 12))
    automatic = text.replace("Subject: ", "Auto-Submitted: auto-replied\r\nSubject: ")
    assert understand(automatic.encode(), KEYS).kind == "reply"


def test_d41_two_mails_that_unsubscribe_from_two_newsletters_are_two() -> None:
    """In the same words, and without a Message-ID."""
    told = set()
    for slug in ("weekly", "daily"):
        to = tokens.return_path("u", tokens.mark(slug), 7, KEYS) + "@news.example.org"
        mail = f"From: {READER}\nTo: {to}\nSubject: unsubscribe\n\nPlease stop.\n".encode()
        assert understand(mail, KEYS) == understand(mail, KEYS)
        told.add(understand(mail, KEYS).fingerprint)
    assert len(told) == 2


@given(st.binary(max_size=600))
def test_g69_no_bytes_raise(data: bytes) -> None:
    understand(data, KEYS)
    understand(b"Content-Type: multipart/report; boundary=x\n\n--x\n" + data, KEYS)


@given(st.sampled_from([*BOUNCES, *OTHERS]), st.data())
def test_g76_no_damage_raises(sample: Sample, data: st.DataObject) -> None:
    whole = bytearray(raw(sample))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        match data.draw(st.sampled_from(["cut", "change", "repeat"])):
            case "cut":
                del whole[at : at + 40]
            case "change":
                whole[at] = data.draw(st.integers(0, 255))
            case _:
                whole[at:at] = whole[at : at + 60]
        if not whole:
            break
    understand(bytes(whole), KEYS)


def test_g76_a_wrapped_report_with_raw_bytes_in_its_headers_is_read() -> None:
    inner = raw(BOUNCES[0]).replace(b"Subject: ", b"Subject: \xed\xa0\x80\xff ")
    assert b"\xff" in inner
    assert b"multipart/report" in inner
    wrapped = (
        b"From: mailer-daemon@gateway.example\nSubject: passed on\n"
        b"Content-Type: message/rfc822\n\n" + inner
    )
    found = understand(wrapped, KEYS)
    assert (found.kind, found.about) == ("bounce", About(7, 12))


@pytest.mark.parametrize("odd", [b"\0reader@", b"reader\0@", b"reader@\0", b"reader@\x1b[2J"])
def test_g76_whatever_is_taken_for_an_address_can_be_kept_and_shown(odd: bytes) -> None:
    """PostgreSQL keeps no NUL: such a mail would come first, and fail, each time."""
    detected = (
        b"From: mailer-daemon@x.example\nSubject: hello\n\n"
        b"This is the Postfix program at host x.example.\n\n<" + odd + b"reads.example>: gone\n"
    )
    for mail in (detected, *(raw(s).replace(b"reader@", odd) for s in BOUNCES)):
        for failure in understand(mail, KEYS).failures:
            assert failure.recipient.isprintable()
            assert failure.diagnostic.isprintable()


@pytest.mark.parametrize("odd", [b"\0", b"=?unicode_escape?q?\\ud800?=", b"\xff", b"\x1b[2J"])
def test_g76_whatever_a_field_of_a_report_says_can_be_kept_and_shown(odd: bytes) -> None:
    """No database keeps half a surrogate pair, either."""
    for sample in (raw(s) for s in BOUNCES[::4]):
        for end in (found.end() for found in re.finditer(rb"(?m)^[A-Z][A-Za-z-]+: ", sample)):
            found = understand(sample[:end] + odd + sample[end:], KEYS)
            said = [(f.recipient, f.status, f.diagnostic) for f in found.failures]
            assert "".join([found.why, *(word for words in said for word in words)]).isprintable()


def nested(depth: int) -> bytes:
    start = "".join(
        f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth)
    )
    return start.encode() + b"Content-Type: text/plain\n\nhello"


MACHINE = b"From: postmaster@x.example\nSubject: failure notice\n"
MONSTERS: dict[str, Callable[[], bytes]] = {
    "20 MB": lambda: raw(BOUNCES[0]) + b"A" * (20 << 20),
    "one long line": lambda: b"Subject: " + b"a@b.example " * 200_000,
    "nesting": lambda: nested(5000),
    "nested mails": lambda: b"Content-Type: message/rfc822\n\n" * 5000 + b"x",
    "charset": lambda: b'From: postmaster@x\nContent-Type: text/plain; charset="klingon"\n\n\xff',
    "addresses": lambda: (
        b"From: postmaster@x.example\nSubject: failure notice\n\n"
        + b"<reader@reads.example>: 550 not found\n" * 30_000
    ),
    "spaces": lambda: b"From: postmaster@x.example\nSubject: failure notice\n\n" + b" " * 900_000,
    "letters": lambda: b"From: postmaster@x.example\nSubject: failure notice\n\n" + b"a" * 900_000,
    "dashes": lambda: b"From: postmaster@x.example\nSubject: failure notice\n\n" + b"-" * 900_000,
    "header lines": lambda: b"X-A: b\n" * 100_000 + b"\nx",
    # Each of these took minutes or hours, and held up `digest run` as long.
    "no address": lambda: (
        MACHINE + b"\n550 user unknown\n\nMessage-ID: <a@b>\nTo: " + b"!" * 900_000
    ),
    "words without an @": lambda: MACHINE + b"\n" + b"contain" * 10_000,
    "styles without an end": lambda: MACHINE + b"Content-Type: text/html\n\n" + b"<style>" * 40_000,
    "empty lines": lambda: MACHINE + b"\n<a@b.example>: 550 user unknown" + b"\n" * 100_000,
    "indented lines": lambda: MACHINE + b"\n<a@b.example>: 550" + b"\n\t" * 50_000 + b"x",
    "short lines": lambda: (
        MACHINE + b"\n" + b"".join(b"<a%d@b.example>\n" % n for n in range(10_000))
    ),
}


@pytest.mark.parametrize("name", MONSTERS)
def test_g76_monsters_are_read_in_bounded_time_and_memory(name: str) -> None:
    monster = MONSTERS[name]()
    tracemalloc.start()
    before = time.process_time()
    understand(monster, KEYS)
    took = time.process_time() - before
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150 << 20
    assert took < 60  # a bound against the unbounded, and no measurement


def test_g70_of_a_flood_of_recipients_the_first_hundred_are_told() -> None:
    block = b"Final-Recipient: rfc822; a%d@b.example\nAction: failed\nStatus: 5.1.1\n\n"
    head = MACHINE + b"Content-Type: multipart/report; boundary=x\n\n--x\n"
    flood = b"Content-Type: message/delivery-status\n\n" + b"".join(block % n for n in range(9000))
    found = understand(head + flood, KEYS)
    assert (found.kind, len(found.failures)) == ("bounce", 100)
    assert found.failures[0].recipient == "a0@b.example"


@pytest.mark.parametrize(
    ("hidden", "words"),
    [("<style>p{color:red}</style>", ""), ("<HEAD><title>x</title></HEAD>", ""),
     ("<script>1</script><style>2</style>", ""), ("<style>never ended", "never ended")],
)  # fmt: skip
def test_what_no_reader_of_html_sees_is_no_word(hidden: str, words: str) -> None:
    mail = f"Content-Type: text/html\n\n{hidden}<p>5.1.1 user unknown</p>"
    found = read(mail.encode()).words.split()
    assert found == [*words.split(), "5.1.1", "user", "unknown"]
