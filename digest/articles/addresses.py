"""Addresses: the one form of a web address, and what makes two articles the same.

Never here: which articles tell the same story (selection).
"""

import hashlib
import re
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from digest.articles.text import INVISIBLE, headline_key

TRACKING = re.compile(
    r"^(utm_\w+|fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|_hsenc|_hsmi|ref_src)$"
)


def canonical(url: str) -> str:
    """The address without fragment, tracking parameters and default port; host in lower case.

    Anything but an absolute http(s) address gives "": nothing else may become a link in mail.
    """
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
    kept = [
        (k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.match(k)
    ]
    # A space at the end would be lost the next time that the address is read.
    path = re.sub(r"\s", lambda space: quote(space[0]), parts.path) or "/"
    return urlunsplit((parts.scheme.lower(), host, path, urlencode(kept), ""))


def fingerprint(url: str, headline: str) -> str:
    """See `Article.fingerprint`."""
    identity = re.sub(r"^https?://(www\.)?", "", canonical(url)).rstrip("/") or headline_key(
        headline
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:32]
