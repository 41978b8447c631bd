"""/metrics: for Prometheus, on the machine alone, and named in the guide."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from digest import ledger, publish
from digest.publish import House
from digest.web import public_app
from subscribers import roster
from tests.conftest import NOW
from tests.faulty import Clock, environ, sent_with_faults
from tests.relay import ScriptedRelay
from tests.sending import BEN

__all__ = ["environ"]


def get(app: FastAPI, whence: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """/metrics, asked from that address."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(whence, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.get("/metrics", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_metrics_are_for_the_machine_and_not_for_the_world(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    sent_with_faults(house, relay, clock)
    app = public_app(house, clock)

    page = get(app, "127.0.0.1")

    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "@" not in page.text
    assert get(app, "127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}).status_code == 404
    assert get(app, "192.0.2.7").status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_prometheus_reads_the_metrics_and_the_guide_names_each(
    house: House, relay: ScriptedRelay, clock: Clock
) -> None:
    record = sent_with_faults(house, relay, clock)
    name = f"127.0.0.1:{relay.port}"
    with house.database.writing() as session:
        ledger.trip(session, name, "421 go away", NOW)
        ben = roster.find(session, BEN).subscriber
        ledger.note_leaving(session, record.id, ben, NOW)
    publish.resolve(house, record, "unknown", "resend", by="ann", now=NOW)
    publish.pause(house, house.issue("weekly"), why="wrong", by="ann", now=NOW)
    page = get(public_app(house, clock), "127.0.0.1").text

    families = list(text_string_to_metric_families(page))

    kinds = {family.name: family.type for family in families}
    counters = {family.name for family in families if family.type == "counter"}
    assert counters == {"digest_leavings"}
    assert set(kinds.values()) == {"gauge", "counter"}
    found = {(s.name, *s.labels.values()): s.value for f in families for s in f.samples}
    of = ("weekly", "1")
    assert found["digest_senders",] == 0
    assert found["digest_signups",] == 0
    assert found["digest_breaker_open", name] == 1
    assert found["digest_deliveries", *of, "deferred"] == 1
    assert sum(v for k, v in found.items() if k[0] == "digest_deliveries") == 5
    assert found["digest_recipients", *of] == 5
    assert found["digest_paused", *of] == 1
    assert found["digest_leavings_total", *of] == 1
    guide = Path("docs/operating.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(digest_\w+)` \| (\w+) \|", guide, re.MULTILINE))
    assert told == dict(re.findall(r"^# TYPE (\w+) (\w+)$", page, re.MULTILINE))
