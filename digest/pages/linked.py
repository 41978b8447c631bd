"""JSON-LD: the objects of a page that describe its article, however badly they are written.

Here live schema.org's types and how references between objects are followed. Never here: what of
it is believed when the page says something else (metadata).
"""

import html as entities
import json
import re
from collections.abc import Iterator
from typing import Any

from lxml import html

from digest.articles import headline_key, plain

ARTICLE_TYPE = re.compile(r"(?:Article|Posting|Report|Review|^schema:Article)$")
LARGEST = 1_000_000  # characters of one script
SCRIPTS, NODES, LEVELS = 40, 2_000, 12
NESTED = (
    "@graph",
    "mainEntity",
    "mainEntityOfPage",
    "article",
    "hasPart",
    "breadcrumb",
    "subjectOf",
)
OPENED, CLOSED = ("<![CDATA[", "<!--"), ("]]>", "-->")  # what may stand about a script's value
TYPED = re.compile(r'"@type"\s{0,20}:\s{0,20}\[?\s{0,20}"([A-Za-z]{4,40})"')
PROPERTY = re.compile(
    r'"(headline|datePublished|dateModified|articleSection|inLanguage)"\s{0,20}:\s{0,20}'
    r'"([^"\\\n]{1,300})"\s{0,20}[,}]'
)
AUTHOR = re.compile(
    r'"author"\s{0,20}:[^"\]}]{0,20}(?:"@type"[^,}]{0,40},\s{0,20})?"name"\s{0,20}:\s{0,20}"([^"\\\n]{1,100})"'
)
SALVAGED = 20_000  # characters of a broken script
COMMA = re.compile(r",(?=\s{0,200}[}\]])")
CONTROL = re.compile("[\u0000-\u001f]")

Node = dict[str, Any]


class Linked:
    """The JSON-LD of one page: its article, and whatever that refers to by `@id`."""

    def __init__(self, root: html.HtmlElement) -> None:
        self.nodes = list(_all_nodes(root))
        self.known = {
            node["@id"]: node
            for node in reversed(self.nodes)
            if isinstance(node.get("@id"), str) and len(node) > 1
        }
        self.article: Node = {}

    def choose(self, titles: list[str], url: str) -> None:
        """Take for the page's article the one that it is titled after, else the first."""
        articles = [node for node in self.nodes if _is_article(node)]
        keys = [headline_key(title) for title in titles]

        def fit(node: Node) -> int:
            names = [
                headline_key(w) for w in (*self.words(node, "headline"), *self.words(node, "name"))
            ]
            titled = any(
                n and (k.startswith(n) or n.startswith(k)) for n in names for k in keys if k
            )
            return 2 * titled + (bool(url) and url in self.words(node, "url"))

        self.article = max(articles, key=fit, default={})
        if len(articles) > 1 and titles and not fit(self.article):
            # A list of other articles: none of them has a word of what the page is titled after.
            named = self.words(self.article, "headline") + self.words(self.article, "name")
            if _long_words(titles).isdisjoint(_long_words(named)):
                self.article = {}

    def page(self) -> Node:
        """The object for the page as a whole, for what the article's own leaves out."""
        return next((n for n in self.nodes if "WebPage" in _types(n)), {})

    def breadcrumbs(self) -> list[str]:
        """The names of the page's place in its site, from the front page on."""
        for node in self.nodes:
            if "BreadcrumbList" in _types(node):
                steps = node.get("itemListElement")
                return (
                    [
                        word
                        for step in steps
                        if isinstance(step, dict)
                        for word in (self.words(step, "name") or self.words(step, "item"))[:1]
                    ]
                    if isinstance(steps, list)
                    else []
                )
        return []

    def words(self, node: Node, key: str) -> list[str]:
        """The plain texts of a property: a text, an object with a name, or a list of either."""
        return [text for text in (plain(raw) for raw in self.texts(node.get(key))) if text]

    def texts(self, value: Any, key: str = "name", level: int = 0) -> list[str]:
        """As `words`, of a value and unchanged: for addresses."""
        if level > LEVELS:
            return []
        if isinstance(value, list):
            return [text for item in value[:50] for text in self.texts(item, key, level + 1)]
        if isinstance(value, dict):
            return self._object_texts(value, key, level)
        # JSON can carry half of a surrogate pair, which no text may contain.
        return [value.encode("utf-8", "ignore").decode()] if isinstance(value, str) else []

    def _object_texts(self, value: Node, key: str, level: int) -> list[str]:
        value = self.resolved(value)
        for name in (key, "@list", "@value", "@graph", "author"):
            if name in value and (found := self.texts(value[name], key, level + 1)):
                return found
        parts = [value.get("givenName"), value.get("familyName")] if key == "name" else []
        name = " ".join(part for part in parts if isinstance(part, str))
        return [name] if name else []

    def resolved(self, value: Any) -> Node:
        """An object, or the one that it refers to."""
        while isinstance(value, list) or (isinstance(value, dict) and "@list" in value):
            value = value["@list"] if isinstance(value, dict) else (value[0] if value else None)
        if not isinstance(value, dict):
            return {}
        reference = value.get("@id")
        if len(value.keys() - {"@type"}) == 1 and isinstance(reference, str):
            return self.known.get(reference, value)
        return value


