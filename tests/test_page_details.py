"""What a page says of itself in many ways: who wrote it, when, under which title."""

from datetime import UTC, datetime

import pytest

from digest.pages import read_page
from tests.test_pages import CREATED, page


def linked(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


def test_of_json_ld_that_is_broken_the_plain_properties_count() -> None:
    broken = """{"@type": "NewsArticle", "headline": "The quay is open", "articleSection": "Port",
        "author": {"@type": "Person", "name": "Dana Quill"}, "datePublished": "2025-04-01T19:50Z",
        "description": "It was "overdue", they say",}"""
    found = page(linked(broken))
    assert (found.byline, found.section, found.published) == ("Dana Quill", "Port", CREATED)


@pytest.mark.parametrize(
    "around",
    ["{}", "<!-- {} -->", "//<![CDATA[\n{}\n//]]>", " // <!--\n{}\n// --> ", "<![CDATA[{}]]>;",
     "<!--//<![CDATA[ {} //]]>-->", "<!--{}", "{};-->"],
)  # fmt: skip
def test_what_is_written_about_json_ld_is_taken_off(around: str) -> None:
    told = '{"@type": "NewsArticle", "headline": "The quay is open", "author": "Dana //]]> Quill"}'
    assert page(linked(around.format(told))).byline == "Dana //]]> Quill"


def test_json_ld_of_other_articles_is_not_the_pages() -> None:
    others = """[{"@type": "NewsArticle", "headline": "Snow falls", "author": "A B"},
        {"@type": "NewsArticle", "headline": "Rain falls", "author": "C D"}]"""
    assert page(linked(others)).byline == ""
    # Those of one headline are versions of it, though a desk may word the page's own otherwise.
    alone = """{"@type": "NewsArticle", "headline": "Boats moor again", "author": "A B"}"""
    assert page(linked(alone)).byline == "A B"


def test_the_hour_is_taken_from_where_the_page_names_it() -> None:
    day = '<meta name="publishdate" content="2025-04-01">'
    beneath = "<p>{} By Dana Quill</p>".format
    assert page(day, beneath("2025-04-01 19:50")).published == CREATED
    # The hour of another day is that of something else.
    midnight = datetime(2025, 4, 1, tzinfo=UTC)
    assert page(day, beneath("2025-04-03 19:50")).published == midnight


def test_a_few_words_of_description_are_less_than_the_printed_dek() -> None:
    printed = "Six harbour towns will discuss a common ferry this week, and what it will cost them."
    found = page(
        '<meta name="description" content="A short one.">',
        f'<p class="standfirst">{printed}</p><p>Updated: 1 April 2025</p><p>{"Text. " * 40}</p>',
    )
    assert found.dek == printed


def test_a_heading_that_leads_to_the_front_page_is_the_sites_name() -> None:
    markup = """<title>Ridge Notes: Owls counted twice</title><h1><a href="/">Ridge Notes</a></h1>
        <h3>Owls counted twice</h3><p>Forty-one owls were seen.</p>"""
    assert read_page(markup.encode(), source="s").articles[0].headline == "Owls counted twice"


AT = "datetime=2025-04-02T"


@pytest.mark.parametrize(
    ("beneath", "byline", "updated"),
    [
        (
            "<p>Giriş Tarihi: 02.04.2025 14:05 Son Güncelleme: 02.04.2025 16:40<p>Haber: Elif Öz",
            "Elif Öz",
            "16:40",
        ),
        ("<p>입력 2025.04.02. 오후 2:05 수정 2025.04.02. 오후 4:40</p>", "", "16:40"),
        ("<p>Publisert 02.04.2025 14:05 Oppdatert 02.04.2025 16:40</p>", "", "16:40"),
        (
            "<p>Words by <a href=/j>Jess Tran</a> · Pictures by Li Wei<p>2 April 2025 14:05</p>",
            "Jess Tran",
            None,
        ),
        (
            "<p>Published on: April 2, 2025 02:05 pm<p>By Ritu Öz<p>Updated on 02-04-2025 16:40",
            "Ritu Öz",
            "16:40",
        ),
        ("<p>02/04/2025 14h05 Atualizado em 02/04/2025 16h40</p>", "", "16:40"),
        ("<p class=byline>By Ann Lee, Bay News</p><p>2 April 2025 14:05</p>", "Ann Lee", None),
        ("<p>Publicerad 2025-04-02 14.05 · Uppdaterad 2025-04-02 16.40</p>", "", "16:40"),
        (f"<time {AT}14:05Z>2 Apr</time><p>Updated <time {AT}16:40Z>2 Apr</time>", "", "16:40"),
        (f"<time {AT}14:05Z>2 Apr</time><time class=modified {AT}16:40Z>2 Apr</time>", "", "16:40"),
    ],
)
def test_who_and_when_in_the_words_of_many_sites(
    beneath: str, byline: str, updated: str | None
) -> None:
    site = "<meta property=og:site_name content='Bay News'>"
    headline, text = "<h1>Repairs to the dam begin</h1>", f"<p>{'The work goes on. ' * 9}</p>"
    page = f"{site}{headline}{beneath}{text}"
    read = read_page(page.encode(), source="s").articles[0]
    assert read.published == datetime(2025, 4, 2, 14, 5, tzinfo=UTC)
    assert (read.updated and read.updated.strftime("%H:%M")) == updated
    assert read.byline == byline


def test_a_login_is_no_byline_where_the_page_prints_a_name() -> None:
    page = (
        "<meta name=author content=mgarza><h1>Repairs to the dam begin</h1>"
        "<span class=documentAuthor>by <a href=/m>Maria Garza</a></span><p>They begin in April.</p>"
    )
    assert read_page(page.encode(), source="s").articles[0].byline == "Maria Garza"
    alone = page.replace("documentAuthor", "x").replace("by <a href=/m>Maria Garza</a>", "")
    assert read_page(alone.encode(), source="s").articles[0].byline == "mgarza"


def test_a_page_without_h1_is_titled_by_what_it_shows_of_its_title() -> None:
    page = (
        "<title>Valley Courier: Repairs to the dam begin in spring</title>"
        "<font size=5><b>Repairs to the dam begin in spring</b></font><p>They begin in April.</p>"
    )
    read = read_page(page.encode(), source="s").articles[0]
    assert read.headline == "Repairs to the dam begin in spring"


def test_a_bare_word_behind_an_entry_of_a_list_is_its_section() -> None:
    page = (
        "<h1>Repairs to the dam begin in spring</h1><p>They begin.</p><h3>Trending</h3>"
        "<ol><li><a href=/1>Markets climb on hopes of lower rates</a> Global</li>"
        "<li><a href=/2>Chip maker to hire 4,000 in Pune</a> South Asia</li></ol>"
    )
    listed = read_page(page.encode(), source="s", url="https://a.example/x").listed
    assert [(entry.headline, entry.section) for entry in listed] == [
        ("Markets climb on hopes of lower rates", "Global"),
        ("Chip maker to hire 4,000 in Pune", "South Asia"),
    ]


def test_a_front_page_is_no_address_of_an_article() -> None:
    page = (
        b"<link rel=canonical href=https://a.example/><meta property=og:url content=/>"
        b"<h1>Repairs to the dam begin in spring</h1><p>They begin in April.</p>"
    )
    assert read_page(page, source="s", url="https://a.example/dam").articles[0].url == (
        "https://a.example/dam"
    )
    assert read_page(page, source="s").articles[0].url == ""


def test_a_day_above_the_headline_counts_where_none_stands_beneath() -> None:
    page = (
        "<p>Wednesday, Apr 2, 2025 10:00 AM EST</p><h1>Repairs to the dam begin in spring</h1>"
        "<p>Jo Bell</p>{}<p>They begin in April, and the town pays for half of them.</p>"
    )
    above = read_page(page.format("").encode(), source="s").articles[0]
    beneath = read_page(page.format("<p>3 April 2025</p>").encode(), source="s").articles[0]
    assert above.published == datetime(2025, 4, 2, 15, 0, tzinfo=UTC)
    assert beneath.published == datetime(2025, 4, 3, tzinfo=UTC)


def test_a_headline_cut_between_two_words_ends_with_a_word() -> None:
    tag = f'<meta property="og:title" content="{"a " * 250}">'
    page = f"<html><head>{tag}</head><body><p>Text.</p></body></html>"
    (article,) = read_page(page.encode(), source="gazette", timezone="UTC").articles
    assert article.headline == "a " * 199 + "a"
