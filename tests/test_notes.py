"""The editor's note: four marks, and nothing that breaks the mail."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from digest.rendering.notes import Block, blocks, in_plain, marked_up

SIGNS = st.sampled_from(
    [
        "word",
        "*",
        "**",
        "[",
        "](",
        ")",
        "https://a.example/",
        "mailto:",
        "\n",
        "\n\n",
        "- ",
        "<b>",
        '"',
        "&",
        " ",
        "javascript:",
        "שלום",
    ]
)
NOTES = st.lists(SIGNS | st.text(max_size=8), max_size=30).map("".join)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain & <simple>", "plain &amp; &lt;simple&gt;"),
        ("**bold** and *slanted*", "<strong>bold</strong> and <em>slanted</em>"),
        ("[words](https://a.example/?a=1&b=2)",
         '<a href="https://a.example/?a=1&amp;b=2" class="word">words</a>'),
        ("[us](mailto:a@b.example)", '<a href="mailto:a@b.example" class="word">us</a>'),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("a ** b ** c", "a ** b ** c"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](http://a.example)", "[x](http://a.example)"),
        ("[x](https://[a)", "[x](https://[a)"),
        ('[x](https://a.example/"onclick=")', "[x](https://a.example/&#34;onclick=&#34;)"),
        ("[<b>](https://a.example/)", '<a href="https://a.example/" class="word">&lt;b&gt;</a>'),
        ("*one", "*one"),
    ],
)  # fmt: skip
def test_marks(written: str, shown: str) -> None:
    assert str(marked_up(written, "word")) == shown


def test_paragraphs_and_lists() -> None:
    assert blocks("One\ntwo\r\n\r\n- a\n- b\n\n \n\nthree - four\n") == (
        Block("text", ("One two",)),
        Block("list", ("a", "b")),
        Block("text", ("three - four",)),
    )
    assert blocks("  \n ") == ()


def test_plain_text_keeps_the_address() -> None:
    assert in_plain("Read [this](https://a.example/) **now**") == (
        "Read this <https://a.example/> **now**"
    )


@settings(max_examples=300)
@given(NOTES)
def test_no_note_makes_other_markup_or_loses_a_word(note: str) -> None:
    for block in blocks(re.sub(r"[^\x20-\x7e\n\u05d0-\u05ea]", "", note)):
        for entry in block.entries:
            parsed = lxml_html.fromstring(f"<p>{marked_up(entry, 'word')}</p>")
            assert parsed.tag == "p"
            assert {child.tag for child in parsed.iterdescendants()} <= {"strong", "em", "a"}
            for link in parsed.iter("a"):
                assert re.match("https://|mailto:", link.get("href") or "")
                assert set(link.attrib) == {"href", "class"}
            words = set(re.findall(r"word|שלום", entry))
            assert words <= set(re.findall(r"word|שלום", lxml_html.tostring(parsed, encoding=str)))
