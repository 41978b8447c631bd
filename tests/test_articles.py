"""The article's address, its text, its dek and its credit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import (
    DEK,
    DEK_AT_LEAST,
    Article,
    canonical,
    credit_of,
    dek_of,
    headline_key,
    is_generated,
    language_of,
    paragraphs,
    plain,
    sentences,
    shortened,
    tidy,
)

WORDS = st.sampled_from(
    ["river", "U.S.", "Mr.", "Alder", "5.5", "No.", "6", "p.m.", "नदी", "桥", "ميناء", "e.g.", "🚢"]
)
ENDS = st.sampled_from([".", "!", "?", "।", "؟", "。", "…", '."'])
SENTENCE = st.builds(
    lambda words, end: " ".join(words).capitalize() + end,
    st.lists(WORDS, min_size=1, max_size=30),
    ENDS,
)
TEXT = st.lists(SENTENCE, max_size=8).map(" ".join)
ESCAPED = st.lists(
    st.sampled_from(
        [
            "<",
            ">",
            "&",
            "amp;",
            "lt;",
            "gt;",
            "#60;",
            "#x26;",
            "b",
            "/p",
            "script",
            " ",
            "é",
            "\x00",
        ]
    )
).map("".join)


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
        # What is left of a query stays to the letter: it may be signed.
        (
            "https://a.example/i?resize=1,2&u=a%2fb+c&gclid=1",
            "https://a.example/i?resize=1,2&u=a%2fb+c",
        ),
        (
            'https://a.example/i?bare&q=Grüße%20"<>',
            "https://a.example/i?bare&q=Gr%C3%BC%C3%9Fe%20%22%3C%3E",
        ),
        ("https://a.example/w?ref=the-week-newsletter", "https://a.example/w"),
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


def test_a_long_dek_is_shown_in_whole_sentences() -> None:
    one, two = f"{'One ' * 30}end.", f"{'Two ' * 50}end."
    assert shortened(f"{one} {two}") == one
    assert shortened(one) == one


@given(st.text())
def test_no_dek_is_shown_too_long(text: str) -> None:
    assert len(shortened(text)) <= DEK


@given(st.text())
def test_a_dek_is_never_too_long(text: str) -> None:
    assert len(dek_of(text)) <= DEK


@given(st.one_of(st.text(), ESCAPED))
def test_what_is_plain_stays_as_it_is(markup: str) -> None:
    text = plain(markup)
    assert plain(text) == text
    assert tidy(text) == text
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
    assert "<script" not in text.lower()


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("Fish &amp;amp;amp; chips", "Fish & chips"),
        ("&amp;lt;p&amp;gt;Twice&amp;lt;/p&amp;gt;", "Twice"),
        ("5 < 6 and AT&T", "5 < 6 and AT&T"),
        ("\u202eevil\u202c 👩\u200d🚀 क\u094d\u200dष", "evil 👩\u200d🚀 क\u094d\u200dष"),
        ("<div>" * 300 + "deep" + "</div>" * 300, "deep"),
    ],
)
def test_plain_of_what_was_escaped_often(markup: str, text: str) -> None:
    assert plain(markup) == text


def test_paragraphs_leave_out_what_is_beside_the_text() -> None:
    markup = (
        "<h2>H</h2><p>One.</p><figure><img><figcaption>C</figcaption></figure><p>Two<br>Three</p>"
    )
    assert paragraphs(markup) == ["One.", "Two", "Three"]
    assert paragraphs("One.\n\nTwo.") == ["One.", "Two."]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.example.org/a/1", "https://m.example.org/a/1"),
        ("https://www.example.org/a/1", "https://amp.example.org/a/1"),
        ("https://www.example.org/a/1", "https://www.example.org/amp/a/1"),
        ("https://www.example.org/a/1", "https://www.example.org/a/1/amp/"),
        ("https://www.example.org/a/1", "https://www.example.org/a/1?amp=1"),
        ("https://www.example.org/a/1/", "https://www.example.org/a/1?outputType=amp"),
        ("https://www.example.org/a/1.html", "https://www.example.org/a/1.amp.html"),
        (
            "https://www.example.org/a/1",
            "https://www-example-org.cdn.ampproject.org/c/s/www.example.org/a/1",
        ),
        (
            "https://example.org/a?b=1&c=2",
            "http://www.example.org:80/a/?c=2&b=1&at_medium=RSS&CMP=share",
        ),
        ("https://example.org/a", "https://example.org/a?ref=rss&smid=tw&ns_mchannel=x&mc_cid=1"),
    ],
)
def test_the_same_article_at_another_address(one: str, other: str) -> None:
    assert Article("H", url=one).fingerprint == Article("Another", url=other).fingerprint
    assert canonical(other) == canonical(canonical(other)) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/?p=1", "https://example.org/?p=2"),
        ("https://example.org/a?id=1", "https://example.org/a?id=2"),
        ("https://example.org/a?ref=38417", "https://example.org/a"),
        ("https://example.org/amplifier", "https://example.org/lifier"),
        ("https://m.com/a", "https://com/a"),
        ("https://example.org/stamp", "https://example.org/st"),
    ],
)
def test_other_articles_are_not_mistaken_for_it(one: str, other: str) -> None:
    assert Article("H", url=one).fingerprint != Article("H", url=other).fingerprint


def test_a_mobile_address_keeps_working() -> None:
    assert canonical("https://m.example.org/a?utm_source=x") == "https://m.example.org/a"


@pytest.mark.parametrize(
    "parts",
    [
        ["Mr. Alder paid $5.5 million to U.S. firms.", "No. 5 closed at 6 p.m. on Monday."],
        ["He left at 5 p.m.", "The others stayed."],
        ["J. K. Marsh and A. P. J. Oakes wrote it, e.g. here.", "“Go!” she said.", "Why?"],
        ["यह पहला वाक्य है।", "डॉ. शर्मा आए।"],
        ["هل تعرف؟", "نعم."],
    ],
)
def test_sentences(parts: list[str]) -> None:
    assert sentences(" ".join(parts)) == parts


def test_chinese_sentences() -> None:
    assert sentences("这是第一句。这是“第二句！”第三句？") == [
        "这是第一句。",
        "这是“第二句！”",
        "第三句？",
    ]


@given(TEXT)
def test_sentences_together_are_the_text(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@given(TEXT, st.lists(TEXT, max_size=4))
def test_a_dek_ends_where_a_sentence_ends_and_is_never_too_long(
    summary: str, lead: list[str]
) -> None:
    dek = dek_of(summary, lead)
    assert len(dek) <= DEK
    parts = [part for text in (summary, *lead) for part in sentences(text)]
    ends = ["".join(part.split()).rstrip(".…") for part in parts]
    end = "".join(dek.split()).rstrip(".…")[-8:]
    if dek and not dek.endswith("…"):
        assert any(known.endswith(end) or end.endswith(known) for known in ends)


LEAD = [
    "By Dana Quill",
    "Photo: Kim Alder",
    "ALDERSEA, April 2 (Wire) - The harbour board of Aldersea has voted to reopen the north quay.",
    "Cranes will be back in May. The first ship carries salt.",
    "Subscribe to our newsletter to get the best of the week in your inbox every Sunday morning.",
]

QUAY = (
    "The harbour board of Aldersea has voted to reopen the north quay. Cranes will be back in May."
)
OPENING = f"{QUAY} The first ship carries salt."


@pytest.mark.parametrize(
    ("summary", "dek"),
    [
        (
            "",
            OPENING,
        ),
        (
            "Read more",
            OPENING,
        ),
        (
            "The harbour board of Aldersea has voted to reopen […]",
            OPENING,
        ),
        (
            "The quay reopens, and salt comes first.",
            "The quay reopens, and salt comes first. " + QUAY,
        ),
        (
            "नदी किनारे का पुल फिर खुला। (With inputs from agencies.)",
            "नदी किनारे का पुल फिर खुला। " + QUAY,
        ),
    ],
)
def test_a_dek_of_what_a_source_gives(summary: str, dek: str) -> None:
    assert dek_of(summary, LEAD) == dek
    assert DEK_AT_LEAST <= len(dek) <= DEK or not summary.isascii()


@pytest.mark.parametrize(
    ("caption", "credit"),
    [
        ("A ferry leaves. Photograph: Dana Quill/Wire", "Photograph: Dana Quill/Wire"),
        ("A ferry leaves (Dana Quill for the Post)", "Dana Quill for the Post"),
        ("A ferry leaves in 2024", ""),
        ("Vines near the farm.Nuria Vidal (Agencia Tinta)", "Nuria Vidal (Agencia Tinta)"),
        ("A line of lorries. Nobody crosses (AFP)", "AFP"),
        ("魚を並べる人たち＝2日、浜崎港、佐藤健撮影", "佐藤健撮影"),
        (
            "Miners. WIRE/Lucho Paz/File Photo Purchase Licensing Rights , opens new tab",
            "WIRE/Lucho Paz/File Photo",
        ),
        ("Das Ufer. | Bildquelle: dpa", "Bildquelle: dpa"),
        (
            "This image is AI-generated. It shows no real event.",
            "This image is AI-generated. It shows no real event.",
        ),
    ],
)
def test_credit(caption: str, credit: str) -> None:
    assert credit_of(caption) == credit
    assert is_generated(credit) is ("AI" in credit)


@pytest.mark.parametrize(
    ("tag", "read"), [("en_GB", "en-GB"), (" hi ", "hi"), ("<b>", ""), ("", "")]
)
def test_language(tag: str, read: str) -> None:
    assert language_of(tag) == read


@pytest.mark.parametrize(
    ("caption", "made_by_a_machine"),
    [
        ("A pier at dawn. Image generated with Midjourney", True),
        ("Picture created using artificial intelligence", True),
        ("Illustration: DALL-E", True),
        ("Photo: ChatGPT / DALL·E", True),
        ("Made with AI", True),
        ("Imagen generada con inteligencia artificial", True),
        ("Imagem gerada por IA", True),
        ("Image créée avec l’intelligence artificielle", True),
        ("Bild: mit KI erstellt", True),
        ("यह तस्वीर एआई से बनाई गई है", True),
        ("الصورة مولدة بالذكاء الاصطناعي", True),
        ("图片由AI生成", True),
        ("A sculpture made by Ai Weiwei", False),
        ("Photo: OpenAI", False),
        ("Image: Gemini Observatory", False),
        ("Photo: Kai Grokowski", False),
        ("Money that was made by AI-driven shops", False),
    ],
)
def test_what_discloses_that_a_machine_made_a_picture(
    caption: str, made_by_a_machine: bool
) -> None:
    assert is_generated(caption) is made_by_a_machine
    assert credit_of(caption) == caption or not made_by_a_machine
