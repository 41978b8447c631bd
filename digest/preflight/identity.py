"""Rules on who sends, on the headers, and on the sizes of the bytes that would go out.

Providers' rules of 2024 and 2025 (Gmail, Yahoo, Microsoft) stand behind most of them.
Never here: the DNS (`digest doctor` looks there).
"""

import re

from digest.preflight.case import Case, Says, rule

CLIPPED, HEAVY = 100_000, 80_000  # bytes of HTML; Gmail cuts at about 102 kB
LARGEST = 1_000_000  # bytes of the whole message
LINE, BODY_LINE = 998, 76
ADVISED_KEY = 2048
FREE_MAIL = frozenset(
    {"aol.com", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hotmail.com", "icloud.com",
     "live.com", "mail.ru", "me.com", "outlook.com", "proton.me", "protonmail.com", "web.de",
     "yahoo.com", "yandex.ru"}
)  # fmt: skip
# Under a country's domain these are nobody's own: example.co.uk is, co.uk is not.
SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "firm", "gen", "go", "gov", "ind", "ltd", "ne",
                          "net", "nic", "or", "org", "plc", "res"})  # fmt: skip


@rule("message-impossible", "error")
def message_impossible(case: Case) -> Says:
    """No message can be made of the issue: a header, a key or the secret cannot be used."""
    if case.sender.problem:
        yield "message", _sentence(case.sender.problem), _sentence(case.sender.remedy)


@rule("html-clipped", "error")
def html_clipped(case: Case) -> Says:
    """Gmail cuts HTML at about 102 kB and hides the footer with the way out."""
    if case.html_size > CLIPPED:
        yield (
            "HTML part",
            f"The mail has {case.html_size:,} bytes of HTML: Gmail will cut it.",
            f"Drop stories or shorten them until it has less than {CLIPPED:,}.",
        )


@rule("html-heavy", "warning")
def html_heavy(case: Case) -> Says:
    """Above 80 kB of HTML there is little left to Gmail's limit."""
    if HEAVY < case.html_size <= CLIPPED:
        yield (
            "HTML part",
            f"The mail has {case.html_size:,} bytes of HTML.",
            f"Gmail cuts at {CLIPPED:,}: drop a story.",
        )


@rule("message-large", "error")
def message_large(case: Case) -> Says:
    """A mail of a megabyte is slow everywhere and refused by some."""
    if len(case.data) > LARGEST:
        yield "message", f"The message has {len(case.data):,} bytes.", "Drop stories."


@rule("base-url-not-https", "warning")
def base_url_not_https(case: Case) -> Says:
    """One-click unsubscribing (RFC 8058) works over https alone; Gmail and Yahoo ask for it."""
    if not case.sender.base_url.startswith("https://"):
        yield (
            "settings",
            f"{case.sender.base_url!r} is not https, so no one-click header is written.",
            "Set base_url in digest.toml to the https address of these pages.",
        )


@rule("list-unsubscribe-missing", "error")
def list_unsubscribe_missing(case: Case) -> Says:
    """Gmail and Yahoo demand the List-Unsubscribe header of everybody who sends to many."""
    if case.data and not case.header("List-Unsubscribe"):
        yield "headers", "The message has no List-Unsubscribe.", "Set base_url in digest.toml."


@rule("list-unsubscribe-folded", "error")
def list_unsubscribe_folded(case: Case) -> Says:
    """List-Unsubscribe must be one physical line of plain addresses, or clients ignore it."""
    lines = [line for line in case.header_lines if line.startswith("List-Unsubscribe:")]
    for line in lines:
        after = case.header_lines[case.header_lines.index(line) + 1 :][:1]
        folded = bool(after and after[0].startswith((" ", "\t")))
        if folded or not re.fullmatch(r"List-Unsubscribe: <[!-;=?-~]+>(, <[!-;=?-~]+>)*", line):
            yield (
                "headers",
                "List-Unsubscribe is folded or encoded.",
                "Shorten base_url in digest.toml, and write it in plain ASCII.",
            )


@rule("one-click-wrong", "error")
def one_click_wrong(case: Case) -> Says:
    """RFC 8058: with an https address the one-click header is there once and byte-exact."""
    said = case.header("List-Unsubscribe-Post")
    wanted = "<https://" in (case.header("List-Unsubscribe") or "")
    if wanted and said != "List-Unsubscribe=One-Click":
        yield (
            "headers",
            f"List-Unsubscribe-Post is {said!r}.",
            "Report it: this program writes that header itself.",
        )


@rule("header-line-long", "error")
def header_line_long(case: Case) -> Says:
    """RFC 5322 forbids lines of more than 998 characters."""
    for line in case.header_lines:
        if len(line) > LINE:
            yield "headers", f"{line[:30]}… has {len(line)} characters.", "Shorten that value."


@rule("body-line-long", "error")
def body_line_long(case: Case) -> Says:
    """RFC 2045 allows 76 characters in an encoded line; filters punish longer ones."""
    body = case.data.partition(b"\r\n\r\n")[2]
    longest = max(map(len, body.split(b"\r\n")))
    if longest > BODY_LINE:
        yield "message", f"A line of the body has {longest} bytes.", "Report it: it is our fault."


