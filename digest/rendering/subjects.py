"""Subject and preheader: what an inbox shows of an edition before it is opened."""

from dataclasses import dataclass

from digest.articles import tidy
from digest.edition import Edition
from digest.rendering.languages import Language

SUBJECT_LENGTH = 70
PREHEADER_LENGTH = 110
# Characters of subject and preheader that inboxes were seen to show of English text. Wide letters,
# a larger type or a narrower window show fewer: the table tells where to be short, no more.
INBOXES = (("Gmail on a phone", 37, 40), ("Apple Mail on a phone", 48, 99),
           ("Gmail on a desktop", 70, 110))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cut:
    """How an inbox shows a line: `shown` ends with an ellipsis where it is not `whole`."""

    where: str
    shown: str
    whole: bool


def inbox_cuts(text: str, *, preheader: bool = False) -> tuple[Cut, ...]:
    """What inboxes show of a subject, or of a preheader; about, see INBOXES."""
    rooms = ((where, behind if preheader else first) for where, first, behind in INBOXES)
    return tuple(
        Cut(where, text if len(text) <= room else text[: room - 1].rstrip() + "…",
            len(text) <= room)
        for where, room in rooms
    )  # fmt: skip


def subject_of(edition: Edition) -> str:
    """The editor's subject, else the lead's headline and how many more there are (<= 70).

    In the second half of an issue with two subjects, the second.
    """
    if edition.second and edition.issue.second_subject:
        return tidy(edition.issue.second_subject)
    if edition.issue.subject:
        return tidy(edition.issue.subject)
    language = Language(edition.spoken)
    headlines = _headlines(edition)
    if not headlines:
        return tidy(issue_name(edition))
    if len(headlines) == 1:
        return shortened(tidy(headlines[0]), SUBJECT_LENGTH)

    def with_more(headline: str) -> str:
        return language.ngettext(
            "%(headline)s; %(count)s more", "%(headline)s; %(count)s more",
            len(headlines) - 1, headline=headline,
        )  # fmt: skip

    return with_more(shortened(tidy(headlines[0]), SUBJECT_LENGTH - len(with_more(""))))


def preheader_of(edition: Edition) -> str:
    """The editor's preheader, else the next two headlines, else the lead's dek (<= 110)."""
    if edition.issue.preheader:
        return tidy(edition.issue.preheader)
    headlines = _headlines(edition)[1:3]
    deks = [story.dek for story in edition.stories[:1]]
    return shortened(tidy(" · ".join(headlines or deks)), PREHEADER_LENGTH)


def issue_name(edition: Edition) -> str:
    """For instance "The Week, issue 12"."""
    language = Language(edition.spoken)
    number = language.number(edition.issue.number)
    return language.gettext("%(title)s, issue %(number)s", title=edition.issue.title, number=number)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, cut between words where one ends in time, with an ellipsis."""
    if len(text) <= length:
        return text
    kept = text[:length]
    if " " in kept[length // 2 :]:
        kept = kept[: kept.rindex(" ")]
    return kept[: length - 1].rstrip(" ,;:.–—-") + "…"


def _headlines(edition: Edition) -> list[str]:
    stories = [story.headline for story in edition.stories]
    return stories or [trend.headline for trend in edition.trending]
