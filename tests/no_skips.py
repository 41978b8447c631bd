"""A pytest plugin: with DIGEST_NO_SKIPS=1 in the environment, a skipped test fails the run.

On a person's machine a test may skip for want of a browser or a PostgreSQL. Where everything is
installed (`.ci/run`), a skip means that something was not tested, and that must not look green.
"""

import os

import pytest

# Documents that belong to others lie beside some checkouts, and can't be installed.
ALLOWED = "no samples beside the repository"


def _skipped(config: pytest.Config) -> int:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    asked = os.environ.get("DIGEST_NO_SKIPS", "") not in {"", "0"}
    if not asked or reporter is None:
        return 0
    return sum(ALLOWED not in str(report.longrepr) for report in reporter.stats.get("skipped", []))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn success into failure."""
    if _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say why, where the eye looks for it."""
    if count := _skipped(config):
        terminalreporter.write_line(
            f"DIGEST_NO_SKIPS: {count} skipped, and here nothing may be skipped.", red=True
        )