@rule("eight-bit", "error")
def eight_bit(case: Case) -> Says:
    """Bytes above 127 do not survive every relay, and break the signature where they do not."""
    if not case.data.isascii():
        yield "message", "The message has bytes above 127.", "Report it: it is our fault."


@rule("list-id-missing", "error")
def list_id_missing(case: Case) -> Says:
    """Readers file mail by its List-Id, and Gmail tells newsletters apart by it (RFC 2919)."""
    said = case.header("List-Id")
    if case.data and not re.search(r"<[^<>\s]+\.[^<>\s]+>", said or ""):
        yield "headers", "The message has no List-Id.", "Set list_id in digest.toml."


@rule("feedback-id-wrong", "warning")
def feedback_id_wrong(case: Case) -> Says:
    """Gmail counts complaints by Feedback-ID: four fields, the sender's last, none twice."""
    said = case.header("Feedback-ID")
    fields = (said or "").split(":")
    good = len(fields) == 4 and 5 <= len(fields[-1]) <= 15 and len(set(fields)) == 4
    if case.data and not good:
        yield (
            "headers",
            f"Feedback-ID is {said!r}.",
            "Set feedback_id in digest.toml to 5 to 15 letters.",
        )


@rule("dkim-missing", "warning")
def dkim_missing(case: Case) -> Says:
    """Without a DKIM signature Gmail, Yahoo and Microsoft refuse mail to many."""
    if case.sender.from_ and not case.sender.dkim_domain:
        yield (
            "settings",
            "The mail is not signed here.",
            "Run `digest dkim generate`, or be sure that the relay signs.",
        )


@rule("dkim-not-aligned", "error")
def dkim_not_aligned(case: Case) -> Says:
    """DMARC counts a signature only if its domain belongs to that of From."""
    domain = _domain(case.sender.from_)
    if domain and case.sender.dkim_domain and not aligned(case.sender.dkim_domain, domain):
        yield (
            "settings",
            f"DKIM signs for {case.sender.dkim_domain}, but From is of {domain}.",
            f"Set domain of [dkim] to {domain} or the domain above it.",
        )


@rule("dkim-key-short", "warning")
def dkim_key_short(case: Case) -> Says:
    """RSA keys should have 2048 bits (RFC 8301); Gmail and Yahoo advise it."""
    if 256 < case.sender.dkim_bits < ADVISED_KEY:
        yield (
            "settings",
            f"The DKIM key has {case.sender.dkim_bits} bits.",
            "Write a new one under a new selector: `digest dkim generate`.",
        )


@rule("envelope-not-aligned", "error")
def envelope_not_aligned(case: Case) -> Says:
    """SPF helps DMARC only if the envelope sender's domain belongs to that of From."""
    domain = _domain(case.sender.from_)
    if domain and case.sender.envelope_domain and not aligned(case.sender.envelope_domain, domain):
        yield (
            "settings",
            f"Bounces go to {case.sender.envelope_domain}, but From is of {domain}.",
            f"Set domain of [bounces] to a name under {organisational(domain)}.",
        )


@rule("from-free-mail", "error")
def from_free_mail(case: Case) -> Says:
    """Nobody can sign for gmail.com but Gmail: mail from such an address fails DMARC."""
    if _domain(case.sender.from_) in FREE_MAIL:
        yield (
            "settings",
            f"The mail comes from {_domain(case.sender.from_)}.",
            "Use an address of your own domain as from.",
        )


@rule("from-no-reply", "warning")
def from_no_reply(case: Case) -> Says:
    """Readers answer newsletters; a no-reply address tells them not to, and they complain."""
    local = _address(case.sender.from_).partition("@")[0]
    if re.fullmatch(r"(?i)(no|do-?not)[-_.]?reply.*", local) and not case.header("Reply-To"):
        yield "settings", f"From is {local}@….", "Set reply_to in digest.toml to one that is read."


@rule("from-name-deceives", "error")
def from_name_deceives(case: Case) -> Says:
    """A sender's name that holds an address, or feigns a reply, is taken for phishing."""
    name, address = case.sender.from_.rpartition("<")[0].strip(' "'), _address(case.sender.from_)
    shown = re.search(r"[\w.+-]+@[\w.-]+", name)
    if (shown and shown[0].lower() != address) or re.match(r"(?i)\s*(re|fwd?):", name):
        yield "settings", f"The sender's name is “{name}”.", "Use the newsletter's or your name."


def aligned(domain: str, of: str) -> bool:
    """Whether two domains have the same organisational domain (DMARC, relaxed)."""
    return organisational(domain) == organisational(of)


def organisational(domain: str) -> str:
    """The domain that somebody registered: two labels, or three below such as co.uk."""
    labels = domain.lower().rstrip(".").split(".")
    shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL
    return ".".join(labels[-3:] if shared else labels[-2:])


def _address(from_: str) -> str:
    return from_.rpartition("<")[2].strip(" >").lower()


def _domain(from_: str) -> str:
    return _address(from_).rpartition("@")[2]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".") + "." if words else ""
