"""The readers' pages as a browser shows them: languages, theme, feedback, past issues."""

import json
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Page
from sqlalchemy import event, text
from typer.testing import CliRunner

from digest import publish
from digest.cli import app as program
from digest.feeds import read_feed
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster
from tests.browsers import chromium
from tests.browsing import HTTP
from tests.clocks import Clock
from tests.conftest import NOW
from tests.joining import ANN, KEYS, hands, house, joined, letters, profile, site
from tests.relay import ScriptedRelay
from tests.serving import serving

__all__ = ["hands", "house", "site"]

ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_feedback_and_archive(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, environ: dict[str, str]
) -> None:
    from subscribers import tokens

    joined(house, site, hands, relay)
    publish.collect(house, now=hands.at)
    record = publish.prepare(house, "weekly", now=hands.at).record
    assert "none yet" in HTTP.get(f"{site}/archive/weekly").text
    assert HTTP.get(f"{site}/archive/weekly/{record.issue.number}").status_code == 404
    publish.approve(house, "weekly", record.issue.number, by="x", now=hands.at)
    publish.send(house, "weekly", clock=hands)
    listed = HTTP.get(f"{site}/archive").text
    assert f"/archive/weekly/{record.issue.number}" in listed
    assert "30 March 2026 · <bdi>The Week</bdi> · Issue 1" in listed
    answer = HTTP.get(f"{site}/archive/weekly/{record.issue.number}")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "/u/" not in answer.text
    for own in ("View in browser", "because you signed up", "Choose sections", "Unsubscribe"):
        assert own not in answer.text  # nobody's page; and it is what they look at
    feed = HTTP.get(f"{site}/archive/weekly/feed.xml").content
    assert ElementTree.fromstring(feed).tag == "{http://www.w3.org/2005/Atom}feed"  # noqa: S314 - our own
    [entry] = read_feed(feed, source="archive").articles
    assert entry.url.endswith(f"/archive/weekly/{record.issue.number}")
    for missing in ("/archive/hourly", "/archive/hourly/feed.xml", "/archive/weekly/99"):
        assert HTTP.get(site + missing).status_code == 404
    number = profile(house).subscriber
    link = f"{site}/f/{tokens.seal(tokens.Token('feedback', 'weekly', record.id, number), KEYS)}"
    assert "How was this issue?" in HTTP.get(link).text
    assert HTTP.post(link, data={"verdict": "hacked"}).status_code == 422

    def said(*words: str) -> str:
        told = ["-C", str(house.settings.folder), "issues", "feedback", "-n", "weekly", *words]
        result = CliRunner().invoke(program, told, env=environ)
        assert result.exit_code == 0
        return result.stdout + result.stderr

    assert said() == "nobody has said anything of issue 1 yet\n"
    for verdict in ("poor", "good"):
        HTTP.post(link, data={"verdict": verdict, "comment": "more maps"})
    with house.database.reading() as session:
        assert roster.feedback(session, record.id) == {"good": 1}
    assert [(o.verdict, o.comment) for o in publish.opinions(house, record)] == [
        ("good", "more maps")
    ]

    HTTP.post(link, data={"verdict": "poor", "comment": "[red]\x1b[31m less"})
    assert "poor" in said()
    assert "[red] [31m less" in said()
    assert "ann@" not in said("--json")
    [told] = json.loads(said("--json"))
    assert (told["verdict"], told["comment"]) == ("poor", "[red]\x1b[31m less")


@pytest.mark.parametrize("language", ["hi", "es", "fr", "ar"])
def test_pages_speak_the_reader_s_language(site: str, language: str) -> None:
    page = HTTP.get(f"{site}/subscribe", headers={"Accept-Language": f"xx, {language};q=0.9"}).text
    assert f'lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in page
    assert "Your mail address" not in page
    for path in ("u/nothing", "p/nothing", "f/nothing", "c/nothing", "nothing"):
        lost = HTTP.get(f"{site}/{path}", headers={"Accept-Language": language})
        assert (lost.status_code, f'lang="{language}"' in lost.text) == (404, True), path
        assert "This link does not work" not in lost.text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_browser_joins_chooses_leaves_and_comes_back(
    house: House, site: str, hands: Clock, relay: ScriptedRelay, tmp_path: Path
) -> None:
    with chromium() as browser:
        for width, scheme, address in ((360, "dark", "phone"), (1200, "light", "desk")):
            context = browser.new_context(
                viewport={"width": width, "height": 760}, color_scheme=scheme,  # type: ignore[arg-type]
                java_script_enabled=False,
            )  # fmt: skip
            _walk(context.new_page(), house, site, hands, relay, f"{address}@readers.example")
            context.close()


