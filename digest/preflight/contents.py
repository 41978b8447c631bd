"""Rules on what stands in the issue: stories, sections, pictures. Never here: how it looks."""

from collections import Counter
from datetime import timedelta

from digest.articles import headline_key
from digest.preflight.case import Case, Says, rule

HEADLINE = 120
DEK = 600
STALE = timedelta(days=30)
SECTION_STALE = timedelta(days=14)
NOT_YET = timedelta(days=1)


@rule("no-stories", "error")
def no_stories(case: Case) -> Says:
    """An issue without a story is not worth a mail."""
    if not case.issue.stories:
        yield "issue", "The issue has no story.", "Collect the sources again, or pin a story."


@rule("section-empty", "error")
def section_empty(case: Case) -> Says:
    """A section's heading must have a story beneath it."""
    for section in case.issue.sections:
        if not section.stories:
            yield (
                f"section {section.name}",
                f"The section “{section.name}” has no story.",
                "Add a story or drop the section.",
            )


@rule("section-stale", "warning")
def section_stale(case: Case) -> Says:
    """A section whose newest story is more than 14 days old looks abandoned."""
    for section in case.issue.sections:
        dates = [story.published for story in section.stories]
        known = [date for date in dates if date]
        if known and len(known) == len(dates) and case.issue.at - max(known) > SECTION_STALE:
            yield (
                f"section {section.name}",
                f"The newest story of “{section.name}” is of {max(known):%d %B %Y}.",
                "Add a newer story or drop the section.",
            )


@rule("title-empty", "error")
def title_empty(case: Case) -> Says:
    """The newsletter's title stands in the masthead and in the headers."""
    if not case.issue.title.strip():
        yield "masthead", "The newsletter has no title.", "Give it a title in digest.toml."


@rule("headline-empty", "error")
def headline_empty(case: Case) -> Says:
    """A story without a headline cannot be found or followed."""
    for story in case.issue.stories:
        if not story.headline.strip():
            yield (
                f"story {story.url or '(no link)'}",
                "A story has no headline.",
                "Write one, or drop the story.",
            )


@rule("headline-long", "warning")
def headline_long(case: Case) -> Says:
    """A headline of more than 120 characters takes half of a phone's screen."""
    for story in case.issue.stories:
        if len(story.headline) > HEADLINE:
            yield (
                _story(story.headline),
                f"“{story.headline[:60]}…” is a long headline.",
                f"Shorten it to {HEADLINE} characters.",
            )


@rule("headline-shouting", "warning")
def headline_shouting(case: Case) -> Says:
    """A headline all in capitals is hard to read, and filters count capitals."""
    for story in case.issue.stories:
        if shouts(story.headline):
            yield (
                _story(story.headline),
                f"“{story.headline}” is written in capitals.",
                "Write it as a sentence.",
            )


@rule("story-stale", "warning")
def story_stale(case: Case) -> Says:
    """A story that is more than 30 days older than the issue is hardly news."""
    for story in case.issue.stories:
        if story.published and case.issue.at - story.published > STALE:
            yield (
                _story(story.headline),
                f"“{story.headline}” is of {story.published:%d %B %Y}.",
                "Drop it, or say in its summary why it is told now.",
            )


@rule("story-not-yet", "warning")
def story_not_yet(case: Case) -> Says:
    """A story dated a day or more after the issue has a wrong date, or is under embargo."""
    for story in case.issue.stories:
        if story.published and story.published - case.issue.at > NOT_YET:
            yield (
                _story(story.headline),
                f"“{story.headline}” is dated {story.published:%d %B %Y}, after the issue.",
                "Correct the date at the source, or keep the story back.",
            )


@rule("duplicate-story", "warning")
def duplicate_story(case: Case) -> Says:
    """The same article or the same headline must not be told twice in an issue."""
    counts = Counter(story.fingerprint for story in case.issue.stories)
    keys = Counter(headline_key(story.headline) for story in case.issue.stories)
    named = dict.fromkeys(
        story.headline
        for story in case.issue.stories
        if counts[story.fingerprint] > 1 or keys[headline_key(story.headline)] > 1
    )
    for headline in named:
        yield (
            _story(headline),
            f"“{headline}” is in the issue more than once.",
            "Keep one of them.",
        )


@rule("dek-missing", "warning")
def dek_missing(case: Case) -> Says:
    """A headline without a summary says too little to choose by."""
    for story in case.issue.stories:
        if not story.dek.strip():
            yield (
                _story(story.headline),
                f"“{story.headline}” has no summary.",
                "Write a sentence or two beneath it.",
            )


@rule("dek-long", "warning")
def dek_long(case: Case) -> Says:
    """A summary of more than 600 characters is an article."""
    for story in case.issue.stories:
        if len(story.dek) > DEK:
            yield (
                _story(story.headline),
                f"The summary of “{story.headline}” has {len(story.dek)} characters.",
                f"Shorten it to {DEK}.",
            )


@rule("image-alt", "warning")
def image_alt(case: Case) -> Says:
    """Half of all readers see no pictures at first: the description stands in for them."""
    for story in case.issue.stories:
        if story.image.url and not story.image.alt.strip():
            yield (
                _story(story.headline),
                f"The picture of “{story.headline}” is not described.",
                "Write its alt text.",
            )


@rule("image-not-https", "warning")
def image_not_https(case: Case) -> Says:
    """Mail clients load pictures through https only; others are left out of the mail."""
    for story in case.issue.stories:
        if story.image.url and not story.image.url.startswith("https://"):
            yield (
                _story(story.headline),
                f"The picture of “{story.headline}” is not on https and is left out.",
                "Give it an https address.",
            )


@rule("postal-address-missing", "error")
def postal_address_missing(case: Case) -> Says:
    """The law of many countries asks for the sender's postal address in every issue."""
    if not case.issue.publisher.postal_address.strip():
        yield (
            "footer",
            "The footer has no postal address.",
            "Set postal_address in digest.toml: law asks for it.",
        )


def shouts(text: str) -> bool:
    """Whether a text of several words is all in capitals."""
    letters = [character for character in text if character.isalpha()]
    return len(letters) > 10 and " " in text and all(letter.isupper() for letter in letters)


def _story(headline: str) -> str:
    return f"story “{headline[:60]}”"
