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


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ann", "it has no @"),
        ("ann@", "nothing stands behind the @"),
        ("@example.org", "nothing stands before the @"),
        ("ann@bob@example.org", "it has more than one @"),
        ("ann lee@example.org", "it has a space in it"),
        ("änn@example.org", "it has letters before the @ that few mail servers take"),
        ("ann..lee@example.org", "it has a dot too many"),
        ("ann@example.org.", "it has a dot too many"),
        ("ann@localhost", "“localhost” is no whole domain"),
        ("ann@printer.LOCAL", "no mail leads to “printer.LOCAL”, a reserved name"),
        ("ann@x_y.org", "“x_y.org” is no name of a domain"),
        ("ann@-x.org", "“-x.org” is no name of a domain"),
        ("ann@[192.0.2.1]", "“[192.0.2.1]” is no name of a domain"),
        ("ann(x)@example.org", "it has signs in it that few mail servers take"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_our_words_with_the_remedy(text: str, why: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        normalise(text)
    assert caught.value.what == f"“{text}” is not a mail address: {why}."
    assert caught.value.remedy == "Write one as ann@example.org is written."


@given(LOCAL)
def test_normalising_twice_changes_nothing_and_case_is_one_person(local: str) -> None:
    once = normalise(f"{local}@Example.ORG")
    assert normalise(once) == once
    assert once.partition("@")[0] == local
    assert key(once) == key(once.upper()) == once.lower()


@given(st.text())
def test_any_text_is_an_address_or_a_sentence_with_its_remedy(text: str) -> None:
    try:
        address = normalise(text)
    except InvalidAddress as refused:
        said, remedy = refused.what, refused.remedy
    else:
        said, remedy = f"{address}.", "none"
        assert address.isascii()
    assert said.isprintable()
    assert said.endswith(".")
    assert remedy


def test_masked_shows_no_name() -> None:
    assert masked("ann@example.org") == "a…@example.org"
