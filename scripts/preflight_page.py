"""docs/preflight.md made anew from the table of rules.

.venv-test/bin/python scripts/preflight_page.py
"""

from pathlib import Path

from digest.preflight import RULES
from digest.preflight.links import ONLINE
from digest.preflight.premises import PREMISES_RULES
from digest.preflight.promises import PROMISE_RULES
from digest.preflight.records import RECORD_RULES

DOCTORS = PREMISES_RULES | PROMISE_RULES | RECORD_RULES
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


DOCTOR = """
## What `digest doctor` looks at

| rule | severity | why |
|---|---|---|
"""


def table(rows: list[tuple[str, str, str]]) -> str:
    """Rows of Markdown."""
    return "".join(f"| `{name}` | {severity} | {why} |\n" for name, severity, why in rows)


def page() -> str:
    """The whole page."""
    rules = [(rule.name, str(rule.severity), rule.why) for rule in RULES]
    records = [(name, str(severity), why) for name, (severity, why) in DOCTORS.items()]
    return HEAD + table([*rules, *ONLINE]) + DOCTOR + table(records)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"{len(RULES)} rules")
