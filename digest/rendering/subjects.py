"""Subject and preheader: what an inbox shows of an edition before it is opened."""

from digest.articles import tidy
from digest.edition import Edition
from digest.rendering.languages import Language

SUBJECT_LENGTH = 70
PREHEADER_LENGTH = 110


def subject_of(edition: Edition) -> str:
    """The editor's subject, else the lead's headline and how many more there are (<= 70)."""
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
