"""The HTML of stories that are odd: no picture, no link, markup, other languages."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from digest.articles import Article, Image
from digest.edition import Edition
from digest.rendering import environment, render
from digest.selection import Section, Story
from tests.showcase import sample_edition

FOLDER = Path(__file__).parent.parent / "templates"
TEMPLATES = environment(FOLDER)
HARD = st.text(
    st.sampled_from("<>&\"'% aשلא😀é{}[]*()/") | st.characters(codec="utf-8"), max_size=60
)


def tags(markup: str) -> list[str]:
    """The elements of the page, in their order."""
    return [e.tag for e in lxml_html.document_fromstring(markup).iter() if isinstance(e.tag, str)]


@pytest.mark.parametrize("address", ["http://times.example/a.jpg", "data:image/png;base64,AA", ""])
def test_e47_a_picture_that_would_not_be_shown_is_left_out(address: str) -> None:
    made = render(with_lead(image=Image(address, "A bay", "Somebody")), TEMPLATES)
    assert "<img" not in made.html
    assert "Somebody" not in made.html


def test_e47_a_picture_without_words_is_no_link() -> None:
    made = render(with_lead(image=Image("https://times.example/a.jpg")), TEMPLATES)
    (image,) = lxml_html.document_fromstring(made.html).xpath("//img")
    assert image.get("alt") == ""
    assert image.getparent().tag == "td"


def test_e51_no_headline_makes_the_preheader_long() -> None:
    edition = sample_edition()
    told = edition.sections[0].stories
    long = [replace(s, article=replace(s.article, headline=s.headline * 9)) for s in told]
    made = render(replace(edition, sections=(Section("Global", tuple(long)),)), TEMPLATES)
    assert 100 < len(made.preheader) <= 150


def test_e60_markup_in_a_story_stays_text() -> None:
    nasty = '<script>alert(1)</script> "quoted" & {{ 7 * 7 }} {% if %} <!-- style="x" -->'
    made = render(with_lead(headline=nasty, dek=nasty, byline=nasty, attribution=nasty), TEMPLATES)
    assert "<script" not in made.html
    assert nasty in lxml_html.document_fromstring(made.html).text_content()
    assert "{{ 7 * 7 }}" in made.text


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://[x/",
     "https://\uff0f\uff0fa.example/", "https://a.example/\ud800"],
)  # fmt: skip
def test_e60_a_link_leads_to_a_page_or_nowhere(url: str) -> None:
    made = render(with_lead(url=url, image=Image(url, "A bay")), TEMPLATES)
    assert url not in made.html + made.text
    assert "<img" not in made.html
    assert "Harbour states" in made.html


@settings(max_examples=25)
@given(headline=HARD, dek=HARD, note=HARD, alt=HARD)
def test_e60_no_text_changes_the_structure(headline: str, dek: str, note: str, alt: str) -> None:
    def structure(*texts: str) -> list[str]:
        one, two, three, four = texts
        edition = with_lead(headline=one, dek=two, image=Image("https://a.example/a.jpg", four))
        edition = replace(edition, issue=replace(edition.issue, note=f"x{three}"))
        marks = {"strong", "em", "a", "ul", "li", "p"}
        return [tag for tag in tags(render(edition, TEMPLATES).html) if tag not in marks]

    assert structure(f"x{headline}", f"x{dek}", note, f"x{alt}") == structure("x", "x", "x", "x")


def test_the_author_stands_in_front_of_an_opinion_that_leads_too() -> None:
    edition = sample_edition()
    opinion = replace(edition.sections[1], stories=edition.sections[1].stories[:1])
    made = render(replace(edition, sections=(opinion, edition.sections[0])), TEMPLATES)
    (lead,) = lxml_html.document_fromstring(made.html).xpath("//td[h2[contains(@class, 'lead')]]")
    story = opinion.stories[0]
    assert [e.text_content() for e in lead][:3] == [opinion.name, story.byline, story.headline]


def with_lead(**changes: object) -> Edition:
    """The sample edition with another lead."""
    edition = sample_edition()
    first, *others = edition.sections
    article: Article = replace(first.stories[0].article, **changes)  # type: ignore[arg-type]
    stories = (Story(article), *first.stories[1:])
    return replace(edition, sections=(Section(first.name, stories), *others))
