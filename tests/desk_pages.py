"""The desk served from a copy of that folder, and how a test acts there."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from digest.desk import Desk, Watched, router
from digest.publish import House, open_house
from digest.web import desk_app, public_app
from tests.clocks import Clock
from tests.conftest import SECRET
from tests.desks import PASSWORD
from tests.relay import ScriptedRelay
from tests.serving import serving


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "house"))


@pytest.fixture
def told(relay: ScriptedRelay) -> dict[str, str]:
    return {"DIGEST_WEB_SECRET": SECRET, "DIGEST_RELAY_PORT": str(relay.port)}


@pytest.fixture
def house(folder: Path, told: dict[str, str]) -> Iterator[House]:
    """The pages are the same on either engine; the accounts are tested on both (test_editors)."""
    with open_house(folder, told) as opened:
        yield opened


@pytest.fixture
def alone(house: House, clock: Clock, told: dict[str, str]) -> Iterator[httpx.Client]:
    """`digest preview`, and somebody at it."""
    with (
        serving(desk_app(house, clock, told)) as site,
        httpx.Client(base_url=site + "/desk", timeout=30) as client,
    ):
        yield client


@pytest.fixture
def served(house: House, clock: Clock, told: dict[str, str]) -> Iterator[str]:
    """`digest serve`, with an approver and an editor."""
    with serving(public_app(house, clock, told)) as site:
        yield site


def client(site: str) -> httpx.Client:
    return httpx.Client(base_url=site + "/desk", timeout=30)


def csrf(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def log_in(
    desk: httpx.Client, name: str, password: str = PASSWORD, next_: str = ""
) -> httpx.Response:
    path = f"/login?next={next_}" if next_ else "/login"
    form = {"csrf": csrf(desk.get(path)), "name": name, "password": password}
    return desk.post(path, data=form)


def form_of(desk: httpx.Client, **fields: str) -> dict[str, str]:
    page = desk.get("/weekly/1/candidates")
    version = re.search(r'name="version" value="(\d+)"', page.text)
    assert version
    return {"csrf": csrf(page), "version": version[1], **fields}


def edit(desk: httpx.Client, **fields: str) -> httpx.Response:
    return desk.post("/weekly/1/edit", data=form_of(desk, **fields))


def headlines(house: House) -> list[str]:
    return [story.headline for story in house.issue("weekly").issue.stories]


def names(house: House) -> list[str]:
    return [story.fingerprint for story in house.issue("weekly").issue.stories]


def pages_of(house: House, clock: Clock) -> list[tuple[str, str]]:
    """Method and path of every page, those of the first issue."""
    routes = router(Desk(Watched(house, lambda known: known), clock, alone=True)).routes
    return [
        (method, str(path).replace("{newsletter}", "weekly").replace("{number:issue}", "1"))
        for route in routes
        if "static" not in (path := getattr(route, "path", ""))
        for method in getattr(route, "methods", ())
    ]
