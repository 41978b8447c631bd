"""Sources: bytes from the web or the disk, with limits, handed to feeds and pages.

I/O only: a conditional GET (RFC 9110 section 13.1), at most `MOST_BYTES`, at most `DEADLINE`
seconds in all, redirects followed by hand. Never here: what the bytes mean (feeds, pages),
what is remembered of a source (archive).
"""

import ipaddress
import socket
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

import httpx

from digest.articles import Reading
from digest.errors import FetchError, SourceError
from digest.feeds import is_feed, read_feed
from digest.pages import read_page

MOST_BYTES = 5_000_000
DEADLINE = 20.0
MOST_REDIRECTS = 5
AGENT = "Digest/0.1 (newsletter; +https://pypi.org/project/digest/)"

Kind = Literal["feed", "page", "folder", "auto"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where to read: `place` is a URL or an absolute path. `timezone` is for dates naming none."""

    name: str
    kind: Kind
    place: str
    section: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server gave to ask "changed since?" with; both may be empty."""

    etag: str = ""
    last_modified: str = ""


UNKNOWN = Validators()


@dataclass(frozen=True, slots=True)
class Visit:
    """What a visit brought; `reading` is None where the server says that nothing changed."""

    reading: Reading | None
    validators: Validators = UNKNOWN


def visit(source: Source, validators: Validators = UNKNOWN) -> Visit:
    """Read one source. Raises FetchError (later may help) or SourceError (it will not)."""
    if source.kind == "folder":
        return Visit(_read_folder(source))
    if source.place.startswith(("http://", "https://")):
        data, final_url, fresh = _fetch(source.place, validators)
        return Visit(None if data is None else _read(source, data, final_url), fresh)
    return Visit(_read(source, _load(Path(source.place)), ""))


def fetch_bytes(url: str) -> bytes:
    """What stands at an address, with the limits of every fetch. Raises SourceError, FetchError."""
    data, _, _ = _fetch(url, UNKNOWN)
    return data or b""


def _read(source: Source, data: bytes, url: str) -> Reading:
    kind = source.kind
    if kind == "auto":
        kind = "feed" if is_feed(data) else "page"
    read = read_feed if kind == "feed" else read_page
    return read(data, source=source.name, section=source.section, timezone=source.timezone, url=url)


def _read_folder(source: Source) -> Reading:
    folder = Path(source.place)
    if not folder.is_dir():
        raise SourceError(f"{folder} is no folder", remedy="correct folder = in digest.toml")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".html", ".htm", ".txt"})
    if not files:
        raise SourceError(
            f"{folder} holds no saved page", remedy="save pages there as .html or .txt"
        )
    readings = [_read(source, _load(file), "") for file in files]
    return Reading(
        tuple(article for reading in readings for article in reading.articles),
        next((reading.listed for reading in readings if reading.listed), ()),
    )


def _load(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path} is larger than {MOST_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"there is no file {path}", remedy="correct its path") from None
    except OSError as error:
        raise SourceError(f"{path} could not be read: {error.strerror}") from error


def _fetch(url: str, validators: Validators) -> tuple[bytes | None, str, Validators]:
    deadline = time.monotonic() + DEADLINE
    outside = _is_public(url)
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **_conditions(validators)}
    with httpx.Client(timeout=10, trust_env=False, follow_redirects=False) as client:
        for _ in range(MOST_REDIRECTS + 1):
            try:
                with client.stream("GET", url, headers=headers) as response:
                    if not response.has_redirect_location:
                        return _answer(response, url, validators, deadline)
                    url = _next_hop(url, response.headers.get("location", ""), outside)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _unreachable(url, error) from error
    raise FetchError(
        f"{url} redirects more than {MOST_REDIRECTS} times", remedy="correct its address"
    )


def _answer(
    response: httpx.Response, url: str, validators: Validators, deadline: float
) -> tuple[bytes | None, str, Validators]:
    if response.status_code == httpx.codes.NOT_MODIFIED:
        return None, url, validators
    if response.status_code != httpx.codes.OK:
        raise FetchError(
            f"{url} answered {response.status_code} {response.reason_phrase}".rstrip(),
            remedy="open it in a browser; if it is gone, correct its address in digest.toml",
        )
    fresh = Validators(response.headers.get("etag", ""), response.headers.get("last-modified", ""))
    return _body(response, url, deadline), url, fresh


def _body(response: httpx.Response, url: str, deadline: float) -> bytes:
    # Raw bytes are counted before anything unpacks them: a bomb must not go off in httpx.
    packed = bytearray()
    for chunk in response.iter_raw(65_536):
        packed += chunk
        if len(packed) > MOST_BYTES:
            raise SourceError(f"{url} is larger than {MOST_BYTES // 1_000_000} MB")
        if time.monotonic() > deadline:
            raise FetchError(
                f"{url} took more than {DEADLINE:.0f} seconds", remedy="try again later"
            )
    encoding = response.headers.get("content-encoding", "identity").lower()
    if encoding in {"identity", ""}:
        return bytes(packed)
    return _unpacked(bytes(packed), encoding, url)


def _unpacked(packed: bytes, encoding: str, url: str) -> bytes:
    if encoding not in {"gzip", "x-gzip", "deflate"}:
        raise SourceError(f"{url} is packed as {encoding}, which we did not ask for")
    unpacker = zlib.decompressobj(wbits=47)
    try:
        data = unpacker.decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise FetchError(f"{url} is damaged: {error}", remedy="try again later") from error
    if unpacker.unconsumed_tail:
        raise SourceError(f"{url} unpacks to more than {MOST_BYTES // 1_000_000} MB")
    if not unpacker.eof:
        raise FetchError(f"{url} is damaged: it is cut off", remedy="try again later")
    return data


def _next_hop(url: str, location: str, outside: bool) -> str:
    target = urljoin(url, location)
    if not target.startswith(("http://", "https://")):
        raise SourceError(f"{url} redirects to something that is no web page")
    # An address that the operator wrote may be internal; one that a stranger names may not.
    if outside and not _is_public(target):
        raise SourceError(
            f"{url} redirects into a private network", remedy="check who runs that site"
        )
    return target


def _is_public(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(
            f"{host or url} is not known to the name servers",
            remedy="check the address, or try again later",
        ) from error
    return all(ipaddress.ip_address(str(info[4][0]).split("%")[0]).is_global for info in found)


def _conditions(validators: Validators) -> dict[str, str]:
    asked = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in asked.items() if value}


def _unreachable(url: str, error: Exception) -> FetchError:
    why = str(error) or type(error).__name__
    return FetchError(
        f"{url} could not be reached: {why}", remedy="check the address, or try again later"
    )
