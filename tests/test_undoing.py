"""Whatever editors do at the desk, undo gives what was before and redo what came after."""

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest import archive, publish
from digest.articles import Listed
from digest.edition import Issue
from digest.errors import Conflict, IssueError
from digest.publish import (
    Arrange,
    BringIn,
    Change,
    ChooseImage,
    DropStory,
    MoveStory,
    Pin,
    Preheader,
    Rewrite,
    Subjects,
    TakeBack,
    WriteNote,
    open_house,
)
from digest.selection import Decision
from tests.conftest import NOW, SECRET
from tests.test_stories import ALL, GRAIN, SETTINGS, WORLD

MORE = tuple(
    replace(GRAIN, headline=f"{word} burns", url=f"{WORLD}/{word}", dek=f"{word} is on fire.",
            published=NOW - timedelta(hours=30 + n))
    for n, word in enumerate(("Alder", "Birch", "Cedar", "Dogwood"))
)  # fmt: skip
NAMES = st.sampled_from([article.fingerprint for article in (*ALL, *MORE)])
SECTIONS = st.sampled_from(["", "Global", "Opinion", "Globe", "Trending"])
PLACES = st.none() | st.integers(0, 5)
WORDS = st.sampled_from(["", "One", "Two words", " One "])
EXAMPLES = 400 if os.environ.get("DIGEST_HYPOTHESIS") == "torture" else 4
CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.builds(MoveStory, NAMES, SECTIONS, PLACES),
    st.builds(Arrange, SECTIONS, st.lists(NAMES, max_size=3).map(tuple)),
    st.builds(DropStory, NAMES, WORDS),
    st.builds(BringIn, NAMES, SECTIONS, PLACES),
    st.builds(Pin, NAMES, st.booleans(), SECTIONS, PLACES),
    st.builds(Rewrite, NAMES, st.none() | WORDS, st.none() | WORDS),
    st.builds(ChooseImage, NAMES, st.sampled_from([None, "", "https://wire.example/p.jpg"])),
    st.builds(TakeBack, NAMES),
    st.builds(WriteNote, WORDS),
    st.builds(Subjects, WORDS, WORDS),
    st.builds(Preheader, WORDS),
)
Content = tuple[Issue, list[Decision]]


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("undoing")
    (made / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(made, {}) as house:
        with house.database.writing() as session:
            archive.keep(session, (*ALL, *MORE), NOW)
            archive.keep_listed(session, "front", [Listed(1, "Lights out early")], NOW)
        publish.prepare(house, None, now=NOW)
    return made


def test_undo_and_redo_lead_back_and_forth(drafted: Path) -> None:
    class Desk(_Desk):
        folder = drafted

    steps = settings(max_examples=EXAMPLES, stateful_step_count=16, deadline=None)
    run_state_machine_as_test(Desk, settings=steps)


class _Desk(RuleBasedStateMachine):
    """The model: the contents before, the content now, and the contents undone."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        own = shutil.copytree(self.folder, Path(self._folder.name) / "desk")
        self._opened = open_house(own, {"DIGEST_WEB_SECRET": SECRET})
        self.house = self._opened.__enter__()
        self.before: list[Content] = []
        self.undone: list[Content] = []
        self.version = 0

    def teardown(self) -> None:
        """Close what was opened."""
        self._opened.__exit__(None, None, None)
        self._folder.cleanup()

    @initialize()
    def look(self) -> None:
        """The draft as it was made."""
        self.now = self.content()

    @rule(change=CHANGES)
    def edit(self, change: Change) -> None:
        """Refused, or of no effect, or a step."""
        refused: list[IssueError] = []
        try:
            publish.edit(self.house, None, self.version, "ann", change, now=NOW)
        except IssueError as error:
            refused = [error]
        assert all(error.remedy and not isinstance(error, Conflict) for error in refused)
        if publish.desk_issue(self.house, None).version > self.version:
            assert not refused
            self.stepped()

    @rule()
    def draft_anew(self) -> None:
        """The selection once more: what an editor did to it stays."""
        publish.prepare(self.house, None, now=NOW)
        held = [word for word in self.now[1] if word.held or word.excluded]
        old, new = self.now[0], self.content()[0]
        standing = {s.fingerprint: each.name for each in new.sections for s in each.stories}
        for word in held:
            seated = word.position is not None and not word.excluded
            assert standing.get(word.fingerprint, "") == (word.section if seated else "")
        assert (new.note, new.subject, new.preheader) == (old.note, old.subject, old.preheader)
        self.stepped()

    @precondition(lambda self: self.before)
    @rule()
    def undo(self) -> None:
        """What was before is now, in the issue and in what was decided."""
        publish.undo(self.house, None, self.version, "ann", now=NOW)
        self.undone.append(self.now)
        self.now = self.before.pop()
        self.version += 1

    @precondition(lambda self: self.undone)
    @rule()
    def redo(self) -> None:
        """What was undone last is now."""
        publish.redo(self.house, None, self.version, "ben", now=NOW)
        self.before.append(self.now)
        self.now = self.undone.pop()
        self.version += 1

    @rule()
    def come_too_late(self) -> None:
        """An editor with an older version writes nothing."""
        with pytest.raises(Conflict):
            publish.edit(self.house, None, self.version - 1, "ben", WriteNote("late"), now=NOW)

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        """The content, the version, the ways back and forth, and the history."""
        assert self.content() == self.now
        issue = publish.desk_issue(self.house, None)
        assert issue.version == self.version
        assert (issue.can_undo, issue.can_redo) == (bool(self.before), bool(self.undone))
        history = publish.history(self.house, None)
        assert [line.version for line in history] == list(range(self.version + 1))
        names = [story.name for story in issue.stories]
        names += [entry.name for entry in issue.trending]
        assert len(names) == len(set(names))
        assert all(section.stories for section in self.now[0].sections)

    def stepped(self) -> None:
        """The model takes a step."""
        self.before.append(self.now)
        self.undone.clear()
        self.now = self.content()
        self.version += 1

    def content(self) -> Any:
        """The issue, and what holds for it."""
        with self.house.database.reading() as session:
            issue = archive.issue(session, "weekly").issue
            return issue, archive.decisions(session, "weekly", issue.number)
