"""An editor at the terminal: ask why, decide, prepare again."""

import json
import os
import pwd
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digest import archive, publish
from digest.articles import Listed
from digest.cli import app
from digest.errors import Conflict, DigestError, IssueError, NoSuchNewsletter
from digest.publish import open_house
from digest.settings import load
from tests.conftest import NOW, SECRET
from tests.test_cli import digest_in, refused
from tests.test_stories import ALL, COLUMN, COPY, FERRY, GOAL, GRAIN, SETTINGS

Desk = Callable[..., Result]
HEAD = SETTINGS[: SETTINGS.index("[[")]
AT = ("--at", NOW.strftime("%Y-%m-%dT%H:%M"))


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five articles collected, nothing prepared."""
    made = tmp_path_factory.mktemp("desk")
    (made / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(made, {}) as house, house.database.writing() as session:
        archive.keep(session, ALL, NOW)
    return made


@pytest.fixture
def folder(collected: Path, tmp_path: Path) -> Path:
    return shutil.copytree(collected, tmp_path / "folder")


@pytest.fixture
def desk(folder: Path) -> Desk:
    """A terminal where no draft is."""
    return at(folder)


def at(folder: Path) -> Desk:
    return lambda *words: CliRunner().invoke(app, ["-C", str(folder), *words])


@pytest.fixture(scope="module")
def drafted(collected: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a draft, and a page's list in it."""
    made = shutil.copytree(collected, tmp_path_factory.mktemp("drafted") / "desk")
    with open_house(made, {}) as house:
        with house.database.writing() as session:
            archive.keep_listed(session, "front", [Listed(1, "Lights out early")], NOW)
        publish.prepare(house, None, now=NOW)
    return made


@pytest.fixture
def issue(drafted: Path, tmp_path: Path) -> Desk:
    """A terminal before that draft."""
    return at(shutil.copytree(drafted, tmp_path / "desk"))


def shown(issue: Desk) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(issue("issues", "show", "--json").stdout)["desk"]
    return told


def outline(told: dict[str, Any]) -> dict[str, list[str]]:
    return {s["name"]: [story["headline"] for story in s["stories"]] for s in told["sections"]}


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


