"""Address: what somebody typed becomes the address to mail, or a sentence why not. Pure.

Never here: whether the address exists (no DNS), whether it may be mailed (suppression).
"""

import re
from collections.abc import Collection

from subscribers.errors import InvalidAddress

# What nearly every address looks like: nothing in it to normalise but the domain's case. Asked
# first because the parser takes 30 microseconds, and a list has a million lines.
PLAIN = re.compile(
    r"(?=.{3,120}$)(?!.{64,}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@"
    r"(?:(?!.{2}--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"(?!(?i:arpa|invalid|local|onion|alt|internal))[A-Za-z]{2,20}"
)
_REMEDY = "Write one as ann@example.org is written."
_DOMAIN = re.compile(r"(?:[^\W_](?:(?:[^\W_]|-){0,61}[^\W_])?\.)+[^\W_]{2,}")
_RESERVED = re.compile(r"(?i:(?:.*\.)?(?:arpa|invalid|local|localhost|onion|alt|internal))")
LONGEST = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 with its angle brackets


def normalise(text: str) -> str:
    """The address to mail: local part as given, domain in lower-case ASCII (IDNA).

    Spaces around it are forgiven. Raises InvalidAddress for anything but one bare address:
    a list, a display name, a line break, or a local part that would need SMTPUTF8 (RFC 6531).
    """
    bare = text.strip(" \t")
    if PLAIN.fullmatch(bare):
        local, _, domain = bare.rpartition("@")
        return f"{local}@{domain.lower()}"
    # Said before the parser sees it: a line break or a comma here is somebody's second recipient.
    if any(character in bare for character in ",;<>\r\n"):
        raise InvalidAddress(
            f"{_shown(bare)} is not one bare mail address.",
            remedy="Give one address, without a name around it.",
        )
    if len(bare) > LONGEST:
        raise InvalidAddress(f"{_shown(bare)} is longer than {LONGEST} characters.", remedy=_REMEDY)
    # Loaded for who needs it: nearly every address is plain, and it takes 20 milliseconds.
    from email_validator import EmailNotValidError, validate_email

    try:
        # The test environment admits .test (RFC 6761 section 6.2), which no DNS will ever serve.
        valid = validate_email(
            bare, check_deliverability=False, test_environment=True, allow_smtputf8=False
        )
    except EmailNotValidError as error:
        raise InvalidAddress(_flaw(bare), remedy=_REMEDY) from error
    return f"{valid.local_part}@{valid.ascii_domain.lower()}"


def key(address: str) -> str:
    """The form in which two addresses are the same person's: all lower-case.

    RFC 5321 section 2.4 lets a local part depend on its case; no mailbox in use does, and two
    rows for one person would mail them twice. Raises InvalidAddress.
    """
    return normalise(address).lower()


def masked(address: str) -> str:
    """The address as pages and logs may show it: `a…@example.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def is_refused(address: str, names: Collection[str], domains: Collection[str]) -> bool:
    """Whether one of these names stands before the @ of a normal address, or one of these domains,
    or one below it, behind it. A tag ("noreply+news") hides no name.
    """
    local, _, domain = address.lower().rpartition("@")
    labels = domain.split(".")
    above = (".".join(labels[first:]) for first in range(len(labels)))
    return local.partition("+")[0] in names or any(each in domains for each in above)


def _flaw(bare: str) -> str:
    """What is wrong with what is no address, in one sentence."""
    if not bare:
        return "No mail address was given."
    local, at, domain = bare.rpartition("@")
    where = _shown(domain)
    flaws = (
        (not at, "it has no @"),
        (not local, "nothing stands before the @"),
        (not domain, "nothing stands behind the @"),
        ("@" in local, "it has more than one @"),
        (bool(re.search(r"\s", bare)), "it has a space in it"),
        (not local.isascii(), "it has letters before the @ that few mail servers take"),
        (bool(re.search(r"^\.|\.\.|\.@|@\.|\.$", bare)), "it has a dot too many"),
        ("." not in domain, f"{where} is no whole domain"),
        (bool(_RESERVED.fullmatch(domain)), f"no mail leads to {where}, a reserved name"),
        (not _DOMAIN.fullmatch(domain), f"{where} is no name of a domain"),
        (True, "it has signs in it that few mail servers take"),
    )
    why = next(what for is_so, what in flaws if is_so)
    return f"{_shown(bare)} is not a mail address: {why}."


def _shown(text: str) -> str:
    """Hostile text made fit for one line of an error."""
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return f"“{printable[:60]}{'…' if len(printable) > 60 else ''}”"
