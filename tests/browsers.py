"""A real browser, Chromium, for as long as a `with` block lasts."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium; the test skips where there is none."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("Install chromium (apt install chromium) to see the pages in a browser.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()
