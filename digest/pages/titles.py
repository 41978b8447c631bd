"""Titles: the headline among all that a page calls itself, without the name of the site.

Never here: where in the markup the titles stand (metadata).
"""

import re

from digest.articles import headline_key

SEPARATOR = re.compile(r"\s+(?:[|–—:·•»«/\\-]|::|--)+\s+|\s*[|｜：]\s*|:\s+(?=[^:]{1,40}$)")
CUT = re.compile(r"\s*(?:\.\.\.|…)$")
DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4}")
LONGEST = 400  # characters of a headline
TAILS = 4  # "Headline - date - section - site - country"


def headline_of(
    linked: list[str],
    tagged: list[str],
    shown: list[str],
    marked: list[str],
    titles: list[str],
    sites: list[str],
) -> str:
    """The page's headline; "" where there is none.

    `linked` is what its JSON-LD says, `tagged` its meta tags, `shown` its h1, `marked` what is
    marked as headline, `titles` its title: in this order they are believed, but where one is only
    the beginning of what is shown.
    """
    whole = [headline_key(text) for text in (*shown, *marked, *titles)]
    # JSON-LD may have a headline and a name: the page is titled after the right one.
    fitting = [text for text in linked if any(headline_key(text) in key for key in whole)]
    named = next(iter([*fitting, *linked, *tagged]), "")
    if not named or headline_key(named) in {headline_key(site) for site in sites}:
        return _unnamed(shown, marked, titles, sites)[:LONGEST].rstrip()
    return _uncut(without_site(named, shown, sites), [*shown, *tagged])[:LONGEST].rstrip()


def tails(titles: list[str], shown: list[str]) -> list[str]:
    """What a page's title has behind the headline that it shows: the names of its site."""
    behind = (title[len(text) :] for title in titles for text in shown if title.startswith(text))
    cut = (
        SEPARATOR.match(f" {rest.strip()}") and rest.strip(" |–—:·•»-") for rest in behind if rest
    )
    return [tail for tail in cut if tail and len(tail) < 60]


def without_site(title: str, shown: list[str], sites: list[str]) -> str:
    """The title without " - Name of the Site", which the page shows or names elsewhere."""
    for text in shown:
        if (
            len(text) > 10
            and title != text
            and re.match(re.escape(text) + r"\s*(?:[|–—·•»:-]|\s-)\s", title)
        ):
            return text
    keys = [headline_key(site) for site in sites]
    for _ in range(TAILS):
        cuts = [*SEPARATOR.finditer(title)]
        if not cuts:
            return title
        head, tail = title[: cuts[-1].start()], title[cuts[-1].end() :]
        first, rest = title[: cuts[0].start()], title[cuts[0].end() :]
        if _names_site(tail, keys) and len(head) > 3:
            title = head
        elif _names_site(first, keys) and len(rest) > 15:
            title = rest
        else:
            return title
    return title


def _names_site(text: str, keys: list[str]) -> bool:
    key = headline_key(text)
    return (
        bool(key)
        and any(
            key == site
            or (len(key) > 3 and site.startswith(key))
            or (len(site) > 4 and key.startswith(site) and len(key) < len(site) + 12)
            for site in keys
            if site
        )
    ) or bool(DATE.fullmatch(text.strip()))


def _unnamed(shown: list[str], marked: list[str], titles: list[str], sites: list[str]) -> str:
    """What the page marks as its headline; else the h1 that its title begins with or holds."""
    if marked:
        return marked[0]
    keys = [headline_key(title) for title in titles]
    houses = {headline_key(site) for site in sites}
    # A site writes its own name behind the headline, and often in an h1 as well.
    fresh = [
        text for text in shown if headline_key(text) not in houses and not _is_tail(text, keys)
    ]
    for text in fresh:
        if len(headline_key(text)) > 5 and any(headline_key(text) in key for key in keys):
            return text
    stripped = [without_site(title, shown, [*sites, *shown]) for title in titles if title]
    if stripped and not fresh:
        return _first_part(stripped[0]) if stripped[0] in titles else stripped[0]
    return next(iter([*fresh, *stripped]), "")


def _is_tail(text: str, keys: list[str]) -> bool:
    key = headline_key(text)
    return any(title.endswith(key) and 2 * len(key) < len(title) for title in keys)


def _first_part(title: str) -> str:
    """The title before its last stroke, where enough stands before it."""
    cuts = [*re.finditer(r"\s+(?:[|–—·•»-]|::)\s+|\s*\|\s*", title)]
    if not cuts:
        return title
    head, tail = title[: cuts[-1].start()], title[cuts[-1].end() :]
    return head if len(head) >= 15 and len(tail.split()) <= 5 else title


def _uncut(headline: str, others: list[str]) -> str:
    """Search engines take 110 characters of a headline: where it was cut, the whole one."""
    beginning = headline_key(CUT.sub("", headline))
    if len(beginning) > 12 and (CUT.search(headline) or len(headline) > 90):
        longer = [
            text
            for text in others
            if headline_key(text).startswith(beginning) and not CUT.search(text)
        ]
        return next(
            (text for text in longer if len(text) > len(headline) or CUT.search(headline)), headline
        )
    return headline
