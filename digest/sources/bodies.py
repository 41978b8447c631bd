"""Bodies: what an answer carries, unpacked, and never more than `MOST_BYTES` of it.

Counted as it arrives, before and after unpacking: a bomb does not go off, a flood is not kept.
Never here: how long it may take (fetching), what it means (reading).
"""

import zlib
from collections.abc import AsyncIterable

from digest.errors import FetchError, SourceError

MOST_BYTES = 5_000_000
"""Of a document, packed or unpacked."""
PACKINGS = {"gzip", "x-gzip", "deflate"}


def too_large(what: str) -> SourceError:
    """The error for a document of more than `MOST_BYTES`."""
    return SourceError(
        f"{what} is larger than {MOST_BYTES // 1_000_000} MB",
        remedy="name one that holds less, such as the feed of one section",
    )


async def unpacked(chunks: AsyncIterable[bytes], encoding: str, url: str) -> bytes:
    """The body whose Content-Encoding is `encoding`.

    Raises SourceError (too large, or packed as we can't open) and FetchError (damaged).
    """
    if encoding in {"", "identity"}:
        return await _plain(chunks, url)
    if encoding not in PACKINGS:
        raise SourceError(
            f"{url} is packed as {encoding[:40]}, which was not asked for",
            remedy="tell whoever runs that site",
        )
    return await _packed(chunks, url)


async def _plain(chunks: AsyncIterable[bytes], url: str) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise too_large(url)
    return bytes(body)


async def _packed(chunks: AsyncIterable[bytes], url: str) -> bytes:
    body, raw, unpacker = bytearray(), 0, None
    try:
        async for chunk in chunks:
            raw += len(chunk)
            unpacker = unpacker or zlib.decompressobj(_window(chunk))
            body += unpacker.decompress(chunk, MOST_BYTES + 1 - len(body))
            if len(body) > MOST_BYTES or raw > MOST_BYTES:
                raise too_large(f"{url}, unpacked,")
    except zlib.error as error:
        raise FetchError(f"{url} is damaged: {error}", remedy="try again later") from error
    if unpacker is None or not unpacker.eof:
        raise FetchError(f"{url} is damaged: it is cut off", remedy="try again later")
    return bytes(body)


def _window(first: bytes) -> int:
    # "deflate" means zlib's format (RFC 9110 section 8.4.1.2), and some send it bare.
    bare = first[0] & 0x0F != 8 and first[:2] != b"\x1f\x8b"
    return -15 if bare else 47
