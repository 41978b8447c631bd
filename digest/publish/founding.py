"""A new publisher's folder: digest.toml with what must be known, digest.env with a secret."""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from digest.errors import SettingsError
from digest.settings import FILE, SECRETS_FILE, load

_TOML = """\
# Every setting with its default: digest settings --example

[publisher]
name = {publisher}
postal_address = {address}

[newsletter.weekly]
title = {title}
from = {sender}
list_id = {list_id}
timezone = "UTC"
window = "7d"
# schedule = {{ every = "monday 07:00", approval = "required" }}

[[newsletter.weekly.section]]
name = "Global"
limit = 6

{sources}
[relay]
host = "127.0.0.1"
port = 25
security = "none"

[web]
base_url = "http://127.0.0.1:8000"   # https, or no one-click header is written
"""
_SOURCE = '[[source]]\nname = "source-{number}"\nfeed = {feed}\nsection = "Global"\n'
_HINT = """\
# [[source]]
# name = "world"
# feed = "https://www.example.org/world.rss"
# section = "Global"
"""


def init_folder(
    folder: Path, publisher: str, address: str, title: str, sender: str, feeds: Sequence[str]
) -> list[Path]:
    """Write both files; what stands there already is never overwritten. Raises SettingsError."""
    toml, env = folder / FILE, folder / SECRETS_FILE
    if toml.exists():
        raise SettingsError(
            f"{toml} is there already", remedy="edit it, or choose another folder with -C"
        )
    domain = sender.rpartition("@")[2].rstrip(">")
    sources = [_SOURCE.format(number=n, feed=_text(feed)) for n, feed in enumerate(feeds, 1)]
    folder.mkdir(parents=True, exist_ok=True)
    toml.write_text(
        _TOML.format(
            publisher=_text(publisher),
            address=_text(address),
            title=_text(title),
            sender=_text(sender if "<" in sender else f"{title} <{sender}>"),
            list_id=_text(f"weekly.{domain}"),
            sources="\n".join(sources) or _HINT,
        ),
        encoding="utf-8",
    )
    try:
        load(folder, {})
    except SettingsError:
        toml.unlink()
        raise
    if env.exists():
        return [toml]
    write_secret(env)
    return [toml, env]


def write_secret(path: Path) -> None:
    """A fresh DIGEST_WEB_SECRET in a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(f"DIGEST_WEB_SECRET={secrets.token_urlsafe(32)}\n", encoding="utf-8")


def _text(value: str) -> str:
    # A JSON string of printable text is a TOML basic string.
    return json.dumps(value, ensure_ascii=False)
