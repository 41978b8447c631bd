"""Two subjects: half of the readers get each, the same one always, and both are accounted for."""

from dataclasses import replace

from digest import publish
from digest.edition import cut, subject_for
from digest.publish import House, Subjects
from digest.rendering import subject_of
from subscribers.preferences import EVERYTHING, Preferences
from tests.conftest import NOW
from tests.issues import example_issue
from tests.relay import ScriptedRelay
from tests.sending import Clock, approved, join, mailed

ISSUE = replace(example_issue(), subject="Grain holds", second_subject="Six states share")
EVERYBODY = {f"reader{n}@readers.example": EVERYTHING for n in range(6)}


def second(subscriber: int, number: int = 12) -> bool:
    edition = cut(replace(ISSUE, number=number), EVERYTHING)
    assert edition
    return subject_for(edition, subscriber).second


def test_half_of_the_readers_get_each_and_not_the_same_half_of_every_issue() -> None:
    got = [second(subscriber) for subscriber in range(10_000)]
    # Six standard deviations of an even coin.
    assert abs(sum(got) - 5_000) < 300
    same = sum(second(subscriber, 13) == had for subscriber, had in enumerate(got))
    assert abs(same - 5_000) < 300
    assert [second(subscriber) for subscriber in range(100)] == got[:100]


def test_an_issue_with_one_subject_has_one_edition_of_a_kind() -> None:
    edition = cut(replace(ISSUE, second_subject=""), EVERYTHING)
    assert edition
    assert all(subject_for(edition, subscriber) is edition for subscriber in range(20))


def test_the_key_of_an_edition_tells_its_subject_apart() -> None:
    edition = cut(ISSUE, Preferences(frozenset({"Global"})))
    assert edition
    both = edition, replace(edition, second=True)
    assert [subject_of(one) for one in both] == ["Grain holds", "Six states share"]
    assert [one.key for one in both] == ["html:Global", "html:Global#2"]


def test_both_subjects_go_out_and_are_counted(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    join(house, EVERYBODY)
    number = approved(house, clock).issue.number
    at = publish.desk_issue(house, None).version
    both = Subjects("Grain holds", "Six states share")
    publish.edit(house, None, at, "ann", both, now=NOW)
    publish.approve(house, None, number, by="ben", now=NOW)
    account = publish.send(house, clock=clock)
    subjects = {taken.recipient: _subject(taken.data) for taken in relay.accepted}
    assert set(mailed(relay).values()) == {1}
    assert set(subjects.values()) == {"Grain holds", "Six states share"}
    first, other = account.subjects
    for told in (first, other):
        assert told.sent == list(subjects.values()).count(told.subject)
    assert first.sent + other.sent == account.counts["sent"]
    assert (first.left, other.left) == (0, 0)


def _subject(data: bytes) -> str:
    line = next(one for one in data.decode().splitlines() if one.startswith("Subject: "))
    return line.removeprefix("Subject: ")
