"""Take the picture of an issue that the documentation shows.

    python scripts/picture.py demo/issue.html docs/issue.png
    python scripts/picture.py --phone --dark demo/issue.html docs/issue-phone-dark.png

Debian's Chromium draws it, offline.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESK_WIDTH = 720
PHONE_WIDTH = 390
SCALE = 1


def picture(issue: Path, target: Path, browser: str, *, phone: bool, dark: bool) -> None:
    """Draw the whole of `issue` (an HTML file) into `target` (PNG)."""
    # Chromium refuses its sandbox to root, which is who runs in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    width, height = (PHONE_WIDTH, 844) if phone else (DESK_WIDTH, 900)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=arguments)
        page = chromium.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=SCALE,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            offline=True,
        )
        page.goto(issue.resolve().as_uri())
        page.screenshot(path=target, full_page=True)
        chromium.close()


def main() -> int:
    """Read the arguments, take the picture, say where it is."""
    parser = argparse.ArgumentParser(description="Take the picture of an issue.")
    parser.add_argument("issue", type=Path, nargs="?", default=Path("demo/issue.html"))
    parser.add_argument("target", type=Path, nargs="?", default=Path("docs/issue.png"))
    parser.add_argument("--phone", action="store_true", help=f"{PHONE_WIDTH} pixels wide")
    parser.add_argument("--dark", action="store_true", help="for a reader who prefers dark")
    asked = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("There is no Chromium. On Debian: sudo apt install chromium", file=sys.stderr)
        return 1
    if not asked.issue.is_file():
        print(f"There is no {asked.issue}. `make demo` writes it.", file=sys.stderr)
        return 1
    asked.target.parent.mkdir(parents=True, exist_ok=True)
    picture(asked.issue, asked.target, browser, phone=asked.phone, dark=asked.dark)
    print(asked.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
