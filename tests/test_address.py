"""Addresses: what goes through, what is refused, and that once is enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.address import key, masked, normalise
from subscribers.errors import InvalidAddress

LOCAL = st.from_regex(r"[A-Za-z0-9_+-]{1,20}(\.[A-Za-z0-9]{1,20})?", fullmatch=True)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("ann@example.org", "ann@example.org"),
        (" Ann.Lee@EXAMPLE.Org\t", "Ann.Lee@example.org"),
        ("ann@readers.example", "ann@readers.example"),
        ("ann@mail.test", "ann@mail.test"),
        ("ann+week@bücher.example", "ann+week@xn--bcher-kva.example"),
    ],
)
def test_the_address_to_mail(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@localhost",
        "ann@example.org, bob@example.org",
        "ann@example.org;bob@example.org",
        "ann@example.org\r\nBcc: bob@example.org",
        "ann@example.org\n",
        "Ann <ann@example.org>",
        '"ann lee"@example.org',
        "änn@example.org",
        "ann@[192.0.2.1]",
        "ann@exa\x00mple.org",
        "ann@" + "a" * 250 + ".org",
    ],
)
def test_anything_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        normalise(text)
    assert caught.value.what.isprintable()


@given(LOCAL)
def test_normalising_twice_changes_nothing_and_case_is_one_person(local: str) -> None:
    once = normalise(f"{local}@Example.ORG")
    assert normalise(once) == once
    assert once.partition("@")[0] == local
    assert key(once) == key(once.upper()) == once.lower()


@given(st.text())
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    try:
        address = normalise(text)
    except InvalidAddress:
        return
    assert address.isascii()
    assert address.isprintable()


def test_masked_shows_no_name() -> None:
    assert masked("ann@example.org") == "a…@example.org"
