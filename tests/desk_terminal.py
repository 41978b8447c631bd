"""An editor's commands at the terminal, in a copy of a folder, and what they answer."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from digest.cli import app
from digest.errors import IssueError

Desk = Callable[..., Result]


@pytest.fixture
def folder(collected: Path, tmp_path: Path) -> Path:
    return shutil.copytree(collected, tmp_path / "folder")


@pytest.fixture
def desk(folder: Path) -> Desk:
    """A terminal where no draft is."""
    return at(folder)


def at(folder: Path) -> Desk:
    return lambda *words: CliRunner().invoke(app, ["-C", str(folder), *words])


def shown(issue: Desk) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(issue("issues", "show", "--json").stdout)["desk"]
    return told


def error(done: Result) -> IssueError:
    assert isinstance(done.exception, IssueError), (done.stdout, done.stderr, done.exception)
    return done.exception
