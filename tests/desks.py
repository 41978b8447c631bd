"""A folder with an issue and those who may edit it, made once for all tests of the desk's pages."""

from pathlib import Path

import pytest

from digest import publish, sample
from digest.publish import open_house
from tests.conftest import NOW, SECRET

ANN, BOB, PASSWORD = "ann@news.example", "bob@news.example", "four quiet words here"


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an issue, an approver and an editor: made once, copied for each test."""
    folder = tmp_path_factory.mktemp("made")
    sample.write(folder, NOW)
    (folder / "digest.toml").write_text(sample.settings(2525), encoding="utf-8")
    with open_house(folder, {"DIGEST_WEB_SECRET": SECRET}) as house:
        publish.collect(house, now=NOW)
        publish.prepare(house, "weekly", now=NOW)
        publish.add_editor(house, ANN, "approver", PASSWORD, now=NOW)
        publish.add_editor(house, BOB, "editor", PASSWORD, now=NOW)
    return folder
