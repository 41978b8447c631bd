"""The HTML of the sample issue in every language, as mail programs, readers and screens need it."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from lxml import html as lxml_html
from lxml.html import HtmlElement

from digest.edition import Edition
from digest.publish import House
from digest.publish.composing import Composer
from digest.rendering import PLACES, SENTINEL, Rendering, fill, render
from digest.rendering.languages import _catalogue
from digest.theme import contrast
from subscribers.preferences import EVERYTHING
from subscribers.recipient import Recipient
from tests.showcase import LANGUAGES, WORDS, sample_edition, sample_reader
from tests.test_mail_html_of_stories import TEMPLATES, tags, with_lead


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    """Each language into which the mail is translated."""
    return str(request.param)


@pytest.fixture(scope="module")
def mail(language: str) -> Rendering:
    """The sample issue as a reader gets it."""
    return fill(render(sample_edition(language), TEMPLATES), sample_reader(language))


@pytest.fixture(scope="module")
def page(mail: Rendering) -> HtmlElement:
    """Its HTML, parsed."""
    return lxml_html.document_fromstring(mail.html)


def style_of(element: HtmlElement) -> dict[str, str]:
    """The declarations of an element's style attribute."""
    pairs = (part.partition(":") for part in element.get("style", "").split(";") if ":" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def sheets(markup: str) -> list[str]:
    """The style sheets that stay, without their comments."""
    found = re.findall(r"(?s)<style[^>]*>(.*?)</style>", re.sub(r"(?s)<!--.*?-->", "", markup))
    return [re.sub(r"(?s)/\*.*?\*/", "", sheet) for sheet in found]


def painted(
    element: HtmlElement, text: str = "#000000", ground: str = "#ffffff"
) -> Iterator[tuple[str, str, str]]:
    """Every text of the page with its colour and the colour it stands on."""
    style = style_of(element)
    text, ground = style.get("color", text), style.get("background-color", ground)
    if element.tag not in {"style", "title"} and (element.text or "").strip():
        yield str(element.text), whole(text), whole(ground)
    for child in element:
        if isinstance(child.tag, str):
            yield from painted(child, text, ground)
        if (child.tail or "").strip():
            yield str(child.tail), whole(text), whole(ground)


def whole(colour: str) -> str:
    """ "#fff" is "#ffffff"."""
    return re.sub(r"^#(\w)(\w)(\w)$", r"#\1\1\2\2\3\3", colour)


def test_e44_language_direction_title_and_charset(
    mail: Rendering, page: HtmlElement, language: str
) -> None:
    direction = "rtl" if language == "ar" else "ltr"
    assert mail.html.startswith("<!DOCTYPE html>\n<html")
    assert (page.get("lang"), page.get("dir")) == (language, direction)
    (wrapper,) = page.xpath("//body/div[@role='article']")
    assert (wrapper.get("lang"), wrapper.get("dir")) == (language, direction)
    assert wrapper.get("aria-roledescription") == "email"
    assert WORDS[language].title in page.xpath("string(//title)")
    assert "12" in page.xpath("string(//title)")
    assert page.xpath("//head/*")[0].get("charset") == "utf-8"


def test_e45_metas(page: HtmlElement) -> None:
    assert set(page.xpath("//meta/@name")) == {
        "viewport",
        "color-scheme",
        "supported-color-schemes",
        "x-apple-disable-message-reformatting",
        "format-detection",
    }
    assert "user-scalable" not in page.xpath("string(//meta[@name='viewport']/@content)")


def test_e46_every_table_is_for_layout_and_says_so(mail: Rendering) -> None:
    tables = re.findall(r"<table[^>]*>", mail.html)  # those for Outlook, too
    assert len(tables) > 10
    assert [table for table in tables if 'role="presentation"' not in table] == []
    assert "<th" not in mail.html.replace("<thead", "")


def test_e47_the_picture_has_words_a_width_and_https(page: HtmlElement, language: str) -> None:
    (image,) = page.xpath("//img")
    alt, credit = WORDS[language].picture
    assert image.get("alt") == alt
    assert image.get("width") == "576"
    assert re.fullmatch(r"https://\S+\.(jpg|png)", image.get("src"))
    assert style_of(image)["height"] == "auto"
    assert credit in page.text_content()


def test_e48_one_h1_and_no_level_is_skipped(page: HtmlElement) -> None:
    headings = page.xpath("//h1 | //h2 | //h3 | //h4")
    levels = [int(heading.tag[1]) for heading in headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(heading.text_content().strip() for heading in headings)


def test_e49_links_are_absolute_and_say_where_they_lead(page: HtmlElement) -> None:
    links = page.xpath("//a")
    assert len(links) > 20
    for link in links:
        address, words = link.get("href"), link.text_content().strip()
        assert re.match(r"https://|mailto:", address)
        assert words or link.xpath("img/@alt")[0]
        assert words.casefold() not in {"click here", "here", "link", "read more", "more"}
        assert not re.fullmatch(r"[\d.:\[\]]*", urlsplit(address).netloc) or "mailto:" in address
        if "://" in words or words.startswith("www."):
            assert words in address


def test_e50_every_text_has_contrast_to_its_ground(page: HtmlElement) -> None:
    pairs = list(painted(page.xpath("//body")[0]))
    assert len(pairs) > 60
    low = {(text, ink, on) for text, ink, on in pairs if contrast(ink, on) < 4.5}
    assert low == set()


def test_e50_dark_mode_changes_every_colour_it_must(mail: Rendering, page: HtmlElement) -> None:
    # What has a colour of its own has a class whose colour dark mode sets.
    classes = {"ink", "soft", "accent", "desk", "paper", "wash", "preheader"}
    bare = [
        element
        for element in page.xpath("//body//*[@style]")
        if {"color", "background-color"} & set(style_of(element))
        and not classes & set(element.get("class", "").split())
    ]
    assert [lxml_html.tostring(element)[:80] for element in bare] == []
    night, _, outlook = sheets(mail.html)[0].partition("dark)")[2].partition("\n}")
    for name in classes - {"paper", "preheader"}:
        assert f"\n  .{name} {{" in night
        assert re.search(rf"\[data-ogs[bc]\] \.{name} {{", outlook)


def test_e51_the_preheader_is_first_short_and_hidden(mail: Rendering, page: HtmlElement) -> None:
    first = page.xpath("//body/*")[0]
    real = first.text_content().rstrip("\u2007\u034f ")
    assert real == mail.preheader
    assert 0 < len(real) <= 150
    style = style_of(first)
    assert (style["display"], style["mso-hide"]) == ("none", "all")
    assert contrast(whole(style["color"]), whole(style["background-color"])) > 4.5


def test_e52_conditional_comments_are_balanced_and_hide_nothing_else(mail: Rendering) -> None:
    assert mail.html.count("<!--[if mso]>") == mail.html.count("<![endif]-->") == 3
    assert "PixelsPerInch>96<" in mail.html
    ghost = re.findall(r"(?s)<!--\[if mso\]>(.*?)<!\[endif\]-->", mail.html)
    assert 'width="640"' in ghost[1]
    assert "max-width:640px" in mail.html
    # Outlook's table opens and closes; for everybody else it is not there at all.
    tables = Counter(re.findall(r"</?(?:table|tr|td)\b", ghost[1] + ghost[2]))
    assert all(tables[f"<{tag}"] == tables[f"</{tag}"] == 1 for tag in ("table", "tr", "td"))
    assert tags(re.sub(r"(?s)<!--.*?-->", "", mail.html)) == tags(mail.html)


def test_e53_one_style_sheet_stays_in_the_head(mail: Rendering) -> None:
    head, _, body = mail.html.partition("</head>")
    (sheet,) = sheets(head)
    assert "<style" not in body
    assert len("".join(re.findall(r"(?s)<style.*?</style>", head)).encode()) < 16_000
    declarations = re.findall(r"[\w-]+: [^;{}]+;", sheet)
    assert len(declarations) > 20
    assert [d for d in declarations if not d.endswith("!important;")] == []
    for media in re.findall(r"@media[^{]*{((?:[^{}]*{[^{}]*})*)[^{}]*}", sheet):
        assert "@" not in media
    assert "url(" not in mail.html
    assert "[data-ogsc]" in sheet
    assert "[data-ogsb]" in sheet


def test_e54_nothing_that_runs_or_asks(page: HtmlElement, mail: Rendering) -> None:
    refused = {"script", "form", "input", "iframe", "object", "embed", "video", "svg", "link"}
    assert set(tags(mail.html)) & refused == set()
    assert [name for e in page.iter() for name in e.attrib if name.startswith("on")] == []
    assert "@font-face" not in mail.html
    assert "@import" not in mail.html


def test_e58_the_footer_says_who_why_and_how_to_leave(page: HtmlElement, language: str) -> None:
    (footer,) = page.xpath("//td[contains(@class, 'footer')]")
    shown = " ".join(footer.text_content().split())
    reader, words = sample_reader(language), WORDS[language]
    for told in (words.title, reader.since, words.publisher, words.address, "+91 11 5555 0100"):
        assert told in shown
    links = set(footer.xpath(".//a/@href"))
    assert {reader.preferences_url, reader.view_url} <= links
    assert any(link.partition("?story=")[0] == reader.unsubscribe_url for link in links)
    assert {"mailto:letters@times.example", "https://times.example/terms"} <= links
    hidden = [style_of(e).get("display") == "none" for e in footer.iter("a", "p")]
    assert not any(hidden)


def test_e58_the_reader_s_page_takes_the_answers_or_the_publisher_s_own() -> None:
    issue = sample_edition().issue
    asked = replace(issue, publisher=replace(issue.publisher, feedback_url="https://a.example/q"))
    made = render(replace(sample_edition(), issue=asked), TEMPLATES)
    assert 'href="https://a.example/q"' in made.html
    assert "https://a.example/q" in made.text
    assert PLACES.feedback_url not in made.html + made.text
    ours = replace(asked, publisher=replace(asked.publisher, feedback_url="", email=""))
    unfilled = render(replace(sample_edition(), issue=ours), TEMPLATES)
    reader = sample_reader()
    filled = fill(unfilled, reader)
    assert f'href="{reader.feedback_url}"' in filled.html
    assert reader.feedback_url in filled.text


def test_in_a_browser_stands_nothing_that_is_a_reader_s_own(language: str) -> None:
    """Anybody may see the page: no link to itself, none that acts, nobody's day of joining."""
    edition = sample_edition(language)
    told = replace(edition.issue.publisher, feedback_url="")
    edition = replace(edition, issue=replace(edition.issue, publisher=told))
    made = render(edition, TEMPLATES, in_browser=True)
    assert SENTINEL.findall(made.html + made.text) == []
    for words in (WORDS[language].title, WORDS[language].address):
        assert words in made.html
    mail, say = render(edition, TEMPLATES), _catalogue(language).gettext
    for own in ("View in browser", "Choose sections", "Unsubscribe", "Tell the editors"):
        assert (say(own) in mail.html, say(own) in made.html) == (True, False), own
        assert (say(own) in mail.text, say(own) in made.text) == (True, False), own
    theirs = replace(told, feedback_url="https://a.example/q")
    asked = replace(edition, issue=replace(edition.issue, publisher=theirs))
    assert 'href="https://a.example/q"' in render(asked, TEMPLATES, in_browser=True).html


def test_a15_the_html_is_far_from_what_gmail_cuts(mail: Rendering) -> None:
    assert len(mail.html.encode()) < 60_000


def test_h78_readers_load_the_same_things_and_no_pixel() -> None:
    unfilled = render(sample_edition(), TEMPLATES)
    ann, ben = (replace(sample_reader(), view_url=f"https://m.example/v/{n}") for n in "ab")
    loaded = [
        lxml_html.document_fromstring(fill(unfilled, reader).html).xpath("//@src | //@background")
        for reader in (ann, ben)
    ]
    assert loaded[0] == loaded[1] == ["https://times.example/pictures/patrol.jpg"]


def test_h80_no_address_and_no_name_in_any_link(house: House) -> None:
    from digest import publish

    now = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
    publish.collect(house, [], now=now)
    record = publish.prepare(house, None, now=now).record
    edition = Edition(record.issue, record.issue.sections, record.issue.trending)
    ann = Recipient(7, "ann.winterbottom@readers.example", now, EVERYTHING)
    message = Composer(house, record).compose(ann, edition, "<x@news.example.org>", now)
    body = message.data.replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()
    links = re.findall(r"(?:https?://|mailto:)[^\s\"'<>]+", body)
    assert len(links) > 20
    assert [
        url for url in links if re.search(r"(?i)\bann\b|winterbottom|readers\.example", url)
    ] == []


def test_a_story_in_another_language_says_so() -> None:
    edition = with_lead(headline="أخبار اليوم", language="ar-EG")
    page = lxml_html.document_fromstring(render(edition, TEMPLATES).html)
    for told in ("//h2[@lang]", "//p[@lang]"):
        (element,) = page.xpath(told)
        assert (element.get("lang"), element.get("dir")) == ("ar-EG", "rtl")
    plain = lxml_html.document_fromstring(render(with_lead(language="en-GB"), TEMPLATES).html)
    assert plain.xpath("//h2[@lang] | //p[@lang]") == []


def test_scripts_that_know_no_italics_and_no_capitals_get_none(
    mail: Rendering, language: str
) -> None:
    inline = "".join(re.findall(r'style="[^"]*"', mail.html))
    assert ("font-style:italic" in inline) is (language in {"en", "es", "fr"})
    assert ("letter-spacing" in inline) is (language in {"en", "es", "fr"})


def test_scripts_with_marks_above_and_below_have_room_for_them(
    page: HtmlElement, language: str
) -> None:
    # Outlook takes line-height exactly and cuts what is higher.
    least = 1.05 if language in {"en", "es", "fr"} else 1.45
    for heading in page.xpath("//h1 | //h2 | //h3"):
        style = style_of(heading)
        high, size = (
            float(style[name].removesuffix("px")) for name in ("line-height", "font-size")
        )
        assert high / size >= least, heading.text_content()


@pytest.mark.parametrize("name", ["Global", "Global affairs, diplomacy and trade"])
def test_every_section_head_has_its_rule(name: str) -> None:
    edition = sample_edition()
    first = replace(edition.sections[0], name=name)
    made = render(replace(edition, sections=(first, *edition.sections[1:])), TEMPLATES)
    page = lxml_html.document_fromstring(made.html)
    heads = page.xpath("//td[contains(concat(' ', @class, ' '), ' section ')]")
    rules = [head.xpath(".//td[contains(@class, 'edge')]") for head in heads]
    assert [len(found) for found in rules] == [1] * 5
    assert all("solid" in found[0].get("style") for found in rules)


def test_a_list_in_the_note_keeps_its_distance() -> None:
    edition = sample_edition()
    edition = replace(edition, issue=replace(edition.issue, note="Three.\n\n- one\n- two"))
    page = lxml_html.document_fromstring(render(edition, TEMPLATES).html)
    (entries,) = page.xpath("//td[contains(@class, 'note')]/ul")
    assert style_of(entries)["margin-top"] == "12px"


def test_outlook_pads_the_button_for_it_pads_no_link(page: HtmlElement) -> None:
    (button,) = page.xpath("//td[contains(@class, 'button')]")
    assert style_of(button)["mso-padding-alt"] == "10px 22px 10px 22px"


def test_no_line_breaks_within_a_date(mail: Rendering, language: str) -> None:
    if language == "en":
        assert "World desk · Thu\u00a026\u00a0Mar" in mail.html
        assert "World desk · Thu 26 Mar" in mail.text
