"""Saved article pages, as markup and as text, and what is none."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, Image, Listed, Reading
from digest.errors import SourceError
from digest.pages import read_page

SAMPLES = Path(__file__).parent / "samples"
SEEDS = Path(__file__).parents[1].parent / "shared" / "seeds"
# Pages of one shape: always ours, and those that the house was given, where they are at hand.
SHAPED = [SAMPLES / "page.txt", *sorted(SEEDS.glob("*.txt"))]

UPDATED = datetime(2025, 4, 1, 20, 5, tzinfo=UTC)
CREATED = datetime(2025, 4, 1, 19, 50, tzinfo=UTC)
OWN = Article(
    headline="Harbour Towns Plan a Common Ferry: A New Route?",
    dek="Six harbour towns will discuss a common ferry this week, amid doubts about its price. "
    "The mayors want the first boat to sail before winter. Fishermen fear for their berths, and "
    "the U.N. river office asks for a study of the banks.",
    byline="Harbour News Desk",
    published=CREATED,
    updated=UPDATED,
    section="Global",
    image=Image(
        credit="This image is AI-generated and does not depict any real event. "
        "It is an illustration only."
    ),
    attribution="(With inputs from agencies.)",
    body="Six towns on the river will meet on Friday to discuss a ferry that all of them would "
    "pay for, their mayors said.\n\n"
    "The plan has friends on both banks. The price is not known yet.",
    source="gazette",
)
OPINION = tuple(
    Article(headline=headline, published=CREATED, section="Opinion", source="gazette")
    for headline in (
        "Why Small Harbours Need Patient Builders",
        "What the River Owes to the Towns on Its Banks",
    )
)
LISTED_OPINION = tuple(
    Listed(rank, piece.headline, kind="opinion") for rank, piece in enumerate(OPINION, 1)
)
TRENDING = (
    Listed(1, "Lighthouse Opens Its Doors to Visitors", section="Global"),
    Listed(
        2,
        "Nine Villages Uphold the Old Custom of the Spring Bonfire on the Shore",
        section="Regional",
    ),
)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def test_a_page_saved_as_text() -> None:
    reading = read_page(sample("page.txt"), source="gazette", section="Global")
    assert reading == Reading(articles=(OWN, *OPINION), listed=(*TRENDING, *LISTED_OPINION))


def test_a_page_saved_as_html() -> None:
    reading = read_page(sample("page.html"), source="gazette")
    own = replace(
        OWN,
        url="https://example.org/article/ferry",
        section="World",
        categories=("Ferries",),
        language="en",
        image=replace(
            OWN.image, url="https://example.org/pictures/ferry.jpg", alt="A ferry on a river"
        ),
    )
    builders, river = (replace(piece, language="en") for piece in OPINION)
    assert reading == Reading(
        articles=(own, replace(builders, url="https://example.org/opinion/builders"), river),
        listed=(
            replace(TRENDING[0], url="https://example.org/article/lighthouse"),
            replace(TRENDING[1], url="https://example.org/article/bonfire"),
            replace(LISTED_OPINION[0], url="https://example.org/opinion/builders"),
            LISTED_OPINION[1],
            Listed(
                1,
                "Some other article that is new today",
                "https://example.org/article/other",
                kind="latest",
            ),
        ),
    )


@pytest.mark.parametrize("page", SHAPED, ids=lambda page: page.name)
def test_the_shape(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    reading = read_page(page.read_bytes(), source="s", section="Global", timezone="Asia/Kolkata")
    own = reading.articles[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert own.headline == lines[1]
    assert own.dek == lines[2]
    assert own.byline == lines[3].split(" | ")[0]
    assert own.published == CREATED
    assert own.updated in {CREATED, UPDATED}
    assert own.image == Image(credit=lines[5])
    end = lines.index("(With inputs from agencies.)")
    assert own.body == "\n\n".join(lines[6:end])
    assert own.attribution == lines[end]
    first = lines.index("OPINION / BLOG / INTERVIEW")
    listed = lines[first + 1 : lines.index("DevShots")]
    assert [piece.headline for piece in reading.articles[1:]] == listed
    assert {piece.section for piece in reading.articles[1:]} == {"Opinion"}
    ranks = [n for n in range(end, first) if lines[n].isdigit()]
    trending = [entry for entry in reading.listed if entry.kind == "trending"]
    assert [entry.headline for entry in trending] == [lines[n + 1] for n in ranks]
    assert [entry.rank for entry in trending] == [int(lines[n]) for n in ranks]
    assert [entry.section for entry in trending] == [lines[n + 3] for n in ranks]
    opinion = [entry.headline for entry in reading.listed if entry.kind == "opinion"]
    assert opinion == listed


def test_metadata_in_json_ld_comes_first() -> None:
    page = b"""<html lang="fr"><head><title>Un pont - Gazette</title>
    <script type="application/ld+json">{"@graph": [{"@type": ["WebPage"]}, {"@type": "NewsArticle",
    "headline": "Un pont", "description": "Le pont ouvre.", "author": [{"name": "Rive Gauche"},
    {"name": "Rive Droite"}], "datePublished": "2025-04-02T08:00:00+02:00", "articleSection":
    ["Monde"], "keywords": "ponts, fleuves", "image": {"url": "/p.jpg", "creditText": "Atelier"}}]}
    </script></head><body><article><h1>Un pont</h1><p>Le maire coupe le ruban.</p></article>
    </body></html>"""
    assert read_page(page, source="pont", url="https://example.org/pont").articles == (
        Article(
            headline="Un pont",
            url="https://example.org/pont",
            dek="Le pont ouvre. Le maire coupe le ruban.",
            byline="Rive Gauche, Rive Droite",
            published=datetime(2025, 4, 2, 6, tzinfo=UTC),
            section="Monde",
            categories=("ponts", "fleuves"),
            image=Image("https://example.org/p.jpg", credit="Atelier"),
            body="Le maire coupe le ruban.",
            language="fr",
            source="pont",
        ),
    )


def test_a_page_without_metadata_gives_what_it_shows() -> None:
    page = "<h1>Tide runs high</h1><p>The quay was under water. Boats were safe.</p>"
    assert read_page(page.encode(), source="tide").articles == (
        Article(
            headline="Tide runs high",
            dek="The quay was under water. Boats were safe.",
            body="The quay was under water. Boats were safe.",
            source="tide",
        ),
    )


def test_lists_of_a_page_are_read_as_what_they_are() -> None:
    page = b"""<h1>Salt ships return</h1><p>The first ship carries salt, the board announced.</p>
    <h3>Most read</h3><ol><li><a href="/1"><span>1</span>Otter queues for fish</a></li>
    <li><a href="/2"><span>2</span>Clock tower is slow</a></li></ol>
    <h3>DevShots</h3><div><a href="/3">Quay open</a></div>
    <h3>Opinion</h3><div><a href="/4">Let the sea have it</a></div>
    <h3>Latest News</h3>
    <div><a href="/5">Ferry on time</a><span>02-04-2025 01:20 IST</span></div>"""
    reading = read_page(page, source="s", url="https://example.org/a")
    assert [(entry.kind, entry.rank, entry.headline, entry.url) for entry in reading.listed] == [
        ("trending", 1, "Otter queues for fish", "https://example.org/1"),
        ("trending", 2, "Clock tower is slow", "https://example.org/2"),
        ("opinion", 1, "Let the sea have it", "https://example.org/4"),
        ("brief", 1, "Quay open", "https://example.org/3"),
        ("latest", 1, "Ferry on time", "https://example.org/5"),
    ]


TEXT = "<p>The first ship carries salt, the harbour board announced.</p>"
MENU = "<h4>SECTORS</h4><ul><li><a href='/s/1'>Trade</a></li><li><a href='/s/2'>Law</a></li></ul>"


@pytest.mark.parametrize(
    ("markup", "sectors"),
    [
        (f"{TEXT}<p>SECTORS: Energy, Health</p>", ("Energy", "Health")),
        (f"<div>Sector: <a href='/e'>Energy</a></div>{TEXT}", ("Energy",)),
        (f"{TEXT}{MENU}<h3>Trending</h3><a href='/x'>Otter queues</a>", ("Trade", "Law")),
        (f"{TEXT}<h3>Trending</h3><p><a href='/x'>Otter queues</a></p>{MENU}", ()),
        (f"{TEXT}<footer>{MENU}</footer>", ()),
        (f"{TEXT}<nav>{MENU}</nav>", ()),
        (f"{TEXT}<h4>CONNECT US ON</h4>{MENU}", ()),
        (f"{TEXT}<h4>SECTORS</h4><h4>CONNECT</h4><p>Mail us</p>", ()),
        (f"{TEXT}<h4>SECTORS</h4>" + "".join(f"<p>Trade {n}</p>" for n in range(20)), ()),
    ],
)
def test_sectors_are_the_articles_own(markup: str, sectors: tuple[str, ...]) -> None:
    own = read_page(f"<h1>Salt ships return</h1>{markup}".encode(), source="s").articles[0]
    assert own.sectors == sectors
    assert own.body == "The first ship carries salt, the harbour board announced."


def test_sectors_of_a_page_saved_as_text() -> None:
    page = b"Salt ships return\n\nThe first ship carries salt, the board said.\n\nSECTORS\nTrade\n"
    assert read_page(page, source="s").articles[0].sectors == ("Trade",)


@pytest.mark.parametrize(
    ("markup", "byline"),
    [
        (
            (
                '<meta name="author" content="Gazette.example"><h1>Quay opens</h1>'
                '<p class="authorname">Dana Quill <time>2 April</time></p>'
            ),
            "Dana Quill",
        ),
        (
            '<h1>Quay opens</h1><p class="author"><a>Dana Quill</a><span>FOR US</span></p>',
            "Dana Quill",
        ),
        ('<h1>Quay opens</h1><p class="byline">by Dana Quill22 Dec 2016651</p>', "Dana Quill"),
        ('<h1>Quay opens</h1><p class="byline">By Ann Lee and Bo Ray</p>', "Ann Lee and Bo Ray"),
        ('<meta name="author" content="admin"><h1>Quay opens</h1>', ""),
        ("<h1>Quay opens</h1><p>By Meera Nair, 16 April 2025</p>", "Meera Nair"),
        ("<h1>Quay opens</h1><p class='byline'>By Meera Nair, 16 April 2025</p>", "Meera Nair"),
        ("<h1>Quay opens</h1><p>By Meera Nair, Wed, 04/02/2025 - 13:20</p>", "Meera Nair"),
        ("<h1>Quay opens</h1><p>Submitted by Meera Nair on 16 April 2025</p>", "Meera Nair"),
        ("<h1>Quay opens</h1><p><b>By Sam Poe, staff writer</b></p>", "Sam Poe"),
        (
            "<h1>Quay opens</h1><p>By Meera Nair, Sam Poe and Ann Lee</p>",
            "Meera Nair, Sam Poe and Ann Lee",
        ),
    ],
)
def test_bylines(markup: str, byline: str) -> None:
    page = f'<meta property="og:site_name" content="Gazette">{markup}'
    assert read_page(page.encode(), source="s").articles[0].byline == byline


@pytest.mark.parametrize(
    ("title", "h1", "headline"),
    [
        ("Quay opens - Gazette", "Gazette", "Quay opens"),
        (
            "The cat — and the dog — came home | Gazette",
            "Gazette",
            "The cat — and the dog — came home",
        ),
        ("Gazette: Quay opens at last", "Quay opens at last", "Quay opens at last"),
        ("Quay opens - 21/12/2018 - News - Gazette", "Quay opens", "Quay opens"),
    ],
)
def test_headlines_without_the_site(title: str, h1: str, headline: str) -> None:
    page = f"<title>{title}</title><h1>{h1}</h1>"
    assert read_page(page.encode(), source="s").articles[0].headline == headline


def test_json_ld_is_read_through_its_mistakes() -> None:
    page = b"""<html><title>Quay opens | Gazette</title>
    <script type="application/ld+json"><!--
    {"@type": "Organization", "name": "Gazette"} {"@context": "https://schema.org", "@graph": [
    {"@type": "http://schema.org/NewsArticle", "headline": "Another story"},
    {"@type": "NewsArticle", "headline": "Quay opens",
    "author": {"@id": "#me"}, "wordCount": 1,},],}
    --></script><script type="application/ld+json">{"@id": "#me", "@type": "Person",
    "givenName": "Dana", "familyName": "Quill"}</script><h1>Quay opens</h1></html>"""
    article = read_page(page, source="s").articles[0]
    assert (article.headline, article.byline) == ("Quay opens", "Dana Quill")


@pytest.mark.parametrize(
    "data",
    [
        "<meta charset='iso-8859-1'><h1>Crème “brûlée”</h1>".encode("cp1252"),
        "<h1>Crème “brûlée”</h1>".encode("cp1252"),
        "<h1>Crème “brûlée”</h1>".encode(),
        "<meta charset='nonsense'><h1>Crème “brûlée”</h1>".encode(),
        "<h1>Crème “brûlée”</h1>".encode("utf-8-sig"),
        "<h1>Crème “brûlée”</h1>".encode("utf-16"),
    ],
)
def test_encodings(data: bytes) -> None:
    assert read_page(data, source="s").articles[0].headline == "Crème “brûlée”"


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (b" \n ", "is empty", "Save it again"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "neither HTML nor text", "as HTML"),
        (b"%PDF-1.7", "neither HTML nor text", "as HTML"),
        (b"<html><body><p></p></body></html>", "no headline", "one article"),
        (sample("rss2.xml"), "is a feed", "feed ="),
        (sample("feed.json"), "is a feed", "feed ="),
    ],
)
def test_what_is_no_page(data: bytes, what: str, remedy: str) -> None:
    with pytest.raises(SourceError, match=what) as caught:
        read_page(data, source="gazette")
    assert "gazette" in caught.value.what
    assert remedy in caught.value.remedy


@given(
    st.one_of(
        st.binary(),
        st.text().map(str.encode),
        st.binary().map(lambda junk: b"<html><h1>" + junk + b"</h1><p>" + junk),
        st.binary().map(lambda junk: b'<html><script type="ld+json">' + junk + b"</script>"),
        st.text().map(lambda junk: f"{junk}\nUpdated: {junk}\nTRENDING\n1\n{junk}".encode()),
    )
)
def test_any_bytes_give_a_reading_or_a_source_error(data: bytes) -> None:
    with suppress(SourceError):
        assert read_page(data, source="any").articles[0].headline


def test_a_deep_page_is_read() -> None:
    page = b"<h1>A deep page</h1>" + b"<div>" * 20_000 + b"<p>Bottom.</p>"
    assert read_page(page, source="deep").articles[0].headline == "A deep page"


def page(head: str, body: str = "") -> Article:
    markup = f"<html><head>{head}</head><body><h1>The quay is open</h1>{body}</body></html>"
    return read_page(markup.encode(), source="s").articles[0]
