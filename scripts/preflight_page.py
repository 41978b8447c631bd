"""docs/preflight.md made anew from the table of rules.

.venv-test/bin/python scripts/preflight_page.py
"""

from pathlib import Path

from digest.preflight import RULES
from digest.preflight.links import ONLINE

PAGE = Path(__file__).parents[1] / "docs" / "preflight.md"
HEAD = """\
# What `digest check` looks at

An *error* forbids approval and sending; a *warning* leaves it to you. Each finding says where it is
and what to do. `digest check --json` prints them for machines; exit code 1 means that there is an
error. The rules look at the very bytes that the reader with the longest links would get.

What mail clients support is taken from an extract of www.caniemail.com (MIT licence, beside it);
half of those tests are some years old, so such a finding names the date of the test.

| rule | severity | why |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = [(rule.name, rule.severity, rule.why) for rule in RULES]
    lines = [f"| `{name}` | {severity} | {why} |" for name, severity, why in [*rows, *ONLINE]]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"{len(RULES)} rules")
