"""List bombing: limits that all processes share, and puzzles where they are near."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from digest.publish import House, open_house
from digest.web import public_app
from subscribers import limiting, puzzles, roster
from subscribers.limiting import admission, network
from tests.browsers import chromium
from tests.browsing import HTTP, asking
from tests.clocks import Clock
from tests.conftest import NOW, SECRET
from tests.joining import letters
from tests.relay import ScriptedRelay
from tests.serving import serving
from tests.waiting import until

KEYS = (SECRET.encode(),)
TOLD = {"newsletter": "weekly"}
# What differs between the engines is one statement; a test of it runs on both.
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hands() -> Clock:
    return Clock()


def served(house: House, hands: Clock) -> AbstractContextManager[str]:
    """A server of its own, as a second machine's or one that was started again."""
    return serving(public_app(house, hands))


@pytest.fixture
def site(house: House, hands: Clock) -> Iterator[str]:
    with served(house, hands) as address:
        yield address


def ask(site: str, number: int, ip: str = "192.0.2.1", **more: str) -> httpx.Response:
    told = {**TOLD, "email": f"r{number}@readers.example", **more}
    return HTTP.post(f"{site}/subscribe", data=told, headers={"X-Forwarded-For": ip})


def send(site: str, form: dict[str, str]) -> httpx.Response:
    headers = {"X-Forwarded-For": "192.0.2.1"}
    return HTTP.post(f"{site}/subscribe", data=form, headers=headers)


def hidden(page: httpx.Response) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def answer(puzzle: str) -> str:
    number = 0
    while puzzles.solved(puzzle, str(number), KEYS, NOW) != "worked":
        number += 1
    return str(number)


def test_limits_outlive_a_restart_and_hold_for_all_servers(house: House, hands: Clock) -> None:
    with served(house, hands) as one, served(house, hands) as other:
        codes = [ask(site, n).status_code for n, site in enumerate((one, other) * 3)]
        assert codes == [200] * 5 + [429]
    with served(house, hands) as again:
        assert "One moment" in ask(again, 7).text
        assert ask(again, 8, ip="192.0.2.2").status_code == 200
        hands.at += timedelta(hours=1)
        assert ask(again, 9).status_code == 200