def _walk(
    page: Page, house: House, site: str, hands: Clock, relay: ScriptedRelay, address: str
) -> None:
    from subscribers import tokens

    before = len(relay.accepted)
    page.goto(f"{site}/subscribe")
    page.get_by_label("The Week").check()
    page.get_by_label("Your mail address").fill(address)
    hands.at += timedelta(seconds=5)
    page.get_by_role("button", name="Subscribe").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Look into your mail"
    link = letters(relay, before + 1)[-1][2]
    page.goto(site + link)
    page.get_by_role("button", name="Yes, I confirm").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Thank you"
    number = profile(house, address).subscriber
    seal = tokens.seal(tokens.Token("preferences", "weekly", 0, number), KEYS)
    page.goto(f"{site}/p/{seal}")
    page.get_by_label("Once a week at most").check()
    page.get_by_role("button", name="Save", exact=True).click()
    assert "Saved." in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Leave The Week").click()
    page.get_by_role("button", name="Unsubscribe").click()
    assert profile(house, address).subscriptions[0].state == "withdrawn"
    page.get_by_text("Tell us why").click()
    page.get_by_label("There were too many mails").check()
    page.get_by_role("button", name="Tell").click()
    choices = page.get_by_role("link", name="Your choices").evaluate("link => link.href")
    assert "You do not get <bdi>The Week</bdi>" in HTTP.get(choices).text
    page.get_by_text("Would fewer have been better?").click()
    page.get_by_role("button", name="It was a mistake").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Welcome back"
    page.get_by_role("link", name="What would you like to read?").click()
    assert page.get_by_label("Every issue").count() == 1
    assert profile(house, address).subscriptions[0].state == "confirmed"


def test_the_pages_wear_the_publisher_s_theme(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    file = folder / "digest.toml"
    theme = (
        '[theme]\naccent = "#06c"\nheadline_font = "Charter, Georgia, serif"\nradius = 9\n'
        '[theme.dark]\npaper = "#101010"\n'
    )
    file.write_text(file.read_text("utf-8") + theme, encoding="utf-8")
    with open_house(folder, environ) as themed, serving(public_app(themed, hands)) as site:
        for path in ("/subscribe", "/archive", "/u/nothing"):
            page = HTTP.get(site + path).text
            for part in ("--accent:#0066cc;", "--head:Charter, Georgia, serif;", "--round:9px",
                         "--paper:#ffffff;", "--paper:#101010;"):  # fmt: skip
                assert part in page, (path, part)
            assert "#a3281f" not in page
            assert "#ff8a7a" not in page


@ONE_ENGINE
def test_the_only_newsletter_s_feed_is_on_the_page_of_all_past_issues(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    with open_house(folder, environ) as alone, serving(public_app(alone, hands)) as site:
        page = HTTP.get(f"{site}/archive").text
        link = re.search(r'<link rel="alternate" type="application/atom.xml" href="([^"]+)"', page)
        assert link
        assert link[1].endswith("/archive/weekly/feed.xml")
        assert f'<a href="{link[1]}">Feed</a>' in page


@ONE_ENGINE
def test_after_years_of_issues_a_page_reads_no_more_of_them_than_it_shows(
    folder: Path, environ: dict[str, str], hands: Clock
) -> None:
    from subscribers import tokens

    with open_house(folder, environ) as old, serving(public_app(old, hands)) as site:
        with old.database.writing() as session:
            number = roster.add(session, ANN, "weekly", how="page", now=NOW, keys=KEYS)
        publish.collect(old, now=NOW)
        issue = publish.prepare(old, "weekly", now=NOW).record.id
        _many(old, 119)
        first = HTTP.get(f"{site}/archive/weekly").text
        older = re.search(r'href="[^"]+(/archive/weekly[?]before=[0-9]+)" rel="next"', first)
        assert older
        second = HTTP.get(site + older[1]).text
        third = HTTP.get(f"{site}/archive/weekly?before=20").text
        shown = [re.findall(r"/archive/weekly/([0-9]+)", page) for page in (first, second, third)]
        assert [list(map(int, numbers)) for numbers in shown] == [
            [*range(120, 70, -1)], [*range(70, 20, -1)], [*range(19, 1, -1)]
        ]  # fmt: skip
        assert 'rel="next"' not in third
        assert "/archive/weekly/120" in HTTP.get(f"{site}/archive?before=-1").text
        seals: tuple[tuple[str, tokens.Purpose], ...] = (
            ("p", "preferences"), ("u", "unsubscribe"), ("f", "feedback")
        )  # fmt: skip
        links = [f"/{path}/{tokens.seal(tokens.Token(purpose, 'weekly', issue, number), KEYS)}"
                 for path, purpose in seals]  # fmt: skip
        said: list[str] = []
        event.listen(old.database.engine, "before_cursor_execute",
                     lambda *told: said.append(told[2]))  # fmt: skip
        for path in (*links, "/health", "/archive", "/archive/weekly", "/archive/weekly/feed.xml"):
            assert HTTP.get(site + path).status_code == 200
        whole = [statement for statement in said if "issue.manifest" in statement]
        assert len(whole) >= 7
        assert [statement for statement in whole if " LIMIT " not in statement] == []


def _many(house: House, count: int) -> None:
    """So many more issues like the first, all of which went out."""
    columns = "newsletter, content_hash, approved_hash, approved_by, prepared_at, version"
    copied = (
        f"INSERT INTO issue (number, state, manifest, {columns}) "  # noqa: S608 - our own columns
        "SELECT :number, 'sent', replace(manifest, :first, :this), "
        f"{columns} FROM issue WHERE number = 1"
    )
    told = [
        {"number": number, "first": '"number":1,', "this": f'"number":{number},'}
        for number in range(2, count + 2)
    ]
    with house.database.engine.begin() as connection:
        connection.execute(text(copied), told)