def _long_words(texts: list[str]) -> set[str]:
    return {
        word for text in texts for word in re.findall(r"\w{4,}|[^\x00-\u2fff]", text.casefold())
    }


def _all_nodes(root: html.HtmlElement) -> Iterator[Node]:
    scripts = root.xpath('//script[contains(@type, "ld+json")]')
    count = 0
    for script in scripts[:SCRIPTS]:
        for value in _loaded(script.text or ""):
            for node in _nodes(value, 0):
                count += 1
                if count > NODES:
                    return
                yield node


def _loaded(text: str) -> list[Any]:
    """The values of one script. Commas too many, comments and escapes too many are forgiven."""
    text = text[:LARGEST].strip()
    for _ in range(2):
        text = _unwrapped(text.rstrip("; \n"))
    unescaped = entities.unescape(text) if "&quot;" in text[:200] and '"' not in text[:20] else text
    for attempt in (text, unescaped, COMMA.sub("", CONTROL.sub(" ", unescaped))):
        try:
            return _decoded(attempt)
        except (ValueError, RecursionError):
            continue
    return _salvaged(text)


def _unwrapped(text: str) -> str:
    """A stripped text without one pair of marks about it, which may stand behind "//"."""
    # No pattern: one that looks for spaces before a mark reads each run of spaces over and over.
    inner = text.removeprefix("//").lstrip()
    for mark in OPENED:
        if inner.startswith(mark):
            text = inner.removeprefix(mark).lstrip()
    for mark in CLOSED:
        if text.endswith(mark):
            text = text.removesuffix(mark).rstrip().removesuffix("//").rstrip()
    return text


def _salvaged(text: str) -> list[Any]:
    """What can be made out of a script that is no JSON: the plain properties of its article."""
    kind = TYPED.search(text)
    if kind is None or not ARTICLE_TYPE.search(kind[1]):
        return []
    node: Node = {"@type": kind[1]}
    for found in PROPERTY.finditer(text[:SALVAGED]):
        node.setdefault(found[1], found[2])
    if author := AUTHOR.search(text[:SALVAGED]):
        node["author"] = author[1]
    return [node]


def _decoded(text: str) -> list[Any]:
    """One value, or several in a row."""
    made: list[Any] = []
    decoder, at = json.JSONDecoder(strict=False), 0
    while at < len(text) and len(made) < SCRIPTS:
        value, end = decoder.raw_decode(text, at)
        made.append(value)
        rest = re.compile(r"[\s,;]*").match(text, end)
        at = rest.end() if rest else end
    return made


def _nodes(value: Any, level: int) -> Iterator[Node]:
    if level > LEVELS:
        return
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
            for key in NESTED:
                if isinstance(item.get(key), (list, dict)):
                    yield from _nodes(item[key], level + 1)


def _types(node: Node) -> list[str]:
    stated = node.get("@type")
    kinds = stated if isinstance(stated, list) else [stated]
    return [kind.rpartition("/")[2].rpartition(":")[2] for kind in kinds if isinstance(kind, str)]


def _is_article(node: Node) -> bool:
    return any(ARTICLE_TYPE.search(kind) for kind in _types(node))
