"""Tokens: only ours, only for their purpose, for ever."""

from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from subscribers.errors import BadToken
from subscribers.tokens import Kind, Purpose, Token, read, read_return_path, return_path, seal

KEY, NEWER = b"k" * 32, b"n" * 32
PURPOSES = st.sampled_from(get_args(Purpose))
NUMBERS = st.integers(0, 2**63 - 1)
SLUGS = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
TOKENS = st.builds(Token, PURPOSES, SLUGS, NUMBERS, NUMBERS)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(("b", "u"))
SOME = Token("unsubscribe", "weekly", 12, 48210)


@given(TOKENS)
def test_d39_out_and_in_again(token: Token) -> None:
    text = seal(token, [KEY])
    assert read(text, token.purpose, [KEY]) == token
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@given(TOKENS, st.data())
def test_d38_any_changed_character_is_rejected(token: Token, data: st.DataObject) -> None:
    text = seal(token, [KEY])
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters())
    assume(other != text[place])
    with pytest.raises(BadToken):
        read(text[:place] + other + text[place + 1 :], token.purpose, [KEY])


@given(st.text())
def test_d38_hostile_text_is_a_bad_token_and_nothing_worse(text: str) -> None:
    with pytest.raises(BadToken):
        read(text, "view", [KEY])
    with pytest.raises(BadToken):
        read_return_path(text, [KEY])


@pytest.mark.parametrize("change", ["0", " ", "\n", "="])
def test_d38_no_second_spelling(change: str) -> None:
    text = seal(SOME, [KEY])
    for spelling in (text + change, change + text, text.replace(".", f".{change}", 1), text[:-1]):
        with pytest.raises(BadToken):
            read(spelling, "unsubscribe", [KEY])


@given(TOKENS, PURPOSES)
def test_d39_a_token_of_one_purpose_fails_in_another(token: Token, purpose: Purpose) -> None:
    assume(purpose != token.purpose)
    with pytest.raises(BadToken):
        read(seal(token, [KEY]), purpose, [KEY])


def test_d38_tokens_survive_the_rotation_of_keys() -> None:
    old = seal(SOME, [KEY])
    assert read(old, "unsubscribe", [NEWER, KEY]) == SOME
    assert seal(SOME, [NEWER, KEY]) == seal(SOME, [NEWER])
    with pytest.raises(BadToken):
        read(old, "unsubscribe", [NEWER])


def test_what_cannot_be_sealed() -> None:
    for token in (Token("view", "The Week", 1, 1), Token("view", "weekly", -1, 1)):
        with pytest.raises(ValueError, match="is no"):
            seal(token, [KEY])
    with pytest.raises(ValueError, match="at least one key"):
        seal(SOME, [])


@given(KINDS, NUMBERS, NUMBERS, st.sampled_from([str.lower, str.upper, str.title, str.swapcase]))
def test_d41_return_paths_survive_a_change_of_case(
    kind: Kind, issue: int, subscriber: int, change: "type[str]"
) -> None:
    local = return_path(kind, issue, subscriber, [KEY])
    assert len(local) <= 64
    assert read_return_path(local, [NEWER, KEY]) == (kind, issue, subscriber)
    assert read_return_path(change(local), [KEY]) == (kind, issue, subscriber)


def test_d41_a_return_path_is_for_one_kind_and_is_no_link() -> None:
    local = return_path("b", 12, 48210, [KEY])
    for text in ("u" + local[1:], local[:-1], local + "a", local.replace("k", "\u212a") + "\u212a"):
        with pytest.raises(BadToken):
            read_return_path(text, [KEY])
    with pytest.raises(BadToken):
        read_return_path(seal(SOME, [KEY]), [KEY])
