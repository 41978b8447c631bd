"""The demonstration's publisher is fresh at any moment, well-formed, and nobody real."""

import re
import tomllib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from lxml import etree, html

from digest import sample
from digest.articles import canonical

ATOM = "{http://www.w3.org/2005/Atom}"
MOMENTS = [
    datetime(2026, 3, 1, 0, 0, tzinfo=UTC),
    datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2031, 12, 31, 20, 15, tzinfo=timezone(timedelta(hours=-9))),
]
Item = tuple[str, str, str, datetime]
"""Headline, address, dek, time of publication."""


@pytest.fixture(params=MOMENTS, ids=str)
def now(request: pytest.FixtureRequest) -> datetime:
    moment = request.param
    assert isinstance(moment, datetime)
    return moment


@pytest.fixture
def saved(tmp_path: Path, now: datetime) -> Path:
    sample.write(tmp_path, now)
    return tmp_path / "saved"


def world(saved: Path) -> list[Item]:
    items = etree.parse(saved / "world.rss").getroot().iter("item")
    return [
        (
            item.findtext("title", ""),
            item.findtext("link", ""),
            item.findtext("description", ""),
            parsedate_to_datetime(item.findtext("pubDate", "")),
        )
        for item in items
    ]


def opinion(saved: Path) -> list[Item]:
    entries = etree.parse(saved / "opinion.atom").getroot().iter(f"{ATOM}entry")
    return [
        (
            entry.findtext(f"{ATOM}title", ""),
            next(link.get("href", "") for link in entry.iter(f"{ATOM}link")),
            re.sub("<[^>]+>", "", entry.findtext(f"{ATOM}summary", "")),
            datetime.fromisoformat(entry.findtext(f"{ATOM}published", "")),
        )
        for entry in entries
    ]


FEEDS: list[Callable[[Path], list[Item]]] = [world, opinion]


def test_there_are_about_forty_articles(saved: Path) -> None:
    assert len(world(saved)) == 24
    assert len(opinion(saved)) == 15


@pytest.mark.parametrize("feed", FEEDS)
def test_every_item_is_past_and_younger_than_fifteen_days(
    saved: Path, now: datetime, feed: Callable[[Path], list[Item]]
) -> None:
    ages = [now - published for *_, published in feed(saved)]

    assert all(timedelta(0) < age < timedelta(days=15) for age in ages)
    assert any(age > timedelta(days=7) for age in ages), "the window must have something to cut"
    assert sum(age < timedelta(days=7) for age in ages) >= 10
    assert ages == sorted(ages), "newest first, as feeds are"


@pytest.mark.parametrize("feed", FEEDS)
def test_headlines_differ_and_deks_are_whole_sentences(
    saved: Path, feed: Callable[[Path], list[Item]]
) -> None:
    items = feed(saved)

    assert [h for h, n in Counter(i[0] for i in items).items() if n > 1] == []
    for headline, _, dek, _ in items:
        assert 120 <= len(dek) <= 280, f"{headline}: {len(dek)}"
        assert re.search(r"[.!?][”’]?$", dek), headline


def test_an_article_stands_in_both_feeds_and_on_the_page(saved: Path) -> None:
    in_world = {canonical(address): address for _, address, *_ in world(saved)}
    in_opinion = {canonical(address): address for _, address, *_ in opinion(saved)}
    page = html.parse(saved / "page.html").getroot()

    shared = set(in_world) & set(in_opinion)
    assert len(shared) == 1
    assert all(in_world[address] != in_opinion[address] for address in shared)
    assert page.xpath("//link[@rel='canonical']/@href")[0] in in_world


def test_the_page_lists_articles_of_the_feeds(saved: Path) -> None:
    page = html.parse(saved / "page.html").getroot()
    published = {canonical(a): h for h, a, *_ in [*world(saved), *opinion(saved)]}

    trending = page.xpath("//section[@class='trending']//a[@class='desktop']")
    listed = page.xpath("//section[@class='opinion']//a")
    assert len(trending) == len(listed) == 4
    for link in [*trending, *listed]:
        assert published[canonical(link.get("href"))] == link.text_content()
    assert any(link.text_content().endswith("...") for link in page.xpath("//a[@class='phone']")), (
        "one of them is cut off"
    )


def test_the_page_says_when_in_indian_time(tmp_path: Path) -> None:
    sample.write(tmp_path, datetime(2025, 4, 1, 21, 55, tzinfo=UTC))

    text = (tmp_path / "saved" / "page.html").read_text("utf-8")

    assert "Updated: 02-04-2025 01:20 IST" in text
    assert "Created: 02-04-2025 00:05 IST" in text


def test_every_address_is_reserved_for_examples(saved: Path) -> None:
    # Names of XML vocabularies are no addresses of anybody's site.
    vocabularies = {"purl.org", "www.w3.org", "schema.org"}
    for document in saved.iterdir():
        hosts = set(re.findall(r"https?://([^/\"<\s]+)", document.read_text("utf-8")))
        assert hosts - vocabularies == {"www.example.org"}, document.name


def test_the_settings_are_toml_and_name_the_files_that_are_written(saved: Path) -> None:
    settings = tomllib.loads(sample.settings(relay_port=2525))

    assert settings["relay"] == {"host": "127.0.0.1", "port": 2525, "security": "none"}
    named = {source.get("feed") or source.get("page") for source in settings["source"]}
    assert named == {f"saved/{file.name}" for file in saved.iterdir()}
