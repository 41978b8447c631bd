"""The verbs of `digest issues` that change an issue, and take back what was changed."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from digest.cli.desk import By, Desk, Issue, editable, edits, tell
from digest.cli.door import (
    MOST,
    Json,
    Newsletter,
    Seen,
    fail,
    login_name,
    now,
    opened,
    print_json,
    say,
)

if TYPE_CHECKING:
    from digest.publish import Change, DeskIssue, House

app = typer.Typer()
Named = Annotated[
    str, typer.Argument(help="Its address, its headline, or the beginning of its name.")
]
Section = Annotated[str | None, typer.Option(help="Where it stands.")]
Position = Annotated[int | None, typer.Option(min=1, max=MOST, help="From 1 within its section.")]


@app.command()
@edits
def pin(
    desk: Desk, article: Named, section: Section = None, position: Position = None
) -> "Iterator[Change]":
    """Keep a story in the issue, or bring an article in, whatever its age and the limits.

    Example: digest issues pin 3fa9 --section Global --position 1
    """
    from digest.publish import BringIn, Pin

    if name := desk.standing(article):
        yield Pin(name, section=section or "", place=position)
    elif desk.issue:
        yield BringIn(desk.house.article(article).fingerprint, section or "", position)
    else:
        where = {"section": section, "position": position}
        desk.decide(article, pinned=True, excluded=False, **where)


@app.command()
@edits
def unpin(desk: Desk, article: Named) -> "Iterator[Change]":
    """Let the next draft decide again whether a story stays in, and where.

    Example: digest issues unpin 3fa9
    """
    from digest.publish import Pin

    if name := desk.standing(article):
        yield Pin(name, pinned=False)
    else:
        desk.decide(article, pinned=False)


@app.command()
@edits
def drop(
    desk: Desk,
    article: Named,
    why: Annotated[str, typer.Option(help="For the history and `articles explain`.")] = "",
) -> "Iterator[Change]":
    """Take a story, or an entry of a list, out and keep it out until that is undone.

    Example: digest issues drop 3fa9 --why "not confirmed"
    """
    from digest.publish import DropStory

    if name := desk.standing(article):
        yield DropStory(name, why)
    else:
        desk.decide(article, excluded=True, pinned=False, why=why)


@app.command()
@edits
def move(
    desk: Desk, article: Named, section: Section = None, position: Position = None
) -> "Iterator[Change]":
    """Put a story into another section, or to a position in its section.

    Example: digest issues move 3fa9 --section Opinion --position 2
    """
    from digest.publish import MoveStory

    if section is None and position is None:
        fail("nothing to move to", "say --section, --position, or both", 2)
    if name := desk.standing(article):
        yield MoveStory(name, section or "", position)
    else:
        desk.decide(article, section=section, position=position)


@app.command()
@edits
def order(
    desk: Desk,
    section: Annotated[str, typer.Argument(help="Which section.")],
    articles: Annotated[list[str], typer.Argument(help="What comes first in it, in this order.")],
) -> "Iterator[Change]":
    """Put stories of a section into an order; those that are not named follow as they were.

    Example: digest issues order Global 3fa9
    """
    from digest.publish import Arrange

    names = [desk.standing(word) or desk.house.article(word).fingerprint for word in articles]
    yield Arrange(section, tuple(names))


@app.command()
@edits
def edit(
    desk: Desk,
    article: Named,
    headline: Annotated[str | None, typer.Option(help="In the place of its own.")] = None,
    dek: Annotated[str | None, typer.Option(help="In the place of its own.")] = None,
    image: Annotated[
        str | None, typer.Option(help="The URL of one of its pictures; none; or own.")
    ] = None,
    alt: Annotated[str | None, typer.Option(help='What the picture shows; "" for nothing.')] = None,
) -> "Iterator[Change]":
    """Write a headline or dek of your own, choose the picture; "" brings the article's back.

    Example: digest issues edit 3fa9 --headline "Grain deal holds"
    Example: digest issues edit 3fa9 --image none
    """
    from digest.publish import ChooseImage, Rewrite

    if headline is dek is image is alt is None:
        fail("nothing to write", "say --headline, --dek, --image, --alt, or several", 2)
    name = desk.standing(article)
    if not name and (image is not None or alt is not None):
        fail(f"“{article}” does not stand in the issue", "pin it first", 1)
    if not name:
        desk.decide(article, headline=headline, dek=dek)
        return
    if headline is not None or dek is not None:
        yield Rewrite(name, headline, dek)
    if image is not None or alt is not None:
        yield ChooseImage(name, _picture(desk, name, image, alt), alt)


def _picture(desk: Desk, name: str, image: str | None, alt: str | None) -> str | None:
    """The URL of the picture that is meant; "" is none, None the article's own as it is."""
    if alt is None and image is not None:
        return {"none": "", "own": None, "": None}.get(image, image)
    told = next((s for s in desk.issue.told if s.name == name), None) if desk.issue else None
    own, now = (told.original_image.url, told.image.url) if told else ("", "")
    url = {None: now, "none": "", "own": own, "": own}.get(image, image)
    if not url:
        fail("there is no picture that --alt could describe", "choose one by --image URL", 2)
    return url


