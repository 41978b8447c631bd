"""A house that the doctor looks at, and what is found there."""

from datetime import UTC, datetime
from pathlib import Path

from digest import publish
from digest.preflight.premises import PREMISES_RULES
from digest.publish import House, Part


class Silent:
    """A name server that nobody asks."""

    def look_up(self, name: str, kind: str) -> list[str]:
        raise AssertionError(name, kind)


def found(house: House, part: Part) -> dict[str, str]:
    """What the doctor says of one part: rule and sentence."""
    findings = publish.doctor(house, Silent(), clock=lambda: datetime.now(UTC), parts=(part,))
    for finding in findings:
        assert finding.severity == PREMISES_RULES[finding.rule][0]
        assert finding.what.endswith(".")
        assert finding.remedy
    return {finding.rule: finding.what for finding in findings}


def at(folder: Path, base_url: str) -> Path:
    """The folder, its links led to another address."""
    toml = folder / "digest.toml"
    text = toml.read_text("utf-8").replace("http://127.0.0.1:8000", base_url)
    assert base_url in text
    toml.write_text(text, "utf-8")
    return folder
