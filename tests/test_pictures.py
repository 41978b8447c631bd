"""The issue as it is seen: pictures in many mail programs' ways, compared with stored ones.

`make pictures` takes the stored ones anew. Look at them before they are committed.
"""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from digest.rendering import environment, render
from digest.rendering.samples import hard_editions
from tests.pictures import FOLDER, VIEWS, Camera, View, browsers, difference, missing, stored

HOUSE = Path(__file__).parents[1] / "templates"
TOLERANCE = 0.002  # of the pixels: a line of text that moved differs in more
TAKING = os.environ.get("DIGEST_PICTURES") == "take"


@pytest.fixture(scope="module")
def camera() -> Iterator[Camera]:
    """One pair of browsers for all pictures."""
    if lacking := missing():
        pytest.skip(f"no pictures without: apt-get install {' '.join(lacking)}")
    with browsers() as opened:
        yield opened


def compare(camera: Camera, view: View) -> None:
    """The picture is the stored one, but for what another build of the browser may do."""
    taken, file = camera.take(view), FOLDER / f"{view.name}.png"
    if TAKING:
        FOLDER.mkdir(exist_ok=True)
        file.write_bytes(stored(taken))
    with Image.open(file) as kept:
        apart = difference(taken, kept.convert("RGB"))
    if apart > TOLERANCE:
        found = FOLDER / "found"
        found.mkdir(exist_ok=True)
        (found / file.name).write_bytes(stored(taken))
    assert apart <= TOLERANCE, f"look at {FOLDER / 'found' / file.name} beside {file}"


def those(**wanted: object) -> list[View]:
    """The views for which all of this is so."""
    return [v for v in VIEWS if all(getattr(v, name) == value for name, value in wanted.items())]


def named(view: View) -> str:
    """For the test's name."""
    return view.name


@pytest.mark.parametrize("view", those(styles="inline") + those(styles="none"), ids=named)
def test_e55_without_the_style_sheet_it_stays_an_issue(camera: Camera, view: View) -> None:
    compare(camera, view)


@pytest.mark.parametrize("view", those(pictures=False, styles="all"), ids=named)
def test_e56_with_images_off_nothing_is_missing(camera: Camera, view: View) -> None:
    compare(camera, view)


@pytest.mark.parametrize("view", those(dark=True) + those(inverted=True), ids=named)
def test_e57_in_the_dark(camera: Camera, view: View) -> None:
    compare(camera, view)


@pytest.mark.parametrize(
    "view", those(dark=False, inverted=False, pictures=True, styles="all"), ids=named
)
def test_the_look(camera: Camera, view: View) -> None:
    compare(camera, view)


@pytest.mark.parametrize("width", [320, 640])
def test_no_hard_sample_is_wider_than_the_screen(camera: Camera, width: int) -> None:
    templates = environment(HOUSE)
    with camera.showing(View(width=width)) as page:
        for name, edition in hard_editions():
            page.set_content(render(edition, templates).html)
            seen = page.evaluate("document.documentElement.scrollWidth")
            assert seen <= width, f"{name} is {seen} pixels wide"


def test_every_view_is_compared_and_no_stored_picture_is_stale() -> None:
    assert {f"{view.name}.png" for view in VIEWS} == {path.name for path in FOLDER.glob("*.png")}
    assert {view.width for view in VIEWS} == {320, 640}
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < 1_500_000


def test_a_line_that_moved_is_seen(camera: Camera) -> None:
    view = View(width=320)
    with Image.open(FOLDER / f"{view.name}.png") as kept:
        picture = kept.convert("RGB")
    moved = picture.copy()
    moved.paste(picture.crop((0, 500, 320, picture.height - 1)), (0, 501))
    assert difference(picture, moved) > TOLERANCE
    reworded = picture.copy()
    ImageDraw.Draw(reworded).rectangle((18, 600, 280, 612), fill="#16181d")
    assert difference(picture, reworded) > TOLERANCE
    assert difference(picture, picture.crop((0, 0, 320, 800))) == 1
    assert difference(picture, Image.open(io.BytesIO(stored(picture))).convert("RGB")) == 0
    assert camera.take(view).width == 320
