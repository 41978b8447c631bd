"""From what was collected to a draft: stories are found once, decided about, and sent once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive, publish
from digest.articles import Article, Image, Listed
from digest.errors import DigestError, IssueError, NothingToPublish
from digest.publish import Draft, House, Verdict, open_house
from subscribers.preferences import Preferences
from tests.conftest import NOW

HOUR = timedelta(hours=1)
DEK = "The ferry to the northern islands sailed again on Friday after three weeks in dock."
SETTINGS = """
[publisher]
name = "The Tide"
postal_address = "1 Quay"
[newsletter.weekly]
title = "The Week"
from = "The Week <weekly@news.example.org>"
list_id = "weekly.news.example.org"
[[newsletter.weekly.section]]
name = "Global"
limit = 3
match = { categories = ["World"], urls = ["*/world/*"], sources = ["wire"] }
[[newsletter.weekly.section]]
name = "Opinion"
limit = 2
[[sector]]
name = "Seas"
match = { urls = ["*ferry*"] }
"""


@pytest.fixture
def desk(tmp_path: Path, environ: dict[str, str]) -> Iterator[House]:
    (tmp_path / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(tmp_path, environ) as opened:
        yield opened


WORLD = "https://a.example/world"
HELD = "Six states hold it in four harbours."
FERRY = Article("Ferry returns to northern islands", f"{WORLD}/ferry", DEK,
                published=NOW - 30 * HOUR, source="tide")  # fmt: skip
COPY = Article("Islanders cheer as their boat comes home", "https://wire.example/1", DEK,
               published=NOW - 28 * HOUR, source="wire",
               image=Image("https://wire.example/p.jpg"))  # fmt: skip
GRAIN = Article("Grain ministers agree on a reserve", f"{WORLD}/grain", HELD,
                published=NOW - 20 * HOUR, source="tide")  # fmt: skip
COLUMN = Article("Why bread got dearer", "https://a.example/o/bread", "Flour is but a tenth of it.",
                 published=NOW - 10 * HOUR, section="Opinion", source="tide")  # fmt: skip
GOAL = Article("Late goal for Linden", "https://a.example/sport/1", "It settled the match.",
               published=NOW - 9 * HOUR, categories=("Sport", "Cup"), source="tide")  # fmt: skip
ALL = (FERRY, COPY, GRAIN, COLUMN, GOAL)


def collected(house: House, *articles: Article, hours: float = 0) -> None:
    with house.database.writing() as session:
        archive.keep(session, articles, NOW + hours * HOUR)


def listed(house: House, *entries: Listed, hours: float = -1) -> None:
    with house.database.writing() as session:
        archive.keep_listed(session, "front", entries, NOW + hours * HOUR)


def prepared(house: House, hours: float = 0) -> Draft:
    return publish.prepare(house, None, now=NOW + hours * HOUR)


def sent(house: House, hours: float = 0) -> int:
    number = prepared(house, hours).record.issue.number
    publish.approve(house, None, number, by="desk", now=NOW + hours * HOUR)
    return number


def decided(house: House, article: Article, **what: object) -> None:
    publish.decide(house, None, article.url, by="desk", now=NOW, **what)


def headlines(draft: Draft) -> dict[str, list[str]]:
    return {s.name: [story.headline for story in s.stories] for s in draft.record.issue.sections}


def verdict(house: House, article: Article, hours: float = 0) -> Verdict:
    (found,) = publish.explain(house, None, article.url, now=NOW + hours * HOUR)
    return found


def test_two_sources_make_one_story_that_names_the_other(desk: House) -> None:
    collected(desk, *ALL)
    draft = prepared(desk)
    assert headlines(draft) == {"Global": [GRAIN.headline], "Opinion": [COLUMN.headline]}
    # Told by two sources, it is what trends; the article with the picture stands in front.
    (trend,) = draft.record.issue.trending
    assert trend.story is not None
    assert trend.story.fingerprint == COPY.fingerprint
    assert [other.source for other in trend.story.others] == ["tide"]
    assert verdict(desk, FERRY).reason == f"same story as “{COPY.headline}” (wire)"
    assert verdict(desk, FERRY).story[0].url == COPY.url
    assert verdict(desk, COPY).reason == "Trending, rank 1"


def test_what_no_section_takes_is_told(desk: House) -> None:
    collected(desk, *ALL, replace(GOAL, url="https://a.example/sport/2", headline="A try"))
    assert prepared(desk).unplaced == (("tide: Sport, Cup", 2),)
    told = verdict(desk, GOAL)
    assert (told.kept, told.reason, told.section) == (False, "no section takes it", "")
    assert verdict(desk, GRAIN).rule == "url */world/*"


def test_a_copy_that_comes_later_is_the_same_story(desk: House) -> None:
    collected(desk, FERRY, GRAIN, COLUMN)
    sent(desk)
    collected(desk, COPY, hours=1)
    assert verdict(desk, COPY, hours=2).reason == "already in issue 1"


def test_a_story_of_the_trending_list_is_not_sent_again(desk: House) -> None:
    collected(desk, *ALL)
    sent(desk)
    late = replace(GOAL, section="Global", url="https://a.example/sport/3", headline="Cup final")
    collected(desk, replace(late, published=NOW + HOUR))
    draft = prepared(desk, hours=2)
    assert draft.record.issue.trending == ()
    assert headlines(draft) == {"Global": ["Cup final"]}
    assert verdict(desk, COPY, hours=2).reason == "already in issue 1"


def test_what_merely_stood_in_a_list_is_not_sent_again(desk: House) -> None:
    collected(desk, GRAIN, COLUMN)
    bare = "https://a.example/world/quay"
    entries = (
        Listed(1, "The quay is closed for a day", bare),
        Listed(1, "Frost kills the apricots", kind="brief"),
        Listed(1, "Tram line two opens", "https://a.example/tram", kind="latest"),
    )
    listed(desk, *entries)
    issue = prepared(desk).record.issue
    assert [len(found) for found in (issue.trending, issue.briefs, issue.latest)] == [1, 1, 1]
    sent(desk)
    late = replace(GRAIN, url="https://a.example/world/new", headline="A harbour is dug",
                   dek="In two years.", published=NOW + HOUR)  # fmt: skip
    quay = Article("The quay is closed for a day", bare, "Divers look at its piles.",
                   published=NOW + HOUR, source="tide")  # fmt: skip
    collected(desk, late, quay, hours=2)
    listed(desk, *entries, Listed(2, "Tram line three opens", kind="latest"), hours=2)
    issue = prepared(desk, hours=3).record.issue
    assert (issue.trending, issue.briefs) == ((), ())
    assert [entry.headline for entry in issue.latest] == ["Tram line three opens"]
    assert headlines(prepared(desk, hours=3)) == {"Global": [late.headline]}
    assert verdict(desk, quay, hours=3).reason == "already in issue 1; changed since"


def test_a_changed_story_comes_back_when_an_editor_lets_it_in(desk: House) -> None:
    collected(desk, *ALL)
    sent(desk)
    collected(desk, replace(GRAIN, headline="Grain ministers disagree after all"), hours=1)
    assert verdict(desk, GRAIN, hours=2).reason == "already in issue 1; changed since"
    decided(desk, GRAIN, again=True)
    (section,) = prepared(desk, hours=2).record.issue.sections
    assert section.stories[0].headline == "Grain ministers disagree after all"
    assert section.stories[0].updated


def test_an_article_that_changes_keeps_its_company(desk: House) -> None:
    collected(desk, FERRY, COPY, GRAIN)
    prepared(desk)
    collected(desk, replace(COPY, headline="Boat home", dek="All other words now."), hours=1)
    assert [other.source for other in verdict(desk, COPY, hours=2).story] == ["tide"]


def test_an_article_that_changes_alone_is_compared_anew(desk: House) -> None:
    bare = replace(COPY, dek="", image=Image())
    collected(desk, FERRY, bare, GRAIN)
    prepared(desk)
    assert verdict(desk, bare).story == ()
    collected(desk, COPY, hours=1)
    assert [other.source for other in verdict(desk, COPY, hours=2).story] == ["tide"]


def test_decisions_survive_that_the_article_is_collected_again(desk: House) -> None:
    collected(desk, *ALL)
    decided(desk, GRAIN, headline="In our words", dek="Ours.")
    decided(desk, COLUMN, excluded=True, why="a correction is due")
    collected(desk, replace(GRAIN, headline="Grain, again"), replace(COLUMN, dek="New."), hours=1)
    draft = prepared(desk, hours=2)
    assert headlines(draft) == {"Global": ["In our words"]}
    assert draft.record.issue.sections[0].stories[0].dek == "Ours."
    told = verdict(desk, COLUMN, hours=2)
    assert told.reason == "excluded by desk: a correction is due"
    assert told.decision is not None


def test_an_exclusion_holds_for_every_copy_of_the_story(desk: House) -> None:
    collected(desk, *ALL)
    decided(desk, FERRY, excluded=True)
    draft = prepared(desk)
    assert draft.record.issue.trending == ()
    assert verdict(desk, COPY).reason == "excluded by desk"


def test_a_pin_brings_in_what_is_old_and_holds_for_one_issue(desk: House) -> None:
    old = replace(GRAIN, url="https://a.example/old", published=NOW - 60 * 24 * HOUR,
                  headline="The harbour of 1897", dek="A look back.")  # fmt: skip
    collected(desk, *ALL, old)
    assert verdict(desk, old).reason == "too old"
    decided(desk, old, pinned=True, section="Global", position=1)
    assert headlines(prepared(desk))["Global"] == [old.headline, GRAIN.headline]
    assert verdict(desk, old).reason == "Global, pinned by desk"
    sent(desk)
    assert verdict(desk, old).reason == "too old"


def test_a_decision_is_taken_back(desk: House) -> None:
    collected(desk, *ALL)
    decided(desk, GRAIN, excluded=True)
    assert publish.undecide(desk, None, GRAIN.fingerprint[:9]) == (GRAIN,)
    assert verdict(desk, GRAIN).kept
    with pytest.raises(IssueError, match="nothing was decided"):
        publish.undecide(desk, None, GRAIN.url)


def test_what_was_decided_about_a_copy_is_named_and_taken_back(desk: House) -> None:
    collected(desk, *ALL)
    decided(desk, FERRY, excluded=True)
    decided(desk, GRAIN, excluded=True)
    assert verdict(desk, COPY).decided == (FERRY,)
    assert publish.undecide(desk, None, COPY.url) == (FERRY,)
    assert verdict(desk, COPY).kept
    assert not verdict(desk, GRAIN).kept
    assert verdict(desk, GRAIN).decided == (GRAIN,)


def test_wrong_names_are_told_what_is_right(desk: House) -> None:
    collected(desk, *ALL)
    with pytest.raises(IssueError, match="no article is called zz"):
        decided(desk, replace(GRAIN, url="zz"), pinned=True)
    with pytest.raises(IssueError, match="more than one article is called"):
        decided(desk, replace(GRAIN, url=_shared_beginning()), pinned=True)
    with pytest.raises(DigestError) as raised:
        decided(desk, GRAIN, section="Globe")
    assert "Global, Opinion" in raised.value.remedy


def _shared_beginning() -> str:
    beginnings = [article.fingerprint[0] for article in ALL]
    return max(beginnings, key=beginnings.count)


def test_an_opinion_that_is_merely_listed_is_a_candidate(desk: House) -> None:
    collected(desk, *ALL)
    listed(
        desk,
        Listed(1, COLUMN.headline, COLUMN.url, kind="opinion"),
        Listed(2, "Sharing a river begins with a gauge", "https://a.example/o/9", kind="opinion"),
        Listed(3, "What a lamp is for", kind="opinion"),
    )
    assert set(headlines(prepared(desk))["Opinion"]) == {
        "Sharing a river begins with a gauge", "What a lamp is for"
    }  # fmt: skip
    found = {v.article.headline: v for v in publish.explain(desk, None, now=NOW)}
    assert found[COLUMN.headline].reason == "section Opinion is full (2)"
    assert len(found) == len(ALL) + 2
    # Listed again a day later it is no newer than it was.
    listed(desk, Listed(1, "What a lamp is for", kind="opinion"), hours=23)
    again = {v.article.headline: v for v in publish.explain(desk, None, now=NOW + 24 * HOUR)}
    before, after = found["What a lamp is for"].score, again["What a lamp is for"].score
    assert before is not None
    assert after is not None
    assert after.freshness < before.freshness


def test_an_undated_article_counts_from_when_it_was_first_seen(desk: House) -> None:
    undated = replace(GRAIN, published=None)
    collected(desk, undated, COLUMN, hours=-24 * 8)
    assert verdict(desk, undated).reason == "too old"
    collected(desk, replace(undated, dek="Six states hold it in five harbours."))
    assert verdict(desk, undated).reason == "too old"
    fresh = replace(undated, url="https://a.example/world/new", headline="A harbour is dug")
    collected(desk, fresh, hours=-1)
    assert verdict(desk, fresh).kept


def test_a_reader_without_trending_gets_its_stories_in_their_sections(desk: House) -> None:
    collected(desk, *ALL)
    record = prepared(desk).record
    rendering = publish.rendering_for(desk, record, Preferences(frozenset({"Global"})))
    assert rendering is not None
    text = rendering.text
    assert "Trending" not in text
    assert 0 < text.index(COPY.headline) < text.index(GRAIN.headline)


def test_an_empty_draft_says_why(desk: House) -> None:
    collected(desk, GOAL)
    with pytest.raises(NothingToPublish, match="1 no section takes it"):
        prepared(desk)


DRAFT = """
import json, random, sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from digest import archive, publish
from tests.test_stories import NOW, SETTINGS
from tests.test_labelled_stories import labelled

