"""Understanding: the bytes of a mail to the return path -> Report, in order of trust. Pure.

RFC 3464 and RFC 5965 first; then reports in words; then what people and their machines answer;
last a detector of others (flufl.bounce), which knows systems long gone.
"""

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import suppress

from subscribers.bounces import wording
from subscribers.bounces.faults import fault, status_in
from subscribers.bounces.identity import About, addressed, identify
from subscribers.bounces.reading import MOST, WORDS, Block, Letter, parsed, read
from subscribers.bounces.replies import is_reply
from subscribers.bounces.values import Failure, Kind, Report

TO = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc", "received")
HARMLESS = {"not-spam", "auth-failure", "dkim", "other", "virus-free"}
FINE, DELAYED = {"delivered", "relayed", "expanded"}, {"delayed", "delay", "deferred"}


def understand(raw: bytes, keys: Sequence[bytes] = ()) -> Report:
    """What a mail says; never raises. Without `keys` nobody is identified."""
    raw = raw[:MOST]
    letter = read(raw)
    kind, failures = _judged(letter, raw)
    came = addressed("\n".join(letter.header(name) for name in TO), keys)
    about = came[1] if came else identify(_everything(letter, raw), keys)
    if came and came[0] == "u" and kind in {"reply", "unknown"} and not _is_automatic(letter):
        kind = "leaving"
    return Report(kind, _fingerprint(letter, raw, about), failures, about, _why(letter))


def _judged(letter: Letter, raw: bytes, depth: int = 0) -> tuple[Kind, tuple[Failure, ...]]:
    if letter.feedback or _is_feedback(letter):
        return _complained(letter)
    if letter.blocks:
        told = _told(letter)
        if told:
            return told
    if letter.receipt is not None:
        return _received(letter)
    if _wraps(letter) and depth < 2:
        inner = letter.returned.lstrip().encode("utf-8", "replace")  # raw bytes in a header of it
        return _judged(read(inner), raw, depth + 1)
    said, failures = wording.failures(letter)
    if said == "delayed":
        return "delayed", failures
    if said and not (is_reply(letter) and not _is_strong(letter, failures)):
        return "bounce", failures
    return ("reply", ()) if is_reply(letter) else _guessed(raw, letter)


def _guessed(raw: bytes, letter: Letter) -> tuple[Kind, tuple[Failure, ...]]:
    detected = _detected(raw, letter)
    if detected:
        return detected
    if lost := wording.nameless(letter):
        return "bounce", lost
    return ("reply", ()) if _is_human(letter) else ("unknown", ())


def _wraps(letter: Letter) -> bool:
    """Some gateways wrap the report that they pass on, and may add words of their own."""
    if not letter.words.strip():
        return "report" in letter.returned[:4000]
    head = letter.returned.lstrip().partition("\n\n")[0].lower()
    machine = wording.MACHINE.search(letter.header("from"))
    return bool(machine) and "multipart/report" in head and "delivery-status" in head


def _received(letter: Letter) -> tuple[Kind, tuple[Failure, ...]]:
    """A receipt (RFC 8098): read, or thrown away unread; some systems refuse a mail by one."""
    block = letter.receipt or {}
    refused = "rejected" in letter.header("auto-submitted") + letter.header("subject").lower()
    if refused and "deleted" in block.get("disposition", "deleted").lower():
        words = wording.line(letter.words)
        return "bounce", (Failure(_recipient(block), fault("", words), "", words),)
    return "note", ()


def _told(letter: Letter) -> tuple[Kind, tuple[Failure, ...]] | None:
    """What the blocks of RFC 3464 say; None where they name no recipient and no action."""
    failed, delayed, fine = [], [], False
    for block in letter.blocks[: wording.MANY]:
        action = block.get("action", "").split("(")[0].strip().lower().split(" ")[0]
        status = status_in(block.get("status", ""))
        named = "final-recipient" in block or "original-recipient" in block
        if not (named or (action and status)):
            continue
        if action in DELAYED:
            delayed.append(_failure(block, letter))
        elif action in FINE or not (action or status):
            fine = fine or action in FINE
        else:
            failed.append(_failure(block, letter))
    if failed:
        return "bounce", tuple(failed)
    if delayed:
        return "delayed", tuple(delayed)
    return ("note", ()) if fine else None


