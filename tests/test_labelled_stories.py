"""Near-duplicates on articles that a person grouped: precision and recall of the pairs."""

from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest

from digest.articles import Article, canonical
from digest.selection import profile
from tests.stories import stories

BEGINNING = datetime(2026, 3, 23, tzinfo=UTC)
LABELLED = Path(__file__).parent / "samples" / "stories.txt"
Told = tuple[Article, datetime]


def labelled() -> dict[str, list[Told]]:
    """The articles by the name of their story."""
    groups: dict[str, list[Told]] = {}
    for line in LABELLED.read_text("utf-8").splitlines():
        if line.startswith("== "):
            name = line[3:]
            assert name not in groups
            groups[name] = []
        elif line and not line.startswith("#"):
            hours, url, headline, dek = (part.strip() for part in line.split("|"))
            at = BEGINNING + timedelta(hours=int(hours))
            groups[name].append((Article(headline, canonical(url), dek, published=at), at))
    return groups


def pairs(names: list[str]) -> set[tuple[int, int]]:
    return {(a, b) for a, b in combinations(range(len(names)), 2) if names[a] == names[b]}


def test_precision_and_recall_on_what_a_person_labelled(
    capsys: pytest.CaptureFixture[str],
) -> None:
    groups = labelled()
    told = [(name, *each) for name, group in groups.items() for each in group]
    wanted = pairs([name for name, _, _ in told])
    found = pairs([str(n) for n in stories([profile(article, at) for _, article, at in told])])
    precision, recall = len(found & wanted) / len(found), len(found & wanted) / len(wanted)
    with capsys.disabled():
        print(
            f"\nnear-duplicates: {len(told)} articles, {len(groups)} stories, {len(wanted)} pairs: "
            f"precision {precision:.3f}, recall {recall:.3f}"
        )
    wrong = [f"{told[a][1].headline} / {told[b][1].headline}" for a, b in sorted(found - wanted)]
    missed = [f"{told[a][1].headline} / {told[b][1].headline}" for a, b in sorted(wanted - found)]
    assert precision >= 0.98, wrong
    assert recall >= 0.9, missed
