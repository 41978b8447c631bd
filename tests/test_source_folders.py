"""Pages in folders and files: what is read, and what is refused by name."""

import os
from pathlib import Path

import pytest

from digest import sample
from digest.sources import MOST_BYTES
from tests.conftest import NOW
from tests.visiting import articles, error_of, source, visit

# -- the disk


def test_a_folder_of_pages(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    folder = source(tmp_path / "saved", "folder")

    seen = visit(folder)

    assert seen.reading is not None
    assert any(article.body for article in seen.reading.articles)
    assert {article.source for article in seen.reading.articles} == {"world"}
    assert seen.reading.listed
    assert visit(folder, seen.memory).reading is None
    (tmp_path / "saved" / "page.html").rename(tmp_path / "saved" / "renamed.html")
    assert visit(folder, seen.memory).reading is not None


def listing(name: str, day: str) -> str:
    stated = f"<meta property='article:published_time' content='{day}'>" if day else ""
    return (
        f"<html><head>{stated}</head><body><h1>The page of {name}</h1>"
        f"<h3>Trending</h3><p><a href='/x'>What {name} lists as trending</a></p></body></html>"
    )


@pytest.mark.parametrize(
    ("pages", "listed"),
    [
        ({"a": "2025-04-01", "b": "2025-04-02", "c": "2025-03-31"}, "b"),
        # A page that names no day is as old as its file.
        ({"a": "", "b": "2025-04-02"}, "a"),
        ({"a": "2025-04-01", "b": "2099-01-01"}, "b"),
    ],
)
def test_what_is_trending_says_the_newest_page_of_a_folder(
    tmp_path: Path, pages: dict[str, str], listed: str
) -> None:
    for name, day in pages.items():
        (tmp_path / f"{name}.html").write_text(listing(name, day))
    seen = visit(source(tmp_path, "folder"))
    assert seen.reading is not None
    assert [e.headline for e in seen.reading.listed] == [f"What {listed} lists as trending"]


def test_what_was_trending_a_week_ago_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(listing("a", "2025-04-01"))
    (tmp_path / "b.md").write_text("---\ndate: 2025-04-09\n---\n# The page of b\n\nIt is new.\n")
    seen = visit(source(tmp_path, "folder"))
    assert seen.reading is not None
    assert (len(seen.reading.articles), seen.reading.listed) == (2, ())


def test_one_bad_file_of_a_folder_is_named_and_loses_no_other(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    (tmp_path / "saved" / "a-bad.html").write_bytes(b"\x00\x01 no page at all")
    (tmp_path / "saved" / "b-empty.txt").write_bytes(b"")
    os.mkfifo(tmp_path / "saved" / "c-pipe.txt")
    folder = source(tmp_path / "saved", "folder")

    first = visit(folder)
    again = visit(folder, first.memory)

    for seen in (first, again):
        assert articles(seen)
        assert [line.partition(":")[0] for line in seen.left_out] == [
            "a-bad.html",
            "b-empty.txt",
            "c-pipe.txt",
        ]


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    sample.write(tmp_path, NOW)
    secret = tmp_path / "secret.txt"
    secret.write_text("A headline of the sesame trade\n\nWhat they wrote is not for everybody.\n")
    (tmp_path / "saved" / "a-out.txt").symlink_to(secret)
    (tmp_path / "saved" / "b-circle.txt").symlink_to("b-circle.txt")
    page = next(p for p in (tmp_path / "saved").iterdir() if not p.is_symlink())
    (tmp_path / f"saved/within{page.suffix}").symlink_to(page.name)
    (tmp_path / "elsewhere").symlink_to("saved")

    seen = visit(source(tmp_path / "elsewhere", "folder"))

    assert articles(seen)
    assert seen.reading
    assert "sesame" not in str(seen.reading)
    assert [line.partition(":")[0] for line in seen.left_out] == ["a-out.txt", "b-circle.txt"]


def test_a_folder_without_a_page_and_no_folder(tmp_path: Path) -> None:
    assert "no saved page" in error_of(source(tmp_path, "folder")).what
    assert "no folder" in error_of(source(tmp_path / "missing", "folder")).what
    (tmp_path / "bad.html").write_bytes(b"")
    assert "bad.html" in error_of(source(tmp_path, "folder")).what


def test_a_missing_file(tmp_path: Path) -> None:
    error = error_of(source(tmp_path / "world.rss"))

    assert "there is no file" in error.what
    assert error.exit_code == 1


@pytest.mark.parametrize("place", ["/dev/zero", ".", "a\0b"])
def test_what_is_no_file(place: str) -> None:
    assert error_of(source(place)).exit_code == 1


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    with (tmp_path / "world.rss").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    assert "5 MB" in error_of(source(tmp_path / "world.rss")).what
