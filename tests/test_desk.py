"""An editor at the terminal: ask why, decide, prepare again."""

import json
import re
import shlex
from pathlib import Path

import pytest

from digest.errors import IssueError
from digest.settings import load
from tests.collected import AT
from tests.commands import digest_in, refused
from tests.desk_terminal import Desk, desk, folder
from tests.test_stories import ALL, COLUMN, COPY, FERRY, GOAL, GRAIN, SETTINGS

__all__ = ["desk", "folder"]

HEAD = SETTINGS[: SETTINGS.index("[[")]


def test_every_candidate_is_explained_for_machines(desk: Desk) -> None:
    done = desk("articles", "explain", "--json", *AT)
    assert done.exit_code == 0, done.stderr
    told = {each["name"]: each for each in json.loads(done.stdout)}
    assert set(told) == {article.fingerprint for article in ALL}
    grain, copy = told[GRAIN.fingerprint], told[FERRY.fingerprint]
    assert (grain["kept"], grain["section"], grain["rule"]) == (True, "Global", "url */world/*")
    assert grain["score"]["total"] == pytest.approx(grain["score"]["freshness"], abs=1e-6)
    assert copy["story"] == [
        {"source": "wire", "headline": COPY.headline, "url": COPY.url}
    ]  # fmt: skip
    assert told[GOAL.fingerprint]["categories"] == ["Sport", "Cup"]


def test_one_article_is_explained_in_full(desk: Desk) -> None:
    done = desk("articles", "explain", FERRY.url, *AT)
    assert done.exit_code == 0, done.stderr
    assert f"same story as “{COPY.headline}” (wire)" in done.stdout
    assert "freshness" in done.stdout
    assert "coverage 0.25" in done.stdout
    short = desk("articles", "explain", FERRY.fingerprint[:8], *AT)
    assert short.stdout == done.stdout


def test_what_no_section_takes_is_listed(desk: Desk) -> None:
    done = desk("articles", "explain", "--unplaced", *AT)
    assert GOAL.headline in done.stdout
    assert GRAIN.headline not in done.stdout
    prepared = desk("prepare", *AT)
    assert "no section takes 1 story: 1 from tide: Sport, Cup" in prepared.stderr


def test_decisions_are_obeyed_by_the_next_draft_and_taken_back(desk: Desk) -> None:
    name = GRAIN.fingerprint[:9]
    for words in (
        ("issues", "move", name, "--section", "Opinion", "--position", "1"),
        ("issues", "edit", name, "--headline", "In our words"),
        ("issues", "drop", COLUMN.url, "--why", "not confirmed", "--by", "night desk"),
        ("issues", "pin", GOAL.url),
    ):
        done = desk(*words)
        assert done.exit_code == 0, done.stderr
        assert "next: digest prepare" in done.stderr
    shown = desk("prepare", *AT).stdout
    opinion, glob = shown.index("Opinion"), shown.index("Global")
    assert glob < shown.index(GOAL.headline) < opinion < shown.index("In our words")
    assert COLUMN.headline not in shown
    why = desk("articles", "explain", COLUMN.url, *AT).stdout
    assert "excluded by night desk: not confirmed" in why
    for article in (GRAIN, COLUMN, GOAL):
        assert desk("issues", "undo", article.fingerprint).exit_code == 0
    shown = desk("prepare", *AT).stdout
    assert GRAIN.headline in shown
    assert COLUMN.headline in shown
    assert GOAL.headline not in shown


def test_a_decision_about_a_copy_is_shown_and_undone(desk: Desk) -> None:
    desk("issues", "drop", FERRY.url)
    shown = desk("articles", "explain", COPY.url, *AT).stdout
    assert "excluded by" in shown
    assert f"{FERRY.fingerprint[:8]} {FERRY.headline}" in shown
    (told,) = json.loads(desk("articles", "explain", COPY.url, "--json", *AT).stdout)
    named = {"name": FERRY.fingerprint, "headline": FERRY.headline, "url": FERRY.url}
    assert told["decided"] == [named]
    undone = desk("issues", "undo", COPY.url)
    assert f"nothing is decided about “{FERRY.headline}” any more" in undone.stderr
    assert "excluded" not in desk("articles", "explain", COPY.url, *AT).stdout


def test_who_is_dropped_and_then_pinned_is_in(desk: Desk) -> None:
    desk("issues", "drop", GRAIN.url)
    desk("issues", "pin", GRAIN.url)
    assert "Global, pinned by" in desk("articles", "explain", GRAIN.url, *AT).stdout
    desk("issues", "undo", GRAIN.url)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("articles", "explain", "zz"), "no article is called zz"),
        (("articles", "show", "zz"), "no article is called zz"),
        (("issues", "pin", "zz"), "no article is called zz"),
        (("issues", "pin", ""), "no article was named"),
        (("issues", "undo", GOAL.fingerprint), "nothing was decided"),
        (("issues", "move", GOAL.url, "--section", "Globe"), "weekly has no section Globe"),
    ],
)
def test_what_cannot_be_done_is_refused(desk: Desk, words: tuple[str, ...], what: str) -> None:
    error = desk(*words).exception
    assert isinstance(error, IssueError)
    assert what in error.what
    assert error.remedy


@pytest.mark.parametrize("verb", ["move", "edit"])
def test_a_verb_without_an_object_is_wrong_use(desk: Desk, verb: str) -> None:
    done = desk("issues", verb, GRAIN.url)
    assert done.exit_code == 2
    assert "digest: nothing to" in done.stderr


def test_an_ambiguous_name_lists_what_it_may_mean(folder: Path) -> None:
    beginnings = [article.fingerprint[0] for article in ALL]
    shared = max(beginnings, key=beginnings.count)
    several = digest_in(folder, "issues", "pin", shared)
    refused(several, 1, f"more than one article is called {shared}")
    assert sum(article.fingerprint[:8] in several.stderr for article in ALL) > 1


def test_the_guide_for_editors_says_what_works(desk: Desk, folder: Path) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "selection.md").read_text("utf-8")
    commands = re.findall(r"(?m)^digest (.+)$", guide)
    assert len(commands) > 8
    for command in commands:
        words = shlex.split(command.replace("3fa9", GRAIN.fingerprint[:9]))
        done = desk(*words)
        assert done.exit_code == 0, (command, done.stderr, done.exception)
    tables = "\n".join(re.findall(r"(?ms)^```toml\n(.*?)^```", guide))
    own = folder / "guide"
    own.mkdir()
    (own / "digest.toml").write_text(f"{HEAD}\n{tables}", encoding="utf-8")
    loaded = load(own, {})
    assert loaded.newsletter["weekly"].section[0].match.sources == ("wire-*",)
    assert loaded.sector[0].match.categories == ("Medicine",)
