"""A clock that stands still."""

from datetime import datetime

from tests.conftest import NOW


class Clock:
    """Stands where it is put, at first at `NOW`."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at