@ONE_ENGINE
def test_who_waits_a_minute_gets_through_without_a_script(
    site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    for n in range(5):
        ask(site, n)
    page = ask(site, 5)
    form = hidden(page)
    assert (page.status_code, page.headers["retry-after"]) == (429, "60")
    assert form["email"] == "r5@readers.example"
    hands.at += timedelta(seconds=20)
    early = send(site, form)
    assert "in 40 seconds" in early.text
    assert hidden(early) == form
    hands.at += timedelta(seconds=40)
    assert "Look into your mail" in send(site, form).text
    assert letters(relay, 6)[-1][0] == "r5@readers.example"
    # Once for each puzzle.
    again = {**form, "email": "r6@readers.example"}
    assert send(site, again).status_code == 429


@ONE_ENGINE
def test_work_is_taken_once_and_for_a_quarter_of_an_hour(
    site: str, hands: Clock, relay: ScriptedRelay
) -> None:
    for n in range(5):
        ask(site, n)
    form, late = hidden(ask(site, 5)), hidden(ask(site, 6))
    form["answer"] = answer(form["puzzle"])
    wrong = {**form, "puzzle": form["puzzle"][:-1]}
    assert send(site, wrong).status_code == 429
    assert send(site, form).status_code == 200
    assert send(site, form).status_code == 429
    hands.at += timedelta(minutes=16)
    late["answer"] = answer(late["puzzle"])
    assert send(site, late).status_code == 429
    assert letters(relay, 6)[-1][0] == "r5@readers.example"


@ONE_ENGINE
def test_a_network_that_is_full_costs_the_database_nothing(house: House, site: str) -> None:
    for n in range(11):
        ask(site, n)
    said: list[str] = []
    event.listen(house.database.engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    pages = [ask(site, n) for n in range(11, 16)]
    assert {page.status_code for page in pages} == {429}
    assert "Please try again in an hour" in pages[0].text
    assert [statement for statement in said if "tally" in statement] == []


@ONE_ENGINE
def test_where_everybody_asks_only_who_works_or_waits_gets_in(house: House, site: str) -> None:
    until = limiting.window("everybody", NOW)
    name = limiting.hidden("everybody", "", KEYS)
    with house.database.writing() as session:
        roster.tally(session, "everybody", name, until, NOW)
        session.connection().execute(text("UPDATE tally SET count = 1000"))
    form = hidden(ask(site, 1))
    assert "One moment" in ask(site, 2, ip="198.51.100.7").text
    with house.database.reading() as session:
        # Who is sent to work does not fill the limit for those who do.
        assert roster.tallied(session, "everybody", name, until) == 1000
    form["answer"] = answer(form["puzzle"])
    assert send(site, form).status_code == 200
    with house.database.writing() as session:
        session.connection().execute(text("UPDATE tally SET count = 2000 WHERE count > 1000"))
    worked = hidden(ask(site, 3, ip="198.51.100.8"))
    assert worked == {}
    assert ask(site, 4, ip="198.51.100.9").status_code == 429


def test_no_network_and_no_domain_is_kept_and_old_tallies_go(
    house: House, site: str, hands: Clock
) -> None:
    ask(site, 1, ip="203.0.113.77")
    dump = "SELECT * FROM tally"
    with house.database.engine.connect() as connection:
        kept = str(connection.execute(text(dump)).all())
    assert "203.0.113" not in kept
    assert "readers.example" not in kept
    hands.at += timedelta(hours=3)
    ask(site, 2, ip="203.0.113.78")
    with house.database.engine.connect() as connection:
        untils = {
            row.until
            for row in connection.execute(
                text("SELECT until FROM tally WHERE rule <> 'unanswered'")
            )
        }
    assert len(untils) == 1


@given(
    st.dictionaries(st.sampled_from(["network", "domain", "everybody"]), st.integers(1, 3000)),
    st.sampled_from(["worked", "waited", ""]),
)
def test_work_never_costs_and_no_limit_is_ever_passed(
    counts: dict[str, int], solved: puzzles.Solved
) -> None:
    said = admission(counts, solved)
    full = any(count > limiting.SIGNUPS[rule][0] for rule, count in counts.items())
    assert (said == "no") is full
    if solved:
        assert said != "puzzle"
    elif said == "yes":
        assert admission(counts, "worked") == "yes"


@given(st.lists(st.integers(0, 300), max_size=30), st.integers(0, 59))
def test_a_flood_is_told_once_until_an_hour_has_gone_by_with_fewer(
    hours: list[int], minute: int
) -> None:
    """Looked at in any minute of each hour; 0 and 199 are no flood, 200 is one."""
    last, told = None, []
    for hour, count in enumerate(hours):
        now = NOW + timedelta(hours=hour) - timedelta(minutes=NOW.minute - minute)
        if said := limiting.flood(count, 200, last, now):
            last = limiting.window("everybody", now)
            told += [hour] if said == "begins" else []
        assert limiting.flood(count, 0, last, now) == ""
    over = [hour for hour, count in enumerate(hours) if count >= 200]
    assert told == [hour for hour in over if hour - 1 not in over]


@given(st.text(max_size=60), st.text(max_size=12))
def test_no_text_solves_a_puzzle(puzzle: str, said: str) -> None:
    assert puzzles.solved(puzzle, said, KEYS, NOW) == ""


def test_a_puzzle_of_the_far_future_is_none() -> None:
    sealed = puzzles.make(7, KEYS, datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    assert puzzles.solved(sealed, "1", KEYS, NOW) == ""
    assert puzzles.solved(puzzles.make(7, KEYS, NOW + timedelta(hours=1)), "1", KEYS, NOW) == ""


def test_windows_and_networks() -> None:
    until = limiting.window("network", NOW)
    assert until == datetime(2026, 3, 30, 2, tzinfo=UTC)
    assert limiting.window("network", until) == until + timedelta(hours=1)
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("testclient") == "unknown"


@ONE_ENGINE
def test_a_browser_does_the_sum_by_itself(site: str, relay: ScriptedRelay) -> None:
    for n in range(5):
        ask(site, n, ip="127.0.0.1")
    with chromium() as browser:
        page = browser.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text))
        page.goto(f"{site}/subscribe/snippet")
        page.set_content(
            f'<form method="post" action="{site}/subscribe">'
            '<input name="newsletter" value="weekly">'
            '<input name="email" value="worked@readers.example"><button>Go</button></form>'
        )
        page.get_by_role("button").click()
        page.get_by_role("heading", name="Look into your mail").wait_for()
    assert letters(relay, 6)[-1][0] == "worked@readers.example"
    assert [problem for problem in problems if "429" not in problem] == []


def test_no_time_tells_either_what_is_done_before_the_answer_is_the_same_for_all(
    house: House, site: str, relay: ScriptedRelay, hands: Clock
) -> None:
    """Counted, not timed: the statements before the answer, and the mails that are owed."""
    bob, dan, eve = (f"{name}@readers.example" for name in ("bob", "dan", "eve"))
    with house.database.writing() as session:
        roster.add(session, "ann@readers.example", "weekly", how="page", now=NOW, keys=KEYS)
        roster.suppress(session, bob, reason="operator", how="x", now=NOW, keys=KEYS)
        roster.suppress(session, eve, reason="bounce", how="x", now=NOW, keys=KEYS)
        gone = roster.add(session, dan, "weekly", how="page", now=NOW, keys=KEYS)
        roster.withdraw(session, gone, "weekly", how="page", now=NOW)
    before: list[str] = []

    def note(*told: object) -> None:
        # Who waits for an answer waits for these threads; the clerk and the mail have their own.
        if threading.current_thread().name.startswith("AnyIO"):
            before.append(str(told[2]))

    event.listen(house.database.engine, "before_cursor_execute", note)
    seen: dict[str, tuple[object, ...]] = {}
    ask(site, 1)  # what only the first of a window does is done
    for n, who in enumerate(("ann", "bob", "cat", "dan", "eve")):
        before.clear()
        told = {**TOLD, "email": f"{who}@readers.example"}
        ip = f"198.51.100.{n}"
        page = HTTP.post(f"{site}/subscribe", data=told, headers={"X-Forwarded-For": ip})
        text = page.text.replace(f"{who[0]}…", "…")
        seen[who] = (page.status_code, text, len(page.content), tuple(before))
    assert len(set(seen.values())) == 1
    assert len(str(seen["ann"][3]).split("tally")) > 3
    kinds = {to.split("@")[0]: subject for to, subject, _ in letters(relay, 5)}
    assert kinds == {
        "r1": "Please confirm: The Week",
        "ann": "You already get The Week",
        "cat": "Please confirm: The Week",
        "dan": "Please confirm: The Week",
        "eve": "Please confirm: The Week",
    }


def is_known(house: House, address: str) -> bool:
    with house.database.reading() as session:
        return roster.number_of(session, address) is not None


@ONE_ENGINE
def test_nobody_can_wait_for_the_mail_to_go(folder: Path, environ: dict[str, str]) -> None:
    """A relay that says nothing until the answers are there: also those on the same connection."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        with (
            open_house(folder, {**environ, "DIGEST_RELAY_PORT": port}) as house,
            served(house, Clock()) as site,
            asking(limits=httpx.Limits(max_connections=1)) as asker,
        ):
            told = {**TOLD, "email": "ann@readers.example"}
            assert asker.post(f"{site}/subscribe", data=told).status_code == 200
            waiting, _ = silent.accept()
            # And a second one is put down while the relay still says nothing.
            told["email"] = "ben@readers.example"
            assert asker.post(f"{site}/subscribe", data=told).status_code == 200
            until(lambda: is_known(house, "ben@readers.example"))
            assert asker.get(f"{site}/health").status_code == 200
            silent.close()
            waiting.close()
