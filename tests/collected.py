"""A folder into which the sample's articles were collected, once for all tests of the terminal."""

from pathlib import Path

import pytest

from digest import archive
from digest.publish import open_house
from tests.conftest import NOW
from tests.test_stories import ALL, SETTINGS

AT = ("--at", NOW.strftime("%Y-%m-%dT%H:%M"))


@pytest.fixture(scope="session")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five articles collected, nothing prepared."""
    made = tmp_path_factory.mktemp("desk")
    (made / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(made, {}) as house, house.database.writing() as session:
        archive.keep(session, ALL, NOW)
    return made
