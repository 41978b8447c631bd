"""The publisher that `digest demo` plays: The Meridian Post, its two feeds and one saved page.

All of it is invented. The documents are templates, because news must be fresh whenever the
demonstration is run: each item gives its age, and `write` counts it back from `now`. Never
here: how the documents are read (feeds, pages) or what the demonstration does with them (demo).
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

DOCUMENTS = ("world.rss", "opinion.atom", "page.html")
SETTINGS = files(__name__).joinpath("digest.toml.jinja").read_text("utf-8")
"""The demonstration's digest.toml, with one slot: `relay_port`. `settings` fills it."""


def write(folder: Path, now: datetime) -> None:
    """Write the three documents into `folder/saved`, their items dated back from `now` (aware)."""
    saved = folder / "saved"
    saved.mkdir(parents=True, exist_ok=True)
    environment = _environment(now.astimezone(UTC))
    for name in DOCUMENTS:
        text = environment.get_template(f"{name}.jinja").render()
        (saved / name).write_text(text, encoding="utf-8")


def settings(relay_port: int) -> str:
    """The text of the demonstration's digest.toml, for a relay on this port of the loopback."""
    toml = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701 - TOML, no markup
    return toml.from_string(SETTINGS).render(relay_port=relay_port)


def _environment(now: datetime) -> Environment:
    def ago(days: int, hours: int, minutes: int) -> datetime:
        return now - timedelta(days=days, hours=hours, minutes=minutes)

    loader = PackageLoader(__name__, package_path="")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals["ago"] = ago
    environment.filters.update(rfc822=format_datetime, iso=_iso, ist=_ist)
    return environment


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _ist(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo("Asia/Kolkata")).strftime("%d-%m-%Y %H:%M")
