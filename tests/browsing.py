"""Clients for the pages on the loopback. They load no certificates, which takes a test's time."""

from typing import Any

import httpx

from tests.waiting import PATIENCE


def asking(**more: Any) -> httpx.Client:
    """A client that keeps its connections."""
    return httpx.Client(verify=False, timeout=PATIENCE, **more)  # noqa: S501 - plain HTTP


# No connection is kept: each test has a server of its own.
HTTP = asking(limits=httpx.Limits(max_keepalive_connections=0))
