"""Pages in Markdown with front matter: what is read, and what cannot be is named."""

from datetime import UTC, datetime

import pytest

from digest.errors import SourceError
from digest.pages import read_page


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: Quay opens\nauthors: [Dana Quill]\ndate: 2025-04-02\n---\nThe quay is open.",
        (
            '+++\ntitle = "Quay opens"\nbyline = "Dana Quill"\ndate = 2025-04-02\n'
            "+++\nThe quay is open."
        ),
    ],
)
def test_markdown_with_front_matter(text: str) -> None:
    article = read_page(text.encode(), source="desk", timezone="Asia/Kolkata").articles[0]
    assert (article.headline, article.byline) == ("Quay opens", "Dana Quill")
    assert article.published == datetime(2025, 4, 1, 18, 30, tzinfo=UTC)
    assert article.dek == article.body == "The quay is open."


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_front_matter_with_the_line_ends_of_other_systems(end: str) -> None:
    text = "---\ntitle: Quay opens\nauthor: Dana Quill\n---\nThe quay is open.\n"
    article = read_page(text.replace("\n", end).encode(), source="desk").articles[0]
    assert (article.headline, article.byline) == ("Quay opens", "Dana Quill")


def test_front_matter_names_tags_sectors_and_the_author() -> None:
    text = "---\ntitle: Quay opens\nauthor: By Jo Doe\ntags: world, trade\n{}\n---\nOpen.\n"
    for sectors in ("sectors: Energy, Health", "sectors: [Energy, Health]"):
        article = read_page(text.format(sectors).encode(), source="desk").articles[0]
        assert article.byline == "Jo Doe"
        assert article.categories == ("world", "trade")
        assert article.sectors == ("Energy", "Health")


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: Quay opens\ndraft: true\n---\n",
        "---\ntitle: Quay opens\npublished: false\n---\n",
        '+++\ntitle = "Quay opens"\ndraft = true\n+++\n',
    ],
)
def test_a_draft_is_not_read(front: str) -> None:
    with pytest.raises(SourceError, match=r"desk is a draft") as caught:
        read_page(f"{front}The quay is open.".encode(), source="desk")
    assert "front matter" in caught.value.remedy


@pytest.mark.parametrize(
    "front",
    [
        "---\ntitle: Quay opens: at last\ndate: 2025-04-02\n---\n",
        "---\ndate: 2025-04-02\ntitle: [&a *a\n---\n",
        "+++\ntitle = Quay opens\n+++\n",
    ],
)
def test_front_matter_that_cannot_be_read_is_named(front: str) -> None:
    with pytest.raises(SourceError, match="front matter of the page of desk can't") as caught:
        read_page(f"{front}# Quay opens\n\nThe quay is open.\n".encode(), source="desk")
    assert "quotes" in caught.value.remedy
    assert ("line" in caught.value.what) == front.startswith("-")


def test_text_between_two_rules_is_no_front_matter() -> None:
    text = "---\nHe said so: twice: in the harbour.\n---\n# Quay opens\n\nThe quay is open.\n"
    assert read_page(text.encode(), source="desk").articles[0].headline == "Quay opens"
