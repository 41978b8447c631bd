"""Addresses: the one form of a web address, and what makes two articles the same.

Never here: which articles tell the same story (selection).
"""

import hashlib
import re
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode, urlsplit, urlunsplit

from digest.articles.text import INVISIBLE, headline_key

# What only tells where a reader came from. Not `id`, `p`, `story`, or a bare `ref` with an article
# behind it: pages are found by those.
TRACKING = re.compile(
    r"^(?:utm_\w+|at_(?:medium|campaign|link\w*|ptr_name|bbc_team|format|custom\d*)|mc_[ce]id"
    r"|ns_\w+"
    r"|fb(?:clid|_\w+)|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|ttclid|li_fat_id"
    r"|igshid"
    r"|igsh|_hs(?:enc|mi)|hs(?:CtaTracking|a_\w+)|mkt_tok|vero_\w+|wt_mc|wt\.mc_\w+|cmp|cmpid"
    r"|cmpn?id"
    r"|icid|intcid|int_cid|ncid|s?cid_?source|smid|smtyp|partner|rss|xtor|ocid|ito|cvid|taid|trk"
    r"|ref_(?:src|url|source)|referrer|soc_(?:src|trk)|guccounter|guce_referrer\w*|spm|share_\w+"
    r"|from_?rss|rssfeed|oly_(?:anon|enc)_id|__twitter_impression|s_cid|pk_\w+"
    r"|mtm_\w+|dm_i|ml_subscriber\w*|_ga|_gl|campaign_?id|emc|sref|srnd|traffic_?source"
    r"|amp_js_v|usqp|amp_gsa)$",
    re.IGNORECASE,
)
# Words that say where one came from, where their value is one of the known places.
CAME_FROM = re.compile(r"^(?:ref|src|source|from|via|origin)$", re.IGNORECASE)
PLACES = re.compile(
    r"^(?:rss(?:[_-]?feed)?|feed|atom|xml|home\w*|hp|(?:[\w.-]+-)?newsletter|email|mail|twitter|tw|x"
    r"|facebook|fb"
    r"|linkedin|whatsapp|telegram|social\w*|google\w*|share\w*|app|push|trending|related\w*)$",
    re.IGNORECASE,
)
AS_WRITTEN = "%/:?@!$&'()*+,;=~-._[]{}|^"
ADDRESS_AT_MOST = 4096  # characters: no browser or mail program is sure to follow longer ones
AMP_QUERY = {
    ("amp", ""),
    ("amp", "1"),
    ("amp", "true"),
    ("outputtype", "amp"),
    ("m", "1"),
    ("mobile", "1"),
    ("view", "amp"),
    ("format", "amp"),
    ("type", "amp"),
}
AMP_HOST = re.compile(r"^(?:www|m|amp|mobile|mob|touch)\.(?=[^.]+\.)")
AMP_PATH = re.compile(r"^/(?:amp|m|mobile)(?=/.+)|/amp(?:\.html?)?/?$|[._-]amp(?=\.html?$|/?$)")
# The cache of AMP pages, and what a search engine puts before them.
CACHED = re.compile(
    r"^https?://(?:[\w-]+\.cdn\.ampproject\.org/[cv]/(?:s/)?|www\.google\.\w+/amp/(?:s/)?)",
    re.IGNORECASE,
)


def canonical(url: str) -> str:
    """The address without fragment, tracking parameters and default port; host in lower case.

    It keeps working: http stays http, and a mobile address stays one. Anything but an absolute
    http(s) address gives "": nothing else may become a link in mail.
    """
    if len(url) > ADDRESS_AT_MOST:
        return ""
    try:
        parts = urlsplit(INVISIBLE.sub("", url).strip())
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or parts.username:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port and port != {"http": 80, "https": 443}[parts.scheme.lower()]:
        host = f"{host}:{port}"
    # A space at the end would be lost the next time that the address is read.
    path = re.sub(r"\s", lambda space: quote(space[0]), parts.path) or "/"
    made = urlunsplit((parts.scheme.lower(), host, path, _query(parts.query), ""))
    return made if len(made) <= ADDRESS_AT_MOST else ""


def secured(picture: str, page: str) -> str:
    """A picture's address: with https, where its page has the same host and is served so.

    Mail programs show no other pictures. One of another host stays as it is: nobody said that it
    can be had by https.
    """
    own, other = urlsplit(page), urlsplit(picture)
    same = own.netloc.removeprefix("www.") == other.netloc.removeprefix("www.")
    secure = same and own.scheme == "https" and other.scheme == "http"
    return urlunsplit(other._replace(scheme="https")) if secure else picture


def fingerprint(url: str, headline: str) -> str:
    """See `Article.fingerprint`."""
    identity = _identity(canonical(url)) or headline_key(headline)
    return hashlib.sha256(identity.encode()).hexdigest()[:32]


def _query(query: str) -> str:
    """What is left of a query, to the letter: a server may have signed it, or know no other."""
    kept = (part for part in query.split("&") if part and not _tracks(*_pair(part)))
    return quote("&".join(kept), safe=AS_WRITTEN)


def _pair(part: str) -> tuple[str, str]:
    key, _, value = part.partition("=")
    return unquote_plus(key), unquote_plus(value)


def _tracks(key: str, value: str) -> bool:
    return bool(TRACKING.match(key) or (CAME_FROM.match(key) and PLACES.match(value)))


def _identity(url: str) -> str:
    """What an article's addresses have in common: scheme, www., m., amp and order don't count."""
    if not url:
        return ""
    if cached := CACHED.match(url):
        url = f"https://{url[cached.end() :]}"
    parts = urlsplit(url)
    host = AMP_HOST.sub("", AMP_HOST.sub("", parts.netloc))
    path = AMP_PATH.sub("", AMP_PATH.sub("", parts.path).rstrip("/")).rstrip("/")
    kept = [
        pair
        for pair in parse_qsl(parts.query, keep_blank_values=True)
        if (pair[0].lower(), pair[1].lower()) not in AMP_QUERY
    ]
    return host + path + (f"?{urlencode(sorted(kept))}" if kept else "")
