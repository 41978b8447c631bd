"""Zones: the names of time zones that a reader may choose (IANA). Pure but for Python's own tables.

Never here: what time it is anywhere.
"""

from functools import cache
from zoneinfo import available_timezones

REGIONS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
)  # fmt: skip


def zone(text: str) -> str:
    """The zone of this name, however its letters are written; "" for none. Raises ValueError."""
    name = text.strip()
    if name and name.lower() not in _named():
        raise ValueError("The time zone is none that is known; one is written Asia/Kolkata.")
    return _named()[name.lower()] if name else ""


def names() -> tuple[str, ...]:
    """Of all zones that there are."""
    return tuple(_named().values())


@cache
def by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """For a list to choose from: each region with its zones, name and city."""
    found = sorted(name for name in _named().values() if name.partition("/")[0] in REGIONS)
    return tuple(
        (region, tuple((name, _city(name)) for name in found if name.startswith(f"{region}/")))
        for region in REGIONS
    )


def _city(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ")


@cache
def _named() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
