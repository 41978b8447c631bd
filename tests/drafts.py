"""A draft with stories and trending entries, made once, for all tests that change a copy of it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from digest import archive
from digest.publish import open_house
from tests.conftest import NOW, SECRET
from tests.test_stories import ALL, GRAIN, SETTINGS, WORLD, prepared

HOUR = timedelta(hours=1)
TRAM = replace(GRAIN, headline="Tram to the hills", url=f"{WORLD}/tram", dek="It climbs again.",
               published=NOW - 22 * HOUR)  # fmt: skip

ENVIRON = {"DIGEST_WEB_SECRET": SECRET}


@pytest.fixture(scope="session")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A draft: Grain and Tram in Global, Column in Opinion, the ferry's two in Trending."""
    made = tmp_path_factory.mktemp("drafted")
    (made / "digest.toml").write_text(SETTINGS, encoding="utf-8")
    with open_house(made, ENVIRON) as opened:
        with opened.database.writing() as session:
            archive.keep(session, [*ALL, TRAM], NOW)
        prepared(opened)
    return made
