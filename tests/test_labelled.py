"""At least 95 of 100 fields come out right, on documents that we labelled and on real ones.

The real ones lie beside the repository (`../shared/samples`), where the house was given any; they
belong to their publishers. Each test prints its share.
"""

import json
import re
from pathlib import Path

import pytest

from digest.articles import moment
from digest.feeds import read_feed
from digest.pages import read_page
from tests.labelled import FOLDER, Field, fields, labels, same, told

ENOUGH = 0.95
SAMPLES = Path(__file__).parents[1].parent / "shared" / "samples"
without_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"no samples beside the repository (a folder {SAMPLES})"
)


def test_the_labelled_documents_come_out_right(capsys: pytest.CaptureFixture[str]) -> None:
    found = [field for label in labels() for field in fields(label)]
    _hold("our labelled documents", found, capsys)


def test_enough_is_labelled() -> None:
    known = labels()
    assert len(known) >= 30
    assert len({label["system"] for label in known}) >= 10
    assert {path.name for path in FOLDER.iterdir()} == {"labels.json"} | {k["file"] for k in known}
    assert sum(len(label["expected"]) for label in known) >= 40


@without_samples
def test_the_sample_pages_come_out_right(capsys: pytest.CaptureFixture[str]) -> None:
    pages = sorted((SAMPLES / "pages").glob("*.html"))
    assert pages
    _hold("the sample pages", [field for page in pages for field in _recorded(page)], capsys)


@without_samples
def test_the_sample_feeds_come_out_right(capsys: pytest.CaptureFixture[str]) -> None:
    feeds = sorted((SAMPLES / "feeds").glob("*.xml"))
    assert feeds
    _hold("the sample feeds", [field for feed in feeds for field in _stated(feed)], capsys)


def _recorded(page: Path) -> list[Field]:
    """What a page's recorded metadata says, where it says anything.

    A dek holds 280 characters: it is right where it says the whole excerpt, or whole sentences of
    its beginning.
    """
    right = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    read = read_page(page.read_bytes(), source="sample").articles[0]
    made = []
    for name, mine, theirs in (
        ("headline", read.headline, right["title"]),
        ("byline", read.byline, right["byline"]),
    ):
        if theirs:
            made.append(Field(page.name, name, theirs if same(mine, theirs) else mine, theirs))
    excerpt = right["excerpt"]
    begins = len(excerpt) > 280 and re.sub(r"\s+", " ", excerpt).startswith(read.dek)
    holds = bool(read.dek) and (begins or same(read.dek, excerpt))
    made.append(Field(page.name, "excerpt", excerpt if holds else read.dek, excerpt))
    if right["publishedTime"]:
        when = moment(right["publishedTime"], "UTC")
        made.append(Field(page.name, "published", read.published, when))
    return made


def _stated(feed: Path) -> list[Field]:
    """What the markup of a feed says of every entry, found by patterns and not by a parser."""
    data = feed.read_bytes()
    text = data.decode("cp1252" if b"ISO-8859-1" in data[:100] else "utf-8")
    entries = re.findall(r"<(?:item|entry)\b.*?</(?:item|entry)>", text, re.DOTALL)
    articles = read_feed(data, source="sample").articles
    made = [Field(feed.name, "entries", len(articles), len(entries))]
    for entry, article in zip(entries, articles, strict=False):
        headline = re.search(r"<title[^>]*>(.*?)</title>", entry, re.DOTALL)
        assert headline
        right = headline[1].strip().replace("&amp;", "&").replace("&quot;", '"')
        made.append(Field(feed.name, "headline", article.headline, right))
        dated = re.search(r"<(?:pubDate|updated)>(.*?)</", entry)
        if dated:
            made.append(Field(feed.name, "published", article.published, moment(dated[1], "UTC")))
    return made


def _hold(what: str, found: list[Field], capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [field for field in found if not field.holds]
    share = 1 - len(wrong) / len(found)
    with capsys.disabled():
        print(f"\n{what}: {len(found) - len(wrong)} of {len(found)} fields right ({share:.1%})")
    assert share >= ENOUGH, told(wrong)