def test_the_guide_to_the_desk_says_what_works(
    issue: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_WEB_SECRET", SECRET)
    guide = (Path(__file__).parents[1] / "docs" / "desk.md").read_text("utf-8")
    commands = re.findall(r"(?m)^digest (issues .+)$", guide)
    assert len(commands) > 16
    for command in commands:
        done = issue(*shlex.split(command.replace("3fa9", GRAIN.fingerprint[:9])))
        assert done.exit_code == 0, (command, done.stderr, done.exception)


def test_a_draft_is_changed_at_once_and_every_step_is_told(issue: Desk) -> None:
    said = []
    for words in (
        ("move", GRAIN.fingerprint[:8], "--section", "Opinion", "--position", "1"),
        ("pin", GOAL.url, "--section", "Global"),
        ("unpin", "Late goal for Linden"),
        ("order", "Trending", "lights out EARLY"),
        ("drop", "lights out EARLY", "--why", "old"),
        ("edit", GRAIN.url, "--headline", "In our words", "--image", "none"),
        ("order", "Opinion", COLUMN.url, GRAIN.url),
        ("note", "Good *morning*."),
        ("subject", "Grain holds", "--second", "Six states share"),
        ("subject", "--preheader", "Read on"),
    ):
        done = issue("issues", *words, "--by", "night desk")
        assert done.exit_code == 0, (words, done.stderr, done.exception)
        said += done.stderr.splitlines()
    assert [line.partition(";")[0] for line in said] == [
        f"moved “{GRAIN.headline}” to Opinion, place 1",
        f"brought “{GOAL.headline}” into Global, place 2",
        f"unpinned “{GOAL.headline}”",
        "arranged Trending",
        "dropped “Lights out early”: old",
        f"rewrote the headline of “{GRAIN.headline}”, now “In our words”",
        "chose no picture for “In our words”",
        "arranged Opinion",
        "wrote the note",
        "set the subject “Grain holds” and the second “Six states share”",
        "set the preheader “Read on”",
    ]
    told = shown(issue)
    assert outline(told)["Opinion"] == [COLUMN.headline, "In our words"]
    assert (told["version"], told["note"], told["trending"]) == (11, "Good *morning*.", [])
    lines = json.loads(issue("issues", "history", "--json").stdout)
    assert {line["by"] for line in lines[1:]} == {"night desk"}


def test_what_was_changed_is_undone_and_done_again(issue: Desk) -> None:
    before = outline(shown(issue))
    issue("issues", "drop", COLUMN.url, "--by", "zoe")
    issue("issues", "note", "Hello")
    done = issue("issues", "undo", "--steps", "2", "--by", "ann")
    last = done.stderr.splitlines()[1]
    assert last == f"took back: dropped “{COLUMN.headline}” (by zoe); issue 1, version 4"
    assert outline(shown(issue)) == before
    assert "did again: dropped" in issue("issues", "redo").stderr
    assert outline(shown(issue))["Opinion"] == []
    issue("issues", "edit", GRAIN.url, "--dek", "Ours.")
    assert "took back all that was decided" in issue("issues", "undo", GRAIN.url).stderr
    assert "nothing was taken back" in error(issue("issues", "redo")).what


def test_undo_and_redo_have_what_every_verb_has(issue: Desk) -> None:
    issue("issues", "note", "Hello", "--by", "zoe")
    for verb in ("undo", "redo"):
        late = error(issue("issues", verb, "--version", "0"))
        assert isinstance(late, Conflict)
    assert isinstance(error(issue("issues", "undo", GRAIN.url, "--version", "0")), Conflict)
    undone = json.loads(issue("issues", "undo", "--version", "1", "--json").stdout)
    assert (undone["version"], undone["note"], undone["redo"]) == (2, "", "wrote the note")
    done = issue("issues", "redo", "--version", "2", "--json")
    assert "did again: wrote the note (by zoe)" in done.stderr
    assert json.loads(done.stdout)["note"] == "Hello"
    issue("issues", "edit", GRAIN.url, "--dek", "Ours.")
    back = json.loads(issue("issues", "undo", GRAIN.url, "--json").stdout)
    assert back["version"] == 5


def test_undo_goes_as_far_as_there_are_steps(issue: Desk) -> None:
    issue("issues", "note", "Hello")
    issue("issues", "pin", GRAIN.url)
    done = issue("issues", "undo", "--steps", "50")
    assert (done.exit_code, done.stderr.count("took back:")) == (0, 2)
    assert done.stderr.endswith("nothing is left to take back\n")
    assert error(issue("issues", "undo")).what == "nothing is left to take back in issue 1"
    done = issue("issues", "redo", "--steps", "50")
    assert (done.exit_code, done.stderr.count("did again:")) == (0, 2)


def test_lines_are_lines(issue: Desk, desk: Desk) -> None:
    issue("issues", "edit", GRAIN.url, "--headline", "One\nline")
    issue("issues", "edit", GRAIN.url, "--headline", "")
    issue("issues", "subject", "Two\r\nlines", "--second", "A\u2028b", "--preheader", "Read\n on")
    told = shown(issue)
    assert (told["subject"]["own"], told["preheader"]["own"]) == ("Two lines", "Read on")
    lines = [line["what"] for line in json.loads(issue("issues", "history", "--json").stdout)]
    assert lines[1:] == [
        f"rewrote the headline of “{GRAIN.headline}”, now “One line”",
        f"brought back the headline of “One line”, now “{GRAIN.headline}”",
        "set the subject “Two lines” and the second “A b”",
        "set the preheader “Read on”",
    ]
    assert desk("issues", "edit", GRAIN.url, "--headline", "Before\nthe draft").exit_code == 0
    assert desk("prepare", *AT).exit_code == 0
    assert outline(shown(desk))["Global"][0] == "Before the draft"


def test_the_desk_is_shown(issue: Desk) -> None:
    issue("issues", "pin", GRAIN.url)
    issue("issues", "subject", "Six states share a reserve of grain for a year of drought")
    told = issue("issues", "show").stdout
    assert re.search(rf"2. {GRAIN.fingerprint[:8]}  {GRAIN.headline} · .*, pinned", told)
    assert "version 2" in told
    lines = issue("issues", "subject").stdout
    assert "57 of 70" in lines
    assert "Six states share a reserve of grain…" in lines
    assert issue("issues", "note").stdout == "\n"
    assert "Late goal" in issue("issues", "candidates", "linden").stdout
    assert json.loads(issue("issues", "candidates", "linden", "--json").stdout)[0]["section"] == ""


def test_a_note_is_read_from_the_input(drafted: Path, tmp_path: Path) -> None:
    own = shutil.copytree(drafted, tmp_path / "desk")
    words = ["-C", str(own), "issues", "note", "-"]
    assert CliRunner().invoke(app, words, input="Good morning.\n").exit_code == 0
    assert shown(at(own))["note"] == "Good morning."


def test_changes_since_approval_are_listed(issue: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_WEB_SECRET", SECRET)
    assert "nothing was approved yet" in issue("issues", "changes").stderr
    assert "there is no issue before" in issue("issues", "changes", "--since", "issue").stderr
    assert issue("approve").exit_code == 0
    assert "nothing differs" in issue("issues", "changes").stderr
    asks = issue("issues", "drop", COLUMN.url).stderr
    assert asks.endswith("; it was approved, and asks for approval again\n")
    assert re.search(rf"gone +{COLUMN.fingerprint[:8]} ", issue("issues", "changes").stdout)
    (gone,) = json.loads(issue("issues", "changes", "--json").stdout)["differences"]
    assert (gone["kind"], gone["before"]) == ("gone", "Opinion, place 1")
    refused = error(issue("send"))
    assert "was changed after it was approved" in refused.what
    assert issue("issues", "undo").stderr.endswith("; so it is approved\n")


def test_where_the_user_has_no_name_the_number_is_written_down(
    issue: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_WEB_SECRET", SECRET)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for words in (
        ("issues", "note", "Hello"),
        ("issues", "pin", GRAIN.url),
        ("issues", "undo"),
        ("issues", "redo"),
        ("issues", "undo", GRAIN.url),
        ("prepare", *AT),
        ("approve",),
        ("resolve", "1", "--sent"),
        ("cancel", "1", "--yes"),
    ):
        done = issue(*words)
        foreseen = done.exception is None or isinstance(done.exception, SystemExit | DigestError)
        assert foreseen, (words, done.exception)
    lines = json.loads(issue("issues", "history", "--json").stdout)
    assert {line["by"] for line in lines[1:]} == {f"uid {os.getuid()}"}
    assert lines[-1]["kind"] == "approved"
    units = issue("install-timer", "--system", "--print").stdout
    assert f"User={os.getuid()}\n" in units
    # It has no home either: neither for units of its own, nor for what ~ might mean.
    homeless = issue("install-timer")
    assert (homeless.exit_code, "no home folder" in homeless.stderr) == (1, True)
    assert issue("install-timer", "units-of-nobody", "--print").exit_code == 0
    lost = issue("collect", "~/feed.xml")
    assert (lost.exit_code, "there is no file" in lost.stderr) == (1, True)


def test_a_version_that_is_past_is_refused(issue: Desk) -> None:
    issue("issues", "note", "Hello", "--by", "ben")
    refused = error(issue("issues", "note", "Good morning", "--version", "0"))
    assert isinstance(refused, Conflict)
    assert "ben wrote the note" in refused.what
    assert issue("issues", "note", "Good morning", "--version", "1").exit_code == 0
    assert "it is so already" in issue("issues", "note", "Good morning").stderr


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("order", "Opinion", GRAIN.url), "does not stand in Opinion"),
        (("order", "Opinion", "zz"), "no article is called zz"),
        (("edit", GRAIN.url, "--image", "https://x.example/1.jpg"), "has no picture"),
        (("order", "Trending", GRAIN.url), "does not stand in Trending"),
        (("order", "Opinions", GRAIN.url), "weekly has no section Opinions"),
        (("note", "x" * 10_001), "the note has 10,001 characters"),
        (("undo",), "nothing was changed in issue 1"),
        (("drop", GRAIN.url, "--issue", "7"), "no issue 7"),
    ],
)
def test_what_the_draft_cannot_have_is_refused(
    issue: Desk, words: tuple[str, ...], what: str
) -> None:
    refused = error(issue("issues", *words))
    assert what in refused.what
    assert refused.remedy


