"""What a relay's service tells by webhook: believed where it is signed, never answered with 5xx."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from digest import publish
from digest.publish import House, open_house
from digest.web import public_app
from subscribers import roster, tokens
from subscribers.bounces import About
from subscribers.bounces.events import Call
from subscribers.errors import BadSignature
from tests.conftest import NOW
from tests.returning import (
    KEYS,
    LATER,
    Run,
    ann,
    house,
    mailgun,
    postmark,
    run,
    sendgrid,
    standing,
)

__all__ = ["ann", "house", "run"]


def test_postmark(house: House, ann: int) -> None:
    told = {"RecordType": "Bounce", "Type": "HardBounce", "ID": 42,
            "Email": "READER@reads.example", "Description": "unknown user"}  # fmt: skip
    with pytest.raises(BadSignature):
        publish.hook(house, "postmark", postmark(told, "another"), now=LATER)
    [done] = publish.hook(house, "postmark", postmark(told), now=LATER)
    assert done.did.startswith("suppressed")
    assert [r.new for r in publish.hook(house, "postmark", postmark(told), now=LATER)] == [False]
    with pytest.raises(BadSignature):
        publish.hook(house, "postmark", Call({}, postmark(told).body), now=LATER)
    understood = publish.explain_number(house, publish.reports(house)[0][0].id)
    assert understood is not None
    assert understood.about == About(ann, 0)


def test_mailgun(house: House, ann: int) -> None:
    path = tokens.return_path("b", 1, ann, KEYS)
    told = {"event": "complained", "id": "e1", "recipient": "somebody@else.example",
            "envelope": {"sender": f"{path}@news.example.org"}}  # fmt: skip
    for wrong in (mailgun(told, "another"), mailgun(told, at=LATER - timedelta(hours=1))):
        with pytest.raises(BadSignature):
            publish.hook(house, "mailgun", wrong, now=LATER)
    passing = {
        "event": "failed",
        "severity": "temporary",
        "id": "e0",
        "recipient": "x@y.example",
        "delivery-status": {"enhanced-code": "4.2.2"},
    }
    [late] = publish.hook(house, "mailgun", mailgun(passing), now=LATER)
    assert (late.report.kind, late.did) == ("delayed", "")
    # Once more is fine, as when our answer was lost; its signature for another body is not.
    assert [r.new for r in publish.hook(house, "mailgun", mailgun(passing), now=LATER)] == [False]
    with pytest.raises(BadSignature):
        publish.hook(house, "mailgun", mailgun(told), now=LATER)
    assert standing(house, ann) != "suppressed"
    [done] = publish.hook(house, "mailgun", mailgun(told, once="another"), now=LATER)
    assert done.did == "suppressed: complaint"
    assert standing(house, ann) == "suppressed"


def test_sendgrid(folder: Path, environ: dict[str, str]) -> None:
    told = [{"event": "bounce", "sg_event_id": "a", "email": "reader@reads.example",
             "status": "5.1.1", "reason": "550 unknown user", "type": "bounce"},
            {"event": "bounce", "sg_event_id": "b", "email": "bob@reads.example",
             "reason": "550 spam", "type": "blocked"},
            {"event": "open", "sg_event_id": "c", "email": "bob@reads.example"}]  # fmt: skip
    secret, call = sendgrid(told)
    signed, body = call.headers, call.body
    with open_house(folder, {**environ, **secret}) as house:
        with house.database.writing() as session:
            for name in ("reader", "bob"):
                roster.add(
                    session, f"{name}@reads.example", "weekly", how="page", now=NOW, keys=KEYS
                )
        done = publish.hook(house, "sendgrid", Call(signed, body), now=LATER)
        assert [bool(r.did) for r in done] == [True, False]
        for forged in (Call(signed, body + b" "), Call({**signed,
            "x-twilio-email-event-webhook-timestamp": "1"}, body), Call({}, body)):  # fmt: skip
            with pytest.raises(BadSignature):
                publish.hook(house, "sendgrid", forged, now=LATER)
        with pytest.raises(BadSignature):  # signed well, but long ago
            publish.hook(house, "sendgrid", Call(signed, body), now=LATER + timedelta(hours=1))
        again = publish.hook(house, "sendgrid", Call(signed, body), now=LATER)
        assert [r.new for r in again] == [False, False]


def test_the_webhook_s_address(house: House, ann: int) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    told = {"RecordType": "SpamComplaint", "ID": 7, "Email": "reader@reads.example"}

    async def calls() -> list[int]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            answers = [
                await client.post("/hooks/postmark", content=call.body, headers=dict(call.headers))
                for call in (postmark(told, "wrong"), postmark(told))
            ]
            for provider, body in (("carrierpigeon", b"{}"), ("mailgun", b"\xff"), ("ses", b"{}"),
                                   ("ses", b"x" * (3 << 20))):  # fmt: skip
                answers.append(await client.post(f"/hooks/{provider}", content=body))
            return [answer.status_code for answer in answers]

    assert asyncio.run(calls()) == [403, 200, 403, 403, 403, 413]
    assert standing(house, ann) == "suppressed"


DEEP = b"[" * 100_000


def test_what_is_no_event_gets_a_4xx_signed_or_not(house: House, ann: int) -> None:
    basic = postmark({}).headers
    signed = json.loads(mailgun({}).body)["signature"]
    for stamp in ("nan", "inf", "-inf", "1e999", "soon"):
        made = hmac.new(b"a key", f"{stamp}tok".encode(), hashlib.sha256).hexdigest()
        odd = {"signature": {**signed, "timestamp": stamp, "signature": made}, "event-data": {}}
        with pytest.raises(BadSignature):
            publish.hook(house, "mailgun", Call({}, json.dumps(odd).encode()), now=LATER)
    for provider, headers in (("ses", {}), ("mailgun", {}), ("sendgrid", {}), ("postmark", basic)):
        for body in (DEEP, b'{"signature":' + DEEP, b"\xff", b"null", b"5"):
            try:
                told = publish.hook(house, provider, Call(headers, body), now=LATER)
            except BadSignature:
                continue
            assert [one.report.kind for one in told] == ["unknown"]
    assert standing(house, ann) != "suppressed"


@pytest.mark.parametrize("body", [b"no JSON", DEEP, b"\xff\0", b""])
def test_what_is_signed_and_no_json_is_kept_and_asked_for_no_more(
    house: House, body: bytes
) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    signed = dict(postmark({}).headers)

    async def calls() -> list[tuple[int, str]]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            told = [await client.post("/hooks/postmark", content=body, headers=headers)
                    for headers in (signed, signed, {})]  # fmt: skip
            return [(one.status_code, one.text) for one in told]

    *taken, forged = asyncio.run(calls())
    assert taken == [(200, "taken\n")] * 2
    assert forged == (403, "This event is not signed by who should have sent it.\n")
    [kept] = publish.reports(house, kinds=("unknown",))[0]
    assert (kept.source, kept.did) == ("postmark", "")
    told = publish.explain_number(house, kept.id)
    assert told
    assert told.kind == "unknown"


def test_the_address_of_a_webhook_never_answers_5xx(house: House, ann: int) -> None:
    wire = httpx.ASGITransport(public_app(house, lambda: LATER))
    emails: list[Any] = [5, None, [], "\0@x.example", "\ud800"]
    odd = [{"RecordType": "Bounce", "Type": "HardBounce", "Email": email} for email in emails]

    async def calls() -> list[int]:
        async with httpx.AsyncClient(transport=wire, base_url="http://hooks.example") as client:
            names = ("ses", "mailgun")
            deep = [await client.post(f"/hooks/{name}", content=DEEP) for name in names]
            told = [postmark(one) for one in odd]
            return [one.status_code for one in deep] + [
                (await client.post(
                    "/hooks/postmark", content=call.body, headers=dict(call.headers)
                )).status_code
                for call in told
            ]  # fmt: skip

    assert asyncio.run(calls()) == [403, 403, 200, 200, 200, 200, 200]
    assert publish.reports(house)[1] == {"unknown": 5}


BLOCKED = "550 5.7.1 Our IP is blocked by the list"
CHANGE = {"RecordType": "SubscriptionChange", "Recipient": "reader@reads.example",
          "SuppressSending": True, "ChangedAt": "2026-03-30T04:30:00Z"}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "kind", "fault", "did"),
    [
        ({"Type": "HardBounce", "Details": BLOCKED}, "bounce", "policy", ""),
        ({"Type": "HardBounce"}, "bounce", "address", "suppressed: the address does not exist"),
        ({"Type": "Unknown", "Details": "550 5.1.1 unknown user"}, "bounce", "address",
         "suppressed: the address does not exist"),
        ({"Type": "AutoResponder"}, "reply", "policy", ""),
        ({"Type": "Unsubscribe"}, "leaving", "policy", "left"),
        ({**CHANGE, "SuppressionReason": "HardBounce"}, "bounce", "address",
         "suppressed: the address does not exist"),
        ({**CHANGE, "SuppressionReason": "SpamComplaint"}, "complaint", "policy",
         "suppressed: complaint"),
        ({**CHANGE, "SuppressionReason": "ManualSuppression", "Origin": "Recipient"}, "leaving",
         "policy", "left"),
        ({**CHANGE, "SuppressionReason": "ManualSuppression", "Origin": "Admin"}, "note", None, ""),
        ({**CHANGE, "SuppressSending": False}, "note", None, ""),
    ],
)  # fmt: skip
def test_postmark_s_words_say_whose_fault_it_is(
    house: House, ann: int, told: dict[str, Any], kind: str, fault: str | None, did: str
) -> None:
    whole = {"RecordType": "Bounce", "ID": 1, "Email": "reader@reads.example", **told}
    [done] = publish.hook(house, "postmark", postmark(whole), now=LATER)
    blamed = [failure.fault for failure in done.report.failures]
    assert (done.report.kind, blamed, done.did) == (kind, [fault] if fault else [], did)


def test_mailgun_s_unsubscribed_leaves(house: House, ann: int, run: Run) -> None:
    told = {"event": "unsubscribed", "id": "u", "recipient": "reader@reads.example"}
    [done] = publish.hook(house, "mailgun", mailgun(told), now=LATER)
    assert (done.report.kind, done.did) == ("leaving", "left")
    number = str(json.loads(run("bounces", "list", "--json")[1])["reports"][0]["id"])
    code, said = run("bounces", "explain", number)
    assert (code, "leaving" in said, "reader@reads.example" in said) == (0, True, True)


def test_one_damaged_event_of_sendgrid_keeps_no_other_from_being_taken(
    folder: Path, environ: dict[str, str]
) -> None:
    names = ("dead", "bored", "cross", "gone", "ours")
    told = [{"event": "bounce", "sg_event_id": "a"}, "no event", None,
            {"event": "bounce", "sg_event_id": "b", "email": "dead@reads.example",
             "status": "5.1.1", "reason": "550 unknown user"},
            {"event": "unsubscribe", "sg_event_id": "c", "email": "bored@reads.example"},
            {"event": "dropped", "sg_event_id": "d", "email": "cross@reads.example",
             "reason": "Spam Reporting Address"},
            {"event": "dropped", "sg_event_id": "e", "email": "gone@reads.example",
             "reason": "Bounced Address"},
            {"event": "dropped", "sg_event_id": "f", "email": "ours@reads.example",
             "reason": "Recipient List over Package Quota"}]  # fmt: skip
    secret, call = sendgrid(told)
    with open_house(folder, {**environ, **secret}) as house:
        with house.database.writing() as session:
            for name in names:
                roster.add(
                    session, f"{name}@reads.example", "weekly", how="page", now=NOW, keys=KEYS
                )
        done = publish.hook(house, "sendgrid", call, now=LATER)
        assert [one.report.kind for one in done[:3]] == ["unknown"] * 3
        gone = "suppressed: the address does not exist"
        assert [one.did for one in done[3:]] == [gone, "left", "suppressed: complaint", gone, ""]
        assert len(publish.reports(house)[0]) == 8


def test_who_writes_waits_for_ten_events_of_a_thousand(
    folder: Path, environ: dict[str, str]
) -> None:
    told = [{"event": "bounce", "sg_event_id": str(n), "email": f"r{n}@reads.example",
             "status": "5.1.1", "reason": "550 unknown user"} for n in range(25)]  # fmt: skip
    secret, call = sendgrid(told)
    with open_house(folder, {**environ, **secret}) as house:
        commits: list[object] = []
        event.listen(house.database.engine, "commit", commits.append)
        assert [one.new for one in publish.hook(house, "sendgrid", call, now=LATER)] == [True] * 25
        assert len(commits) == 3
        again = publish.hook(house, "sendgrid", call, now=LATER)
        assert [one.new for one in again] == [False] * 25