folder, order = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
(folder / "digest.toml").write_text(SETTINGS.replace('"wire"', '"*"'), encoding="utf-8")
articles = [replace(a, source=a.url.split("/")[2]) for g in labelled().values() for a, _ in g]
articles = sorted({a.fingerprint: a for a in articles}.values(), key=lambda a: a.url)
order.shuffle(articles)
with publish.open_house(folder, {}) as house:
    while articles:
        some = order.randint(1, 60)
        with house.database.writing() as session:
            archive.keep(session, articles[:some], NOW)
        articles = articles[some:]
    now = NOW - timedelta(hours=6)
    record = publish.prepare(house, None, now=now).record
    told = [(v.article.url, v.reason, v.score and v.score.total)
            for v in publish.explain(house, None, now=now)]
print(json.dumps([record.content_hash, repr(record.issue), told]))
"""


def test_the_same_archive_gives_the_same_issue_to_the_byte(tmp_path: Path) -> None:
    made = []
    for seed in ("1", "2", "77"):
        folder = tmp_path / seed
        folder.mkdir()
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        environment.pop("DIGEST_DATABASE_URL", None)
        done = subprocess.run(
            [sys.executable, "-c", DRAFT, str(folder), seed],
            env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        made.append(json.loads(done.stdout))
    assert made[0] == made[1] == made[2]
    assert len(made[0][2]) > 100
