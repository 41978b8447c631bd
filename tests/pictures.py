"""Pictures of the sample issue as mail programs would show it, taken by Debian's Chromium.

Fonts decide where lines break, so Chromium sees those of tests/fonts.conf alone, whatever else
is installed. The issue's photograph is drawn here: nothing is fetched.
"""

import contextlib
import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.rendering import environment, fill, render
from tests.showcase import sample_edition, sample_reader

HERE = Path(__file__).parent
FOLDER = HERE / "pictures"
FONTS = HERE / "fonts.conf"
PACKAGES = {
    "fonts-liberation": "/usr/share/fonts/truetype/liberation/LiberationSerif-Regular.ttf",
    "fonts-noto-core": "/usr/share/fonts/truetype/noto/NotoNaskhArabic-Regular.ttf",
}
COLOURS = 96  # of a stored picture: small files, and letters stay letters
HILLS = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="1152" height="576" viewBox="0 0 576 288">'
    '<rect width="576" height="288" fill="#c9836a"/><rect width="576" height="90" fill="#33475b"/>'
    '<rect y="90" width="576" height="60" fill="#7f6568"/><circle cx="410" cy="168" r="34" '
    'fill="#fbe6c8"/><path d="M0 206C90 176 150 214 230 198S400 176 576 206V288H0Z" '
    'fill="#26313d"/><path d="M0 238C120 214 240 250 360 234S500 226 576 240V288H0Z" '
    'fill="#161d25"/></svg>'
)


@dataclass(frozen=True, slots=True)
class View:
    """One way in which the issue is seen."""

    language: str = "en"
    width: int = 640
    dark: bool = False
    inverted: bool = False
    pictures: bool = True
    styles: str = "all"  # all, inline (what Gmail leaves to other providers' accounts), none

    @property
    def name(self) -> str:
        """Of its file."""
        parts = [self.language, str(self.width)]
        parts += ["dark"] * self.dark + ["inverted"] * self.inverted
        parts += ["no-images"] * (not self.pictures)
        parts += [f"{self.styles}-styles"] * (self.styles != "all")
        return "-".join(parts)


VIEWS = (
    View(),
    View(width=320),
    View(dark=True),
    View(width=320, dark=True),
    View(inverted=True),
    View(width=320, inverted=True),
    View(pictures=False),
    View(width=320, pictures=False),
    View(styles="inline"),
    View(width=320, styles="inline"),
    View(styles="none", pictures=False),
    View("ar"),
    View("ar", width=320),
    View("ar", dark=True),
    View("hi", width=320),
)


def browser_path() -> str | None:
    """Where Chromium is; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def missing() -> list[str]:
    """The packages of Debian without which no picture can be taken."""
    lacking = [] if browser_path() else ["chromium"]
    return lacking + [name for name, file in PACKAGES.items() if not Path(file).exists()]


@contextlib.contextmanager
def browsers() -> Iterator["Camera"]:
    """A camera; its two Chromiums are closed in the end."""
    # Chromium refuses its sandbox to root, which is who runs in a container.
    plain = ["--no-sandbox"] if os.geteuid() == 0 else []
    plain += ["--font-render-hinting=none", "--disable-lcd-text"]
    forced = [*plain, "--enable-features=WebContentsForceDark", "--force-dark-mode"]
    env: dict[str, str | float | bool] = {**os.environ, "FONTCONFIG_FILE": str(FONTS)}
    path = browser_path()
    with sync_playwright() as playwright:
        both = [
            playwright.chromium.launch(executable_path=path, args=arguments, env=env)
            for arguments in (plain, forced)
        ]
        yield Camera(*both)
        for browser in both:
            browser.close()


class Camera:
    """Takes pictures with a plain browser, and with one that darkens what is light."""

    def __init__(self, plain: Browser, forced: Browser) -> None:
        self._plain, self._forced = plain, forced

    @contextlib.contextmanager
    def showing(self, view: View) -> Iterator[Page]:
        """The issue in this view, in an open page."""
        browser = self._forced if view.inverted else self._plain
        page = browser.new_page(
            viewport={"width": view.width, "height": 800},
            color_scheme="dark" if view.dark else "light",
        )
        page.route("**/*", lambda route: _answer(route, view))
        page.set_content(markup(view), wait_until="load")
        yield page
        page.close()

    def take(self, view: View) -> Image.Image:
        """The picture of the whole issue in this view; also checks that it is no wider."""
        with self.showing(view) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= view.width
            return Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")


def markup(view: View) -> str:
    """The HTML as the mail program of this view uses it."""
    templates = environment(HERE.parent / "templates")
    made = render(sample_edition(view.language), templates)
    html = fill(made, sample_reader(view.language)).html
    if view.styles != "all":
        html = re.sub(r"(?s)<style.*?</style>", "", html)
    if view.styles == "none":
        html = re.sub(r' (style|bgcolor|class)="[^"]*"', "", html)
    return html


def stored(picture: Image.Image) -> bytes:
    """The picture as a small PNG."""
    written = io.BytesIO()
    # kmeans keeps the few pixels of the accent from being averaged into the ink.
    small = picture.quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
    small.save(written, "PNG", optimize=True)
    return written.getvalue()


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels, from 0 to 1, that differ plainly in lightness (by 64 of 255)."""
    if one.size != other.size:
        return 1.0
    apart = ImageChops.difference(one.convert("L"), other.convert("L"))
    return sum(apart.histogram()[64:]) / (one.width * one.height)


def _answer(route: Route, view: View) -> None:
    if view.pictures and "/pictures/" in route.request.url:
        route.fulfill(body=HILLS, content_type="image/svg+xml")
    else:
        route.abort()