def _failure(block: Block, letter: Letter) -> Failure:
    told = block.get("diagnostic-code", "")
    said = told.partition(";")[2].strip() if re.match(r"[\w-]{1,20}\s*;", told) else told
    status = status_in(block.get("status", ""))
    inner = status_in(said)
    # 5.0.0 and 5.5.0 are what a system says that does not look; the words may know better.
    if inner and (not status or status.endswith((".0.0", ".5.0", ".4.7"))) and inner[0] == "5":
        status = inner
    words = said or wording.line(letter.words)
    return Failure(_recipient(block), fault(status, words), status, wording.line(words))


def _recipient(block: Block) -> str:
    names = ("original-recipient", "final-recipient", "x-actual-recipient")
    for name in names:
        value = block.get(name, "")
        found = wording.ADDRESS.search(value.partition(";")[2] or value)
        if found:
            return found[0]
    return ""


def _is_feedback(letter: Letter) -> bool:
    """Feedback loops from before RFC 5965, and such reports that were put into words."""
    subject = letter.header("subject").lower()
    if re.match(
        r"complaint about message from|\[?abuse report|email (?:feedback|abuse) report", subject
    ):
        return letter.attached or bool(letter.returned)
    found = re.search(r"(?im)^feedback-type:\s*([\w-]+)", letter.words)
    if found:
        letter.feedback = {"feedback-type": found[1]}
    return bool(found)


def _complained(letter: Letter) -> tuple[Kind, tuple[Failure, ...]]:
    told = letter.feedback or {}
    kind = told.get("feedback-type", "abuse").lower().strip()
    if kind in HARMLESS:
        return "note", ()
    named = told.get("original-rcpt-to") or told.get("removal-recipient") or ""
    hidden = re.search(r"(?im)^x-hmxmroriginalrecipient:\s*(\S+)", letter.returned)
    found = wording.ADDRESS.search(named) or (wording.ADDRESS.search(hidden[1]) if hidden else None)
    sent = [] if found else wording.sent_to(letter)
    recipient = found[0] if found else sent[0] if sent else ""
    return "complaint", (Failure(recipient, "policy", "", wording.line(kind)),)


def _detected(raw: bytes, letter: Letter) -> tuple[Kind, tuple[Failure, ...]] | None:
    from flufl.bounce import all_failures

    if letter.header("auto-submitted").lower().startswith("auto-replied"):
        return None
    # It logs a traceback for each of its detectors that stumbles; a report is not our trouble.
    logging.getLogger("flufl.bounce").disabled = True
    with suppress(Exception):  # what others' detectors raise on is not understood
        # Each of its hundred detectors reads every line once more.
        temporary, permanent = all_failures(parsed(raw[:WORDS]))
        # What they take for an address may have a NUL in it, which no database keeps.
        named = sorted(permanent or temporary)
        found = [wording.line(a.decode("ascii", "replace")) for a in named]
        if found:
            status = status_in(letter.words)
            words = wording.line(letter.words)
            kind: Kind = "bounce" if permanent else "delayed"
            return kind, tuple(Failure(a, fault(status, words), status, words) for a in found)
    return None


def _is_strong(letter: Letter, failures: tuple[Failure, ...]) -> bool:
    """A report in words that a field for answers does not unmake: postfix and Exim set it, too."""
    machine = bool(wording.MACHINE.search(letter.header("from")))
    named = bool(letter.header("x-failed-recipients"))
    return named or (machine and any(failure.status or failure.diagnostic for failure in failures))


def _is_automatic(letter: Letter) -> bool:
    return is_reply(letter) or letter.header("return-path").strip() == "<>"


def _is_human(letter: Letter) -> bool:
    machine = wording.MACHINE.search(letter.header("from"))
    return bool(letter.header("from")) and not machine and letter.header("return-path") != "<>"


def _everything(letter: Letter, raw: bytes) -> str:
    parts = (letter.returned, letter.words, raw.decode("latin-1"))
    return "\n".join(part for part in parts if part)


def _fingerprint(letter: Letter, raw: bytes, about: About | None) -> str:
    """By what the reporting system named its report; by who says what where it gave no name: the
    same words about another's mail, or of another's machine, are another report.
    """
    name = letter.header("message-id").strip()
    whose = f"{about} {about.mark}" if about and about.mark else f"{about}"
    body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2].strip()
    said = f"{letter.header('from')}\n{whose}\n".encode("utf-8", "replace") + (body or raw)
    named = f"{name}\n{letter.header('date')}\n{whose}".encode("utf-8", "replace")
    return hashlib.sha256(named if name else said).hexdigest()


def _why(letter: Letter) -> str:
    return wording.line(f"{letter.header('from')}: {letter.header('subject')}")[:200]
