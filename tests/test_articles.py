"""The article's address, its text, its dek and its dates."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import DEK, Article, canonical, dek_of, headline_key, moment, plain


@given(st.text())
def test_plain_never_yields_a_script(markup: str) -> None:
    assert "<script" not in plain(f"{markup}<script>{markup}").lower()


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One</p><p>Two</p>", "One Two"),
        ("Fish &amp; <b>chips</b>", "Fish & chips"),
        ("a\u200bb \x07 c\n d", "ab c d"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;left", "left"),
    ],
)
def test_plain(markup: str, text: str) -> None:
    assert plain(markup) == text


@given(st.one_of(st.text(), st.text().map("https://example.org/".__add__)))
def test_canonical_is_idempotent(url: str) -> None:
    assert canonical(canonical(url)) == canonical(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "HTTPS://Example.org:443/a?utm_source=x&b=1#c",
            "https://example.org/a?b=1",
        ),
        ("http://example.org", "http://example.org/"),
        ("javascript:alert(1)", ""),
        ("https://someone@example.org/", ""),
        ("/relative", ""),
        ("http://[", ""),
    ],
)
def test_canonical(url: str, expected: str) -> None:
    assert canonical(url) == expected


def test_fingerprint_is_the_address_and_without_one_the_headline() -> None:
    here = Article("Ferry", url="https://www.example.org/ferry/")
    there = Article("Another headline", url="http://example.org/ferry?utm_source=mail")
    assert here.fingerprint == there.fingerprint
    assert Article("A Ferry!").fingerprint == Article("a ferry").fingerprint
    assert headline_key("A Ferry!") == "aferry"


@pytest.mark.parametrize(
    ("text", "dek"),
    [
        ("Short.", "Short."),
        ("Six towns agree. Read more »", "Six towns agree."),
        ("Six towns agree [Continue reading…]", "Six towns agree"),
        (
            "Six towns agree. The post Ferry appeared first on Harbour Gazette.",
            "Six towns agree.",
        ),
        ("People who read more books sleep well.", "People who read more books sleep well."),
        ("One. " + "Word " * 100, "One."),
        ("The U.S. river " + "word " * 100, "The U.S. river" + " word" * 52 + "…"),
        ("x" * 300, "x" * 279 + "…"),
    ],
)
def test_dek(text: str, dek: str) -> None:
    assert dek_of(text) == dek


@given(st.text())
def test_a_dek_is_never_too_long(text: str) -> None:
    assert len(dek_of(text)) <= DEK


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("2025-04-02T01:20:00+05:30", "UTC", "2025-04-01T19:50"),
        ("2025-04-02 01:20:00", "Asia/Kolkata", "2025-04-01T19:50"),
        ("02-04-2025 01:20 IST", "UTC", "2025-04-01T19:50"),
        ("02-04-2025 01:20 IST", "Asia/Kolkata", "2025-04-01T19:50"),
        ("02-04-2025 01:20 IST", "Asia/Jerusalem", "2025-04-01T22:20"),
        ("Wed, 02 Apr 25 01:20:00 +0530", "UTC", "2025-04-01T19:50"),
        ("Wed, 02 Apr 2025 01:20:00 EST", "UTC", "2025-04-02T06:20"),
        ("Wed, 02 Apr 2025 01:20:00", "Europe/Berlin", "2025-04-01T23:20"),
        ("April 2nd, 2025 1:20 p.m.", "UTC", "2025-04-02T13:20"),
        ("20250402", "UTC", "2025-04-02T00:00"),
    ],
)
def test_moment(text: str, timezone: str, expected: str) -> None:
    assert moment(text, timezone) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "32 Apr 2025", "0001-01-01", "2025-13-45"])
def test_moment_of_no_date(text: str) -> None:
    assert moment(text, "Asia/Kolkata") is None


@given(st.text())
def test_moment_of_any_text_is_utc_or_none(text: str) -> None:
    found = moment(text, "Asia/Kolkata")
    assert found is None or found.tzinfo is UTC
