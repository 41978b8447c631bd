"""A folder in which all was cooked once, for tests of the command line that each spoil a copy."""

import shutil
from pathlib import Path

import pytest

from tests.commands import digest_in


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration's folder, its issue sent, with a draft of the next one."""
    folder = tmp_path_factory.mktemp("prepared")
    assert digest_in(folder, "demo", str(folder)).returncode == 0
    assert digest_in(folder, "prepare").returncode == 0
    return folder


@pytest.fixture
def kitchen(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoiled."""
    return shutil.copytree(prepared, tmp_path / "kitchen")