@pytest.mark.parametrize("words", [("note",), ("subject",)])
def test_what_is_shown_for_machines_is_json_alone(issue: Desk, words: tuple[str, ...]) -> None:
    issue("issues", "note", "Good morning")
    assert json.loads(issue("issues", *words, "--json").stdout)["note"] == "Good morning"


@pytest.mark.parametrize("words", [(), ("--image", "none"), ("--image", "own")])
def test_a_picture_that_is_none_is_not_described(issue: Desk, words: tuple[str, ...]) -> None:
    done = issue("issues", "edit", GRAIN.url, *words, "--alt", "A barn")
    assert done.exit_code == 2
    assert "there is no picture that --alt could describe" in done.stderr
    assert shown(issue)["version"] == 0


def pictured_in(desk: dict[str, Any]) -> dict[str, Any]:
    """The story with a picture."""
    told = [one for section in desk["sections"] for one in section["stories"]]
    [found] = [one for one in told if one["original_image"]["url"]]
    return dict(found)


def test_the_articles_own_picture_is_described(issue: Desk) -> None:
    pictured = issue("issues", "edit", COPY.url, "--image", "own", "--alt", "A boat at the quay")
    assert pictured.exit_code == 0, pictured.stderr
    told = pictured_in(shown(issue))
    assert told["image"] == {**told["original_image"], "alt": "A boat at the quay"}
    assert issue("issues", "edit", COPY.url, "--image", "own").exit_code == 0
    told = pictured_in(shown(issue))
    assert told["image"] == told["original_image"]


def test_a_newsletter_that_is_none_has_no_issues(issue: Desk) -> None:
    assert isinstance(issue("issues", "list", "-n", "no").exception, NoSuchNewsletter)
    assert issue("issues", "list", "-n", "weekly").exit_code == 0


def test_without_a_draft_a_note_has_no_place(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    done = at(tmp_path)("issues", "note", "Hello")
    assert done.exit_code == 1
    assert "there is no draft to change" in done.stderr


def error(done: Result) -> IssueError:
    assert isinstance(done.exception, IssueError), (done.stdout, done.stderr, done.exception)
    return done.exception
