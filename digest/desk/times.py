"""Times as an editor reads them: in the newsletter's zone, and how long it is until then. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Days:
    """Says moments in one time zone."""

    timezone: str

    def short(self, moment: datetime | None) -> str:
        """For instance “Fri 27 Mar”; "" for none."""
        local = self._local(moment)
        return f"{local:%a} {local.day} {local:%b}" if local else ""

    def long(self, moment: datetime | None) -> str:
        """For instance “Mon 30 March, 07:00 IST”; "" for none."""
        local = self._local(moment)
        return f"{local:%a} {local.day} {local:%B}, {local:%H:%M %Z}" if local else ""

    def clock(self, moment: datetime | None) -> str:
        """For instance “Fri 07:00”; "" for none."""
        local = self._local(moment)
        return f"{local:%a %H:%M}" if local else ""

    def _local(self, moment: datetime | None) -> datetime | None:
        return moment.astimezone(ZoneInfo(self.timezone)) if moment else None


def until(left: timedelta) -> str:
    """For instance “in 14 h 20 min”, “in 3 days”, “20 min ago”."""
    minutes = round(abs(left).total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        said = f"{round(hours / 24)} days"
    else:
        said = " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (rest, "min")) if n) or "0 min"
    return f"in {said}" if left >= timedelta(0) else f"{said} ago"
