"""A form of the desk -> one change, made and saved at once; and what is said when another was
quicker. Never here: what a change does to an issue, or to the history (`publish`).
"""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from digest import publish
from digest.desk.door import PAGE, Desk, Show
from digest.desk.issue import Sheets, changed
from digest.errors import Conflict, IssueError
from digest.publish import Change, DeskIssue, DeskStory, Rewrite
from subscribers.web.forms import Form, text

LONG = 20_000  # characters of a field; what is too long for an issue, publish says


def add(routes: APIRouter, desk: Desk, sheets: Sheets, show: Show) -> None:
    """`/edit` of an issue."""

    @routes.post("/{newsletter}/{number:issue}/edit")
    def edit(newsletter: str, number: int, request: Request, form: Form) -> Response:
        editor = desk.sitting(request)
        desk.refuse_forged(request, form)
        try:
            heard = _act(desk, newsletter, number, form, editor.name)
        except Conflict as error:
            again = [(name, value) for name, value in form.multi_items() if name != "version"]
            said = {"what": error.what, "remedy": error.remedy, "again": again}
            if "hx-request" in request.headers:
                return changed(sheets, show, request, newsletter, number, 409, **said)
            here = f"{desk.root}/{newsletter}/{number}"
            context = {**said, "here": here, "version": error.version, "editor": editor}
            return show("conflict", request, 409, **context)
        if "hx-request" in request.headers:
            return changed(sheets, show, request, newsletter, number, heard=heard)
        query = f"?{request.url.query}" if request.url.query else ""
        place = text(form, "story") or text(form, "article")
        anchor = f"#s-{place}" if place.isalnum() else ""
        return RedirectResponse(f"{desk.root}/{newsletter}/{number}{query}{anchor}", 303, PAGE)


def _act(desk: Desk, newsletter: str, number: int, form: FormData, by: str) -> str:
    """What was done, for those who do not see it."""
    version, now, do = _number(form, "version"), desk.clock(), text(form, "do")
    if do == "undo":
        publish.undo(desk.house, newsletter, version, by, now=now, number=number)
    elif do == "redo":
        publish.redo(desk.house, newsletter, version, by, now=now, number=number)
    else:
        change = change_of(form, publish.desk_issue(desk.house, newsletter, number))
        if isinstance(change, Rewrite) and change.headline is None and change.dek is None:
            return ""  # it stands there already
        publish.edit(desk.house, newsletter, version, by, change, now=now, number=number)
    done = publish.history(desk.house, newsletter, number, after=version)[:1]
    return "".join(
        f"{step.what[:1].upper()}{step.what[1:]}. Version {step.version} is saved." for step in done
    )


def change_of(form: FormData, issue: DeskIssue) -> Change:
    """What a form asks for. Raises IssueError for what no form of ours says."""
    do, story = text(form, "do"), text(form, "story")
    section, place = text(form, "section"), _number(form, "place") or None
    match do:
        case "move":
            return publish.MoveStory(story, section, place)
        case "drop":
            return publish.DropStory(story, text(form, "why", 500))
        case "bring":
            return publish.BringIn(text(form, "article"), section, place)
        case "pin" | "unpin":
            return publish.Pin(story, do == "pin")
        case "headline" | "dek":
            return _rewrite(form, issue, do, story)
        case "image":
            return _image(form, _told(issue, story))
        case "takeback":
            return publish.TakeBack(story)
        case _:
            return _words(form, issue, do)


def _words(form: FormData, issue: DeskIssue, do: str) -> Change:
    said = text(form, "text", LONG)
    match do:
        case "note":
            return publish.WriteNote(said)
        case "subject":
            second = issue.second_subject.own if issue.second_subject else ""
            return publish.Subjects(_own(said, issue.subject.original), second)
        case "second":
            return publish.Subjects(issue.subject.own, said)
        case "preheader":
            return publish.Preheader(_own(said, issue.preheader.original))
    raise IssueError("the desk has no such form", remedy="load the page again")


def _rewrite(form: FormData, issue: DeskIssue, do: str, story: str) -> Change:
    said = text(form, "text", LONG)
    told = _told(issue, story)
    if told is None:
        return Rewrite(story, said)  # which says that there is no such story
    if do == "headline":
        return Rewrite(story, headline=_new(said, told.headline, told.original_headline))
    return Rewrite(story, dek=_new(said, told.dek, told.original_dek))


def _new(said: str, now: str, original: str) -> str | None:
    """What an editor wrote; None where it stands there already."""
    return None if _own(said, now) == "" and said.strip() else _own(said, original)


def _told(issue: DeskIssue, story: str) -> DeskStory | None:
    listed = (*issue.trending, *issue.briefs, *issue.latest)
    everything: list[DeskStory] = [*issue.stories, *(e.story for e in listed if e.story)]
    return next((one for one in everything if one.name == story), None)


def _image(form: FormData, told: DeskStory | None) -> Change:
    story, url, alt = text(form, "story"), text(form, "url", 2000), text(form, "alt", LONG)
    if text(form, "own"):
        return publish.ChooseImage(story, None)
    if told and url != told.image.url and _own(alt, told.image.alt) == "":
        return publish.ChooseImage(story, url)  # the words stood there for the other picture
    return publish.ChooseImage(story, url, alt if "alt" in form else None)


def _own(said: str, original: str) -> str:
    """What an editor wrote; nothing where it is what stands there anyway."""
    return "" if " ".join(said.split()) == " ".join(original.split()) else said


def _number(form: FormData, name: str) -> int:
    said = text(form, name, 9)
    return int(said) if said.isascii() and said.isdigit() else 0