@app.command()
@edits
def note(
    desk: Desk,
    text: Annotated[
        str | None, typer.Argument(help='Markdown; - reads it from the input; "" takes it out.')
    ] = None,
) -> "Iterator[Change]":
    """Write the editors' note above the stories; without a text, show it.

    Paragraphs, lists ("- "), **bold**, *italic* and [words](https://address).

    Example: digest issues note "Good morning. *Five* stories, two views."
    Example: digest issues note - < note.md
    """
    from digest.publish import WriteNote

    if text is None:
        sys.stdout.write(f"{desk.issue.note}\n" if desk.issue and desk.shows else "")
    else:
        yield WriteNote(sys.stdin.read() if text == "-" else text)


@app.command()
@edits
def subject(
    desk: Desk,
    text: Annotated[str | None, typer.Argument(help='"" is that of the headlines.')] = None,
    second: Annotated[
        str | None, typer.Option(help='Half of the readers get this one; "" takes it out.')
    ] = None,
    preheader: Annotated[
        str | None, typer.Option(help='Behind the subject; "" is that of the headlines.')
    ] = None,
) -> "Iterator[Change]":
    """Write the subject, a second one, the preheader; without any, show how inboxes cut them.

    Of two subjects each reader gets the same one whenever the issue is sent, and `digest status`
    tells how many got and left by each. Whether a mail is opened, nobody tracks.

    Example: digest issues subject "Grain deal holds" --second "Six states share a reserve"
    Example: digest issues subject
    """
    from digest.publish import Preheader, Subjects
    from digest.terminal.desk import show_lines

    if desk.issue and desk.shows and text is second is preheader is None:
        show_lines(desk.issue)
    if text is not None or second is not None:
        now_second = desk.issue.second_subject if desk.issue else None
        kept = now_second.own if now_second else ""
        first = desk.issue.subject.own if desk.issue else ""
        yield Subjects(first if text is None else text, kept if second is None else second)
    if preheader is not None:
        yield Preheader(preheader)


@app.command()
@edits
def again(desk: Desk, article: Named) -> "Iterator[Change]":
    """Let a story that an earlier issue carried into the next draft, marked as updated.

    Example: digest issues again 3fa9
    """
    desk.decide(article, again=True, excluded=False)
    yield from ()


@app.command()
def undo(
    context: typer.Context,
    article: Annotated[
        str, typer.Argument(help="Take back all that was decided about this one instead.")
    ] = "",
    steps: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    newsletter: Newsletter = None,
    issue: Issue = None,
    version: Seen = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Take back the last change; or all that was decided about an article and its copies.

    Example: digest issues undo
    Example: digest issues undo 3fa9
    """
    with opened(context) as house:
        after = (
            _take_back(house, article, newsletter, issue, version, by)
            if article
            else _step(house, "undo", steps, newsletter, issue, version, by)
        )
    if as_json and after:
        print_json(after)


@app.command()
def redo(
    context: typer.Context,
    steps: Annotated[int, typer.Option(min=1, help="How many.")] = 1,
    newsletter: Newsletter = None,
    issue: Issue = None,
    version: Seen = None,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Do again what was taken back last.

    Example: digest issues redo
    """
    with opened(context) as house:
        after = _step(house, "redo", steps, newsletter, issue, version, by)
    if as_json:
        print_json(after)


def _step(
    house: "House",
    way: Literal["undo", "redo"],
    steps: int,
    newsletter: str | None,
    number: int | None,
    version: int | None,
    by: str,
) -> "DeskIssue":
    from digest import publish

    who, act = by or login_name(), publish.undo if way == "undo" else publish.redo
    at = publish.desk_issue(house, newsletter, number)
    for done in range(steps):
        if done and not (at.undo if way == "undo" else at.redo):
            say(f"nothing is left to {'take back' if way == 'undo' else 'do again'}")
            break
        # Without --version a command means the issue as it is now.
        base = at.version if done or version is None else version
        after = act(house, newsletter, base, who, now=now(), number=at.number)
        tell(after, publish.history(house, newsletter, at.number, after=base)[0].what)
        at = after
    return at


def _take_back(
    house: "House",
    article: str,
    newsletter: str | None,
    number: int | None,
    version: int | None,
    by: str,
) -> "DeskIssue | None":
    from digest import publish

    name, _ = house.newsletter(newsletter)
    at = editable(house, name, number)
    if at is None or not (story := publish.name_in(house, at, article)):
        for found in publish.undecide(house, name, article):
            say(f"nothing is decided about “{found.headline}” any more; next: digest prepare")
        return at
    who, change = by or login_name(), publish.TakeBack(story)
    base = at.version if version is None else version
    after = publish.edit(house, name, base, who, change, now=now(), number=at.number)
    if after.version == at.version:
        fail(f"nothing was decided about {article}", "`digest issues history` shows what was", 1)
    tell(after, after.undo)
    return after
