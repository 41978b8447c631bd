"""The demonstration: four mails, three readers with a reason for none, and no second copy."""

import mailbox
import signal
import subprocess
import time
from email.message import Message
from pathlib import Path

import pytest

from tests.commands import PROGRAM, clean, digest_in, refused

SENT = {
    "ann": ("Global", "Opinion", "Trending"),
    "ben": ("Global",),
    "chandra": ("Opinion",),
    "dora": ("Global", "Opinion", "Trending"),
}
TRENDING = "Port Calder Opens Its First Harbour Railway in Sixty Years"
WHY = {
    "emil": "withdrawn",
    "fay": "suppressed",
    "goran": "no section chosen has a story",
}


def test_four_mails_and_nobody_twice(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    for again in (False, True):
        done = digest_in(tmp_path, "demo", str(folder))
        assert done.returncode == 0, done.stderr
        assert ("nobody was sent a second copy" in done.stdout) is again
        assert ("sending over SMTP" in done.stderr) is not again
        mails = mails_in(folder)
        assert sorted(mails) == sorted(SENT)
        assert {name: sections(mails[name]) for name in mails} == SENT
        assert mails["dora"].get_content_type() == "text/plain"
        # Who has no Trending list reads its stories in their sections; nobody reads one twice.
        assert {name: text(mails[name]).count(TRENDING) for name in SENT} == {
            "ann": 1, "ben": 1, "chandra": 0, "dora": 1
        }  # fmt: skip
        lines = {line.partition("@")[0]: line for line in done.stdout.splitlines() if "@" in line}
        assert sorted(lines) == sorted([*SENT, *WHY])
        assert [name for name, chosen in SENT.items() if ", ".join(chosen) not in lines[name]] == []
        assert [name for name, why in WHY.items() if why not in lines[name]] == []


@pytest.mark.parametrize("mails", [0, 1, 2])
def test_killed_in_the_middle_then_run_again(tmp_path: Path, mails: int) -> None:
    folder = tmp_path / "demo"
    arrived = folder / "mail" / "new"
    running = subprocess.Popen(
        [*PROGRAM, "demo", str(folder)],
        env=clean(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < until:
        if arrived.exists() and len(list(arrived.iterdir())) >= mails:
            break
        time.sleep(0.001)
    running.send_signal(signal.SIGKILL)
    running.wait(30)
    done = digest_in(tmp_path, "demo", str(folder))
    assert done.returncode == 0, done.stderr
    # A mail whose fate the dead program did not write down goes once more, the same to the byte
    # in its Message-ID, so that mailboxes show one.
    got: dict[str, set[str]] = {}
    for message in mailbox.Maildir(folder / "mail", create=False):
        got.setdefault(name_of(message), set()).add(str(message["Message-ID"]))
    # Until that time comes, whoever has nothing yet is listed as deferred: nobody is lost.
    lines = {line.partition("@")[0]: line for line in done.stdout.splitlines()}
    assert {name for name in SENT if "deferred" not in lines[name]} <= set(got) <= set(SENT)
    assert [name for name, identities in got.items() if len(identities) > 1] == []


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digest.toml").write_text("[publisher]\n", encoding="utf-8")
    refused(digest_in(tmp_path, "demo", str(tmp_path)), 2, "somebody's settings")
    assert [path.name for path in tmp_path.iterdir()] == ["digest.toml"]


def mails_in(folder: Path) -> dict[str, Message]:
    """Every mail by the name it was delivered to; two for one name fail."""
    messages = list(mailbox.Maildir(folder / "mail", create=False))
    mails: dict[str, Message] = {name_of(message): message for message in messages}
    assert len(mails) == len(messages)
    return mails


def name_of(message: Message) -> str:
    """Ann, of ann@readers.example."""
    return str(message["Delivered-To"]).strip("<>").partition("@")[0]


def sections(message: Message) -> tuple[str, ...]:
    """The headings of the text part that name a section."""
    lines = {line.strip(" #=-*").casefold() for line in text(message).splitlines()}
    known = ("Global", "Opinion", "Trending")
    return tuple(name for name in known if name.casefold() in lines)


def text(message: Message) -> str:
    """The text part, whose lines may break anywhere between words."""
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode("utf-8")
