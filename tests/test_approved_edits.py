"""Changes and approval: what was approved, what asks for it again, what is out."""

import pytest

from digest import archive, publish
from digest.errors import Conflict, IssueError
from digest.publish import (
    DropStory,
    House,
    Rewrite,
    Subjects,
    WriteNote,
    checking,
    open_house,
    preparing,
)
from tests.changing import desk, edited, news, now
from tests.conftest import NOW
from tests.drafts import ENVIRON
from tests.test_stories import COLUMN, GRAIN, prepared

__all__ = ["desk"]


def test_approval_follows_the_content(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    approved = now(desk)
    assert (approved.state, approved.content_hash) == ("approved", approved.approved_hash)
    changed = edited(desk, Rewrite(GRAIN.fingerprint, headline="Hold"), Subjects("One"),
                     DropStory(COLUMN.fingerprint))  # fmt: skip
    assert (changed.state, changed.approved_by) == ("draft", "ben")
    found = publish.changes(desk, None)
    assert found is not None
    assert {(d.kind, d.headline, d.before, d.after) for d in found.differences} == {
        ("subject", "", "", "One"),
        ("headline", "Hold", GRAIN.headline, "Hold"),
        ("gone", COLUMN.headline, "Opinion, place 1", ""),
    }
    with pytest.raises(IssueError, match="was changed after it was approved"):
        publish.send(desk, clock=lambda: NOW)
    for _ in range(3):
        back = publish.undo(desk, None, now(desk).version, "ann", now=NOW)
    assert (back.state, back.content_hash) == ("approved", approved.approved_hash)
    found = publish.changes(desk, None)
    assert found is not None
    assert found.differences == ()


def test_undone_under_another_template_it_is_not_what_was_approved(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    issue = edited(desk, WriteNote("Hello"))
    own = desk.settings.folder / "templates"
    own.mkdir()
    (own / "issue.txt.jinja").write_text("Another form\n", encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.undo(later, None, issue.version, "ann", now=NOW).state == "draft"


def test_what_is_saved_while_an_approval_is_made_is_not_approved(
    desk: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def examined_then_saved(house: House, record: publish.IssueRecord) -> None:
        examine(house, record)
        own = desk.settings.folder / "templates"
        own.mkdir()
        (own / "issue.txt.jinja").write_text("Another form\n", encoding="utf-8")

    examine = checking.refuse_errors
    monkeypatch.setattr(preparing, "refuse_errors", examined_then_saved)
    before = publish.content_hash(desk, desk.issue("weekly"))
    approved = publish.approve(desk, None, None, by="ben", now=NOW)
    assert approved.approved_hash == before
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, approved) != before


def test_what_changes_after_all_was_read_is_not_approved_either(desk: House) -> None:
    looks = iter([True, False])
    with pytest.raises(Conflict, match="changed since you looked"):
        publish.approve(desk, None, None, by="ben", now=NOW, as_seen=lambda: next(looks))
    assert desk.issue("weekly").state == "draft"


@pytest.mark.parametrize(
    ("old", "new"), [("The Week <weekly@", "A Week <weekly@"), ('"weekly.news', '"other.news')]
)
def test_another_sender_or_list_asks_for_approval_again(desk: House, old: str, new: str) -> None:
    before = publish.content_hash(desk, desk.issue("weekly"))
    toml = desk.settings.folder / "digest.toml"
    assert old in toml.read_text("utf-8")
    toml.write_text(toml.read_text("utf-8").replace(old, new), encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, later.issue("weekly")) != before


@pytest.mark.parametrize("few", ["language == 'ar'", "all_sections | length == 1"])
def test_what_only_some_readers_would_see_asks_for_approval_again(desk: House, few: str) -> None:
    own = desk.settings.folder / "templates"
    own.mkdir()
    (own / "issue.txt.jinja").write_text("{% include 'foot.txt.jinja' %}\n", encoding="utf-8")
    hashes = []
    for words in ("One", "Another"):
        branch = f"{{% if {few} %}}{words}{{% endif %}}Form"
        (own / "foot.txt.jinja").write_text(branch, encoding="utf-8")
        with open_house(desk.settings.folder, ENVIRON) as later:
            hashes.append(publish.content_hash(later, later.issue("weekly")))
    assert hashes[0] != hashes[1]


def test_the_pages_are_no_part_of_what_is_approved(desk: House) -> None:
    before = publish.content_hash(desk, desk.issue("weekly"))
    own = desk.settings.folder / "templates" / "web"
    own.mkdir(parents=True)
    (own / "page.html.jinja").write_text("Another page\n", encoding="utf-8")
    with open_house(desk.settings.folder, ENVIRON) as later:
        assert publish.content_hash(later, later.issue("weekly")) == before


def test_what_is_out_can_not_be_changed(desk: House) -> None:
    publish.approve(desk, None, None, by="ben", now=NOW)
    with desk.database.writing() as session:
        archive.set_state(session, desk.issue("weekly").id, "sending", NOW)
    with pytest.raises(IssueError, match="issue 1 is being sent"):
        edited(desk, WriteNote("Too late"))
    assert not now(desk).editable


def test_an_approved_issue_that_is_edited_is_drafted_before_the_next(
    desk: House,
) -> None:
    publish.approve(desk, None, 1, by="ben", now=NOW)
    news(desk, "Alder")
    assert prepared(desk, hours=1).record.issue.number == 2
    first = publish.desk_issue(desk, None, 1)
    publish.edit(desk, None, first.version, "ann", WriteNote("Hello"), now=NOW, number=1)
    # Number 1 is a draft again, so that is what a new draft is of; its note stays.
    assert prepared(desk, hours=1).record.issue.number == 1
    assert publish.desk_issue(desk, None, 1).note == "Hello"
    publish.approve(desk, None, 1, by="ben", now=NOW)
    news(desk, "Birch", hours=1)
    assert prepared(desk, hours=2).record.issue.number == 2
