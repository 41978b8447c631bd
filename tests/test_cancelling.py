"""A cancelled issue stays cancelled, and ends as what had gone out ends."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive, ledger, publish
from digest.errors import IssueError
from digest.outcomes import Deferred, Reply, Sent
from digest.publish import House, Timing, open_house
from digest.publish.frequency import readers_of
from digest.terminal.sending import show_account
from subscribers import roster
from subscribers.preferences import FREQUENCIES
from tests.conftest import NOW
from tests.faulty import Clock, environ
from tests.relay import ScriptedRelay
from tests.replies import DROP
from tests.sending import ANN, BEN, CHANDRA, DORA, approved, later, mailed, prepared

__all__ = ["environ"]


def test_a_cancelled_issue_stays_cancelled(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", ANN, "450 4.2.1 later")
    publish.send(house, clock=clock)

    assert publish.cancel(house, house.issue("weekly"), why="wrong", by="ann", now=NOW) == 1
    account = publish.send(house, clock=later(60))

    assert account.record.state == "cancelled"
    assert account.counts == {"sent": 3, "skipped": 2}
    assert mailed(relay)[ANN] == 0
    with pytest.raises(IssueError, match="cancelled"):
        publish.resume(house, account.record, by="ann", now=NOW)
    with pytest.raises(IssueError, match="cancelled"):
        publish.resolve(house, account.record, "refused", "resend", by="ann", now=NOW)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_everybody_has_cannot_be_cancelled(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    approved(house, clock)
    relay.will("rcpt", BEN, "550 5.7.1 not now")
    seen = house.issue("weekly")
    publish.send(house, clock=clock)
    for record in (house.issue("weekly"), seen):
        with pytest.raises(IssueError, match="issue 1 is sent, so it cannot be cancelled"):
            publish.cancel(house, record, why="", by="ann", now=NOW)
    assert house.issue("weekly").state == "sent"

    # What a person has brought back to be sent again, can be.
    publish.resolve(house, record, "refused", "resend", by="ann", now=NOW)
    assert publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW) == 1


def test_cancelled_before_anything_went_out_nobody_gets_it(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    with house.database.writing() as session:
        ledger.freeze(session, record.id, roster.audience("weekly"), NOW)
        archive.set_state(session, record.id, "sending", NOW)

    assert publish.cancel(house, record, why="wrong", by="ann", now=NOW) == 5

    account = publish.send(house, clock=clock)
    assert (account.record.state, account.counts) == ("cancelled", {"skipped": 5})
    assert (account.control, account.why) == ("cancelled", "ann: wrong")
    assert {line.reason for line in publish.readers(house, record, ("skipped",))} == {"cancelled"}
    assert relay.connections == 0


def test_what_is_on_the_wire_of_a_cancelled_issue_ends_as_it_ends(
    house: House, relay: ScriptedRelay, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    record = approved(house, clock)
    with house.database.writing() as session:
        ledger.freeze(session, record.id, roster.audience("weekly"), NOW)
        archive.set_state(session, record.id, "sending", NOW)
        sender = ledger.enlist(session, "elsewhere:1:", timedelta(minutes=1), NOW)
        one, two, *_ = ledger.claim(session, record.id, sender, NOW, 3)
        intents = [ledger.Intent(d, "html:", f"<{d.id}@x>") for d in (one, two)]
        ledger.intend(session, intents, sender, "relay:25", NOW)

    # What is claimed and not begun is called off, too; the wire is not.
    assert publish.cancel(house, record, why="wrong", by="ann", now=NOW) == 3
    account = publish.account(house, record)
    assert account.counts == {"inflight": 2, "skipped": 3}
    assert account.next_at is None
    show_account(account, NOW)
    assert "issue 1 · sending, cancelled (ann: wrong)" in capsys.readouterr().err

    # Who is presumed dead may hear the reply to a dot for ten minutes more.
    with house.database.writing() as session:
        late = NOW + timedelta(minutes=2)
        reaped = ledger.reap(session, late, grace=Timing().grace, resend=True)
        assert (reaped.waiting, reaped.resent) == (2, 0)
    assert publish.account(house, record).next_at == NOW + timedelta(minutes=11)

    policy = ledger.Policy(True, timedelta(days=1))
    with house.database.writing() as session:
        taken = ledger.Result(one, Sent(Reply(250, "2.0.0 OK")))
        later_ = ledger.Result(two, Deferred(Reply(450, "4.2.1 later")))
        ledger.record(session, [taken, later_], sender, NOW, policy)
        ledger.retire(session, sender, NOW)
    account = publish.send(house, clock=later(60))
    assert (account.record.state, account.counts) == ("cancelled", {"sent": 1, "skipped": 4})
    assert relay.connections == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_in_doubt_of_a_cancelled_issue_stays_so_until_a_person_knows(
    house: House, folder: Path, environ: dict[str, str], relay: ScriptedRelay, clock: Clock
) -> None:
    record = approved(house, clock)
    relay.will("dot", ANN, DROP)
    with open_house(folder, {**environ, "DIGEST_RELAY_ON_AMBIGUOUS": "resend"}) as resending:
        sent = publish.send(resending, clock=clock)  # Ann would get it once more in five minutes
    assert sent.counts == {"sent": 3, "skipped": 1, "deferred": 1}

    assert publish.cancel(house, record, why="wrong", by="ann", now=NOW) == 0

    account = publish.account(house, record)
    assert (account.record.state, account.counts) == (
        "cancelled", {"sent": 3, "skipped": 1, "unknown": 1},
    )  # fmt: skip
    assert [line.address for line in publish.readers(house, record, ("unknown",))] == [ANN]
    with pytest.raises(IssueError, match="cancelled, so it cannot be sent again"):
        publish.resolve(house, record, "unknown", "resend", by="ann", now=NOW)
    assert publish.resolve(house, record, "unknown", "sent", by="ann", now=NOW).moved == 1
    account = publish.account(house, record)
    assert (account.record.state, account.counts) == ("cancelled", {"sent": 4, "skipped": 1})


@pytest.mark.parametrize("verb", ["pause", "resume", "cancel", "approve"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_brings_a_cancelled_issue_back(
    house: House, relay: ScriptedRelay, clock: Clock, verb: str
) -> None:
    approved(house, clock)
    relay.will("rcpt", ANN, "450 4.2.1 later")
    publish.send(house, clock=clock)
    publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW)
    record = house.issue("weekly")
    verbs: dict[str, Callable[[], object]] = {
        "pause": lambda: publish.pause(house, record, why="", by="ann", now=NOW),
        "resume": lambda: publish.resume(house, record, by="ann", now=NOW, anyway=True),
        "cancel": lambda: publish.cancel(house, record, why="", by="ann", now=NOW),
        "approve": lambda: publish.approve(house, "weekly", 1, by="ann", now=NOW),
    }
    with pytest.raises(IssueError, match="cancelled"):
        verbs[verb]()
    publish.run(house, clock=later(1))
    assert house.issue("weekly", 1).state == "cancelled"
    assert mailed(relay)[ANN] == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("had_it", "first"), [(4, False), (1, True)])
def test_a_cancelled_issue_is_the_week_s_only_if_half_of_its_readers_had_it(
    house: House, relay: ScriptedRelay, clock: Clock, had_it: int, first: bool
) -> None:
    for address in (BEN, CHANDRA, DORA)[: 4 - had_it]:
        relay.will("rcpt", address, "450 4.2.1 later")
    approved(house, clock)
    assert publish.send(house, clock=clock).counts["sent"] == had_it
    if had_it == 4:
        assert house.issue("weekly").state == "sent"
        with house.database.writing() as session:
            archive.set_state(session, house.issue("weekly").id, "cancelled", NOW)
    else:
        publish.cancel(house, house.issue("weekly"), why="", by="ann", now=NOW)

    prepared(house, later(60))

    wanted = readers_of(house, house.issue("weekly", 2)).frequencies
    assert wanted == (FREQUENCIES if first else {"each"})
