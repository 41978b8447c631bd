"""Reports of real mail systems (tests/samples/reports), each with what a person reads in it."""

from pathlib import Path

import pytest

from subscribers.bounces import understand
from subscribers.bounces.faults import fault

FOLDER = Path(__file__).parent / "samples" / "reports"
# The kind, and the faults in the order of the failures.
READ = {
    "aol_01": ("bounce", "policy"),
    "dsn_12": ("bounce", "address"),
    "dsn_15": ("bounce", "address"),
    "dsn_18": ("bounce", "address"),
    "exim_01": ("bounce", "address"),
    "microsoft_01": ("bounce", "address"),
    "postfix_02": ("bounce", "soft"),
    "postfix_04": ("bounce", "full"),
    "qmail_03": ("bounce", "address"),
    "qmail_08": ("reply",),
    "simple_03": ("delayed", "soft"),
    "simple_13": ("bounce", "address"),
    "simple_19": ("bounce", "address"),
    "simple_34": ("bounce", "address"),
    "simple_40": ("delayed", "soft"),
    "simple_43": ("bounce", "address"),
    "smtp32_04": ("bounce", "address", "address"),
    "yahoo_04": ("bounce", "full", "full"),
    "yahoo_10": ("bounce", "address", "address", "address"),
}


def test_each_sample_has_its_reading() -> None:
    assert {file.stem for file in FOLDER.glob("*.txt")} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_g69_a_real_report_is_read_as_a_person_reads_it(name: str) -> None:
    found = understand((FOLDER / f"{name}.txt").read_bytes())
    assert (found.kind, *(failure.fault for failure in found.failures)) == READ[name], found


@pytest.mark.parametrize(
    ("status", "words", "whose"),
    [
        # A footer about what was scanned for is no refusal; a virus that was found is one.
        ("5.1.1", "failed: a@b.example\nIt has been scanned for all viruses.", "address"),
        ("5.1.1", "550 5.1.1 message contains a virus", "policy"),
        # What stands in an address says nothing of a mailbox.
        ("", "mailbox.full@b.example: 550 no such user", "address"),
        ("5.1.1", "550 RCPT TO:<a@b.example> max message size exceeded", "size"),
        # Two lines of one sentence; a name server that is asked again.
        ("", "<a@b.example>: Command output: Mail quota\n    exceeded.", "full"),
        ("", "Name service error for b.example: Host not found, try again", "soft"),
        ("5.0.0", "551 <a@b.example> is a deactivated mailbox", "address"),
        ("5.0.0", "550 BAD_RECIPIENT", "address"),
        ("5.0.0", "550 User has too many messages on the server.", "full"),
        ("5.0.0", "550 Your server requires confirmation.", "policy"),
    ],
)
def test_g71_the_words_of_real_systems(status: str, words: str, whose: str) -> None:
    assert fault(status, words) == whose


def mail(
    subject: str, words: str, sender: str = "MAILER-DAEMON@mx.example", more: str = ""
) -> bytes:
    head = f"Return-Path: <>\nFrom: {sender}\nTo: x@news.example\nSubject: {subject}\n{more}"
    return f"{head}Content-Type: text/plain\n\n{words}\n".encode()


def test_g70_a_warning_that_says_what_will_be_is_no_failure_yet() -> None:
    words = ("The message to a@b.example has not yet been delivered. Attempts go on.\n"
             "Eventually the software will give up, and it will be returned to you.")  # fmt: skip
    late = understand(mail("Warning: message 1x delayed 24 hours", words))
    assert late.kind == "delayed"
    given_up = words.replace("Eventually the software will give up", "I have given up")
    assert understand(mail("Warning: message 1x delayed", given_up)).kind == "bounce"


def test_g69_a_system_s_report_about_nobody_is_a_failure_of_whoever_our_token_names() -> None:
    lost = understand(mail("Returned mail: see transcript for details", "<<< nothing >>>"))
    assert [(lost.kind, f.recipient, f.fault) for f in lost.failures] == [("bounce", "", "soft")]
    person = understand(
        mail("Returned mail", "I am away.", "Ann <ann@b.example>", "X-Vacation: 1\n")
    )
    assert (person.kind, person.failures) == ("reply", ())
