"""Rules on where the issue's links go, and the look-up of dead ones. Never here: the network."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from digest.edition import Issue
from digest.preflight.case import Case, Finding, Says, rule
from digest.rendering import notes

LONG = 2000  # characters; some clients cut there
SHORTENERS = frozenset(
    {"bit.ly", "buff.ly", "cutt.ly", "goo.gl", "is.gd", "lnkd.in", "ow.ly", "rb.gy", "rebrand.ly",
     "shorturl.at", "t.co", "t.ly", "tiny.cc", "tinyurl.com"}
)  # fmt: skip
HERE_ONLY = (".local", ".localhost", ".internal", ".lan", ".test", ".invalid", ".home.arpa")

Fetch = Callable[[Sequence[str]], Mapping[str, int]]
"""Looks addresses up: the HTTP status of each, or 0 where nothing answers."""


@rule("link-missing", "warning")
def link_missing(case: Case) -> Says:
    """A story without a link is a promise without an article."""
    for story in case.issue.stories:
        if not story.url:
            yield (
                f"story “{story.headline[:60]}”",
                f"“{story.headline}” has no link.",
                "Add the story's address, or let it stand alone.",
            )


@rule("link-not-http", "error")
def link_not_http(case: Case) -> Says:
    """Only http and https addresses can be followed from a mail."""
    for headline, url in linked(case.issue):
        if not re.match(r"https?://[^/\s]", url):
            yield (
                f"link of “{headline[:60]}”",
                f"“{headline}” links to {url!r}.",
                "Use an address with http:// or https://.",
            )


@rule("link-not-https", "warning")
def link_not_https(case: Case) -> Says:
    """Over http anybody on the way can read and change the page."""
    for headline, url in linked(case.issue):
        if url.startswith("http://"):
            yield (
                f"link of “{headline[:60]}”",
                f"“{headline}” links to {url}, which is not https.",
                "Use the https address, if the site has one.",
            )


@rule("link-to-number", "warning")
def link_to_number(case: Case) -> Says:
    """Filters take a link to an IP address for phishing."""
    for headline, url in linked(case.issue):
        if _is_number(host_of(url)):
            yield (
                f"link of “{headline[:60]}”",
                f"“{headline}” links to the IP address {host_of(url)}.",
                "Use the site's name.",
            )


@rule("link-local", "warning")
def link_local(case: Case) -> Says:
    """A reader outside cannot reach a machine of your own network."""
    for headline, url in linked(case.issue):
        host = host_of(url)
        if host and not _is_number(host) and ("." not in host or host.endswith(HERE_ONLY)):
            yield (
                f"link of “{headline[:60]}”",
                f"“{headline}” links to {host}, which only your network knows.",
                "Use the public address.",
            )


@rule("link-shortened", "warning")
def link_shortened(case: Case) -> Says:
    """Shorteners hide where a link goes; spammers use them, so filters count them."""
    for headline, url in linked(case.issue):
        if host_of(url).removeprefix("www.") in SHORTENERS:
            yield (
                f"link of “{headline[:60]}”",
                f"“{headline}” links through the shortener {host_of(url)}.",
                "Use the full address.",
            )


@rule("link-with-password", "error")
def link_with_password(case: Case) -> Says:
    """An address with a user's name and password in it gives them to every reader."""
    for headline, url in linked(case.issue):
        if "@" in url.partition("//")[2].partition("/")[0]:
            yield (
                f"link of “{headline[:60]}”",
                f"The link of “{headline}” has a user name in it.",
                "Take what stands before the @ out of the address.",
            )


@rule("link-long", "warning")
def link_long(case: Case) -> Says:
    """Some mail clients cut addresses of more than 2,000 characters."""
    for headline, url in linked(case.issue):
        if len(url) > LONG:
            yield (
                f"link of “{headline[:60]}”",
                f"The link of “{headline}” has {len(url):,} characters.",
                "Use a shorter address of the same page.",
            )


def dead_links(issue: Issue, fetch: Fetch) -> list[Finding]:
    """Look each address of the issue up once, by the function handed in; what did not answer."""
    named = {url: name for name, url in linked(issue) if re.match(r"https?://[^/]", url)}
    found = []
    for url, status in fetch(list(named)).items():
        where = f"link of “{named[url][:60]}”"
        if status in {404, 410}:
            what = f"{url} is gone (HTTP {status})."
            found.append(Finding("link-dead", "error", where, what, "Correct or drop the link."))
        elif not 200 <= status < 400:
            said = f"answers with HTTP {status}" if status else "does not answer"
            remedy = "Open it in a browser before you send."
            found.append(Finding("link-doubtful", "warning", where, f"{url} {said}.", remedy))
    return found


ONLINE = (
    ("link-dead", "error", "With `--online`: the page of a link is gone (HTTP 404 or 410)."),
    ("link-doubtful", "warning", "With `--online`: a link did not answer, or with an error."),
)


def linked(issue: Issue) -> Iterator[tuple[str, str]]:
    """Every link of an issue that there is: what it is called, and its address."""
    yield from ((name, url) for name, url in _all(issue) if url)


def _all(issue: Issue) -> Iterator[tuple[str, str]]:
    yield from ((story.headline, story.url) for story in issue.stories)
    for story in issue.stories:
        yield from ((other.source, other.url) for other in story.others)
    for entries in (issue.trending, issue.briefs, issue.latest):
        yield from ((entry.headline, entry.url) for entry in entries)
    yield from issue.publisher.links
    yield issue.publisher.name, issue.publisher.url
    yield "Terms", issue.publisher.terms_url
    yield "Tell the editors", issue.publisher.feedback_url
    yield from (link for link in notes.links(issue.note) if not link[1].startswith("mailto:"))


def host_of(url: str) -> str:
    """The host of an address, in lower case; "" where there is none to be made out."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
