"""Markdown with front matter (YAML or TOML) is read as a page: so a desk keeps its own pieces.

Here lives which keys of the front matter mean what. Never here: how lines become text (lines).
"""

import re
import tomllib
from typing import Any

import yaml
from markdown_it import MarkdownIt

from digest.articles import canonical, language_of, plain
from digest.errors import SourceError
from digest.pages.bylines import names_of
from digest.pages.joining import Page
from digest.pages.layout import read_lines
from digest.pages.markup import parse, visible_lines
from digest.pages.metadata import Metadata
from digest.pages.pictures import Shown, shown_picture
from digest.pages.tags import join

FENCED = re.compile(
    r"\A\s*(?P<fence>---|\+\+\+)[ \t]*\n(?P<front>.{0,20000}?)\n(?P=fence)[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
TITLED = re.compile(r"\A\s*#\s+\S.{0,400}(?:\n|\Z)")
# What stands between two rules may also be text, which is no front matter gone wrong.
KEYED = re.compile(r"\A(?:\s*#[^\n]*\n)*\s*[\w.-]{1,60}\s*[:=]")
APART = re.compile(r"[,،，;]")
BODY_AT_MOST = 200_000  # characters
DEK = ("description", "dek", "summary", "standfirst", "subtitle", "excerpt", "lead")
PUBLISHED = ("date", "published", "publishdate", "pubdate", "published_at", "datepublished")
UPDATED = ("lastmod", "updated", "modified", "updated_at", "last_modified_at")
PICTURE = ("image", "cover", "featured_image", "featuredImage", "hero", "thumbnail", "images")


def is_markdown(text: str) -> bool:
    """Whether a text begins with front matter, or with a Markdown headline ("# ...")."""
    return bool(FENCED.match(text) or TITLED.match(text))


def read_markdown(text: str, source: str) -> Page:
    """A Markdown text as a page.

    Raises SourceError for a draft, and for front matter that can't be read.
    """
    fenced = FENCED.match(text)
    front = _front(fenced["fence"], fenced["front"], source) if fenced else {}
    if _is_draft(front):
        raise SourceError(
            f"The page of {source} is a draft.",
            remedy="Take draft (or published: false) out of its front matter when it may go out.",
        )
    body = text[fenced.end() if fenced else 0 :][:BODY_AT_MOST]
    root = parse(f"<article>{MarkdownIt('commonmark', {'html': False}).render(body)}</article>")
    meta = _metadata(front)
    lines = visible_lines(root, meta.url) if root is not None else []
    found = read_lines(
        lines, meta.headline or next((line.text for line in lines if line.title), "")
    )
    shown = shown_picture(root, meta.image_url, meta.url) if root is not None else None
    return Page(found, meta, shown or Shown(meta.image_url, meta.image_alt, "", main=True))


def _is_draft(front: dict[str, Any]) -> bool:
    drafted, published = (str(front.get(key, "")).lower() for key in ("draft", "published"))
    return drafted in {"true", "yes", "on"} or published in {"false", "no", "off"}


def _front(fence: str, text: str, source: str) -> dict[str, Any]:
    try:
        # The base loader knows texts, lists and maps: no dates, no objects.
        read = tomllib.loads(text) if fence == "+++" else yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        if not KEYED.match(text):
            return {}
        raise SourceError(
            f"The front matter of the page of {source} can't be read{_where(error)}.",
            remedy="Put a text that has a colon, a quote or a bracket in it between quotes.",
        ) from error
    return (
        {str(key).lower(): value for key, value in read.items()} if isinstance(read, dict) else {}
    )


def _where(error: Exception) -> str:
    """The line that an error names, where it does; the fence is the first."""
    mark = getattr(error, "problem_mark", None)
    return f": see line {mark.line + 2}" if mark else ""


def _metadata(front: dict[str, Any]) -> Metadata:
    url = canonical(
        _first(front, "canonical_url", "canonical", "canonicalurl", "url", "link", "permalink")
    )
    picture = next((front[k.lower()] for k in PICTURE if front.get(k.lower())), "")
    words = _words(picture)
    image = picture if isinstance(picture, dict) else {}
    return Metadata(
        headline=_first(front, "title", "headline"),
        url=url,
        deks=tuple(_all(front, *DEK)),
        byline=names_of(_all(front, "author", "authors", "byline")[:6]),
        published=tuple(_all(front, *PUBLISHED)),
        updated=tuple(_all(front, *UPDATED)),
        section=_first(front, "section", "category", "categories", "kicker"),
        categories=_each(_all(front, "tags", "keywords", "topics")),
        image_url=canonical(join(url, next(iter(words), ""))) if words else "",
        image_alt=_first(front, "image_alt", "alt") or _first(image, "alt", "description"),
        image_caption="",
        image_credit=_first(front, "image_credit", "credit", "image_caption")
        or _first(image, "credit", "caption"),
        language=language_of(_first(front, "lang", "language", "locale")),
        site="",
        sectors=_each(_all(front, "sectors", "sector")),
    )


def _each(words: list[str]) -> tuple[str, ...]:
    """Every word once; a single text may name several, with commas between."""
    apart = APART.split(words[0]) if len(words) == 1 else words
    return tuple(dict.fromkeys(filter(None, (word.strip() for word in apart))))


def _words(value: Any) -> list[str]:
    """The texts of a value: a text, a map with a name or an address, or a list of either."""
    if isinstance(value, list):
        return [word for item in value[:50] for word in _words(item)]
    if isinstance(value, dict):
        found = (value.get(key) for key in ("name", "title", "url", "src", "image", "path"))
        return next((_words(item) for item in found if item), [])
    text = plain(str(value)) if value is not None and not isinstance(value, bool) else ""
    return [text] if text and text.lower() not in {"null", "~"} else []


def _all(front: dict[str, Any], *keys: str) -> list[str]:
    return [word for key in keys for word in _words(front.get(key))]


def _first(front: dict[str, Any], *keys: str) -> str:
    return next(iter(_all(front, *keys)), "")
