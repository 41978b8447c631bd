"""What goes into an issue, and the reason for every candidate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, Listed
from digest.selection import Policy, SectionRule, Selection, select

NOW = datetime(2026, 3, 30, tzinfo=UTC)
WEEK = timedelta(days=7)
RULES = (
    SectionRule("Global", 2, categories=("World",), urls=("*/international/*",)),
    SectionRule("Opinion", 2),
)
POLICY = Policy(NOW - WEEK, NOW, RULES, trending_limit=2)


def article(number: int, section: str = "Global", **more: object) -> Article:
    made = Article(
        headline=f"Headline {number}",
        url=f"https://www.example.org/{number}",
        published=NOW - timedelta(hours=number),
        section=section,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def chosen(*candidates: Article, carried: dict[str, int] | None = None) -> Selection:
    return select(candidates, [], carried or {}, POLICY)


def reasons(selection: Selection) -> dict[str, str]:
    return {verdict.article.headline: verdict.reason for verdict in selection.verdicts}


def test_newest_first_within_the_limit() -> None:
    made = chosen(article(3), article(1), article(2))
    assert [s.headline for s in made.sections[0].stories] == ["Headline 1", "Headline 2"]
    assert reasons(made)["Headline 3"] == "section Global is full (2)"


def test_a_section_takes_by_name_category_and_address() -> None:
    by_url = article(2, "", url="https://www.example.org/international/2")
    made = chosen(article(1, "", categories=("world",)), by_url, article(3, "Sport"))
    assert len(made.sections[0].stories) == 2
    assert reasons(made)["Headline 3"] == "no section takes it"


def test_the_window_excludes_its_beginning_and_includes_its_end() -> None:
    made = chosen(
        article(1, published=NOW - WEEK),
        article(2, published=NOW),
        article(3, published=NOW + timedelta(seconds=1)),
        article(4, published=None),
    )
    assert reasons(made) == {
        "Headline 1": "too old",
        "Headline 2": "Global",
        "Headline 3": "dated in the future",
        "Headline 4": "has no date",
    }


def test_the_same_story_counts_once() -> None:
    twin = article(2, url="http://example.org/1?utm_source=feed")
    namesake = article(3, headline="HEADLINE 1!")
    made = chosen(article(1), twin, namesake)
    assert len(made.sections[0].stories) == 1
    assert reasons(made)["Headline 2"] == "same story as “Headline 1”"
    assert reasons(made)["HEADLINE 1!"] == "same story as “Headline 1”"


def test_nothing_that_an_earlier_issue_carried() -> None:
    made = chosen(article(1), article(2), carried={article(1).fingerprint: 12})
    assert reasons(made)["Headline 1"] == "already in issue 12"
    assert [s.headline for s in made.sections[0].stories] == ["Headline 2"]


def test_an_empty_section_is_left_out() -> None:
    assert [section.name for section in chosen(article(1, "Opinion")).sections] == ["Opinion"]


def test_trending_keeps_the_order_once_each_and_finds_the_address() -> None:
    listed = [Listed(2, "headline 1"), Listed(1, "Elsewhere", "https://www.example.org/e"),
              Listed(3, "Headline 1"), Listed(4, "Too many")]  # fmt: skip
    made = select([article(1)], listed, {}, POLICY)
    assert [(t.headline, t.url) for t in made.trending] == [
        ("Elsewhere", "https://www.example.org/e"),
        ("headline 1", "https://www.example.org/1"),
    ]


@given(st.permutations([article(n, "Opinion" if n % 3 else "Global") for n in range(8)]))
def test_the_order_of_the_candidates_makes_no_difference(shuffled: list[Article]) -> None:
    assert chosen(*shuffled) == chosen(*sorted(shuffled, key=str))
    assert len(chosen(*shuffled).verdicts) == 8
