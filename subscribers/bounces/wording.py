# ruff: noqa: E501 - one kind of word a line
"""Wording: reports in words alone, as the many systems write them that know no RFC 3464. Pure.

Not one template for each system: what they have in common is a sender that is a machine, a
subject and a first sentence that say so in some language, and addresses on lines of their own
with the other system's answer near them. Two such signs make a report, one does not.
"""

import re
from collections.abc import Iterator

from subscribers.bounces.faults import fault, reply_in, status_in
from subscribers.bounces.reading import Letter
from subscribers.bounces.values import Failure

# Every repetition has an end here: without one, a line made for it takes a pattern hours.
ADDRESS = re.compile(
    r"(?<![A-Za-z0-9._%+=@-])(?:smtp[=:])?[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"
)
MACHINE = re.compile(
    r"mailer-?daemon|mail-?daemon|postmaster|mail (?:delivery|system|administrator|router|server)"
    r"|delivery (?:sub)?system|system administrator|(?:^|[<\s\"])(?:mmdf|uucp|daemon|bounces?|mailadm|mdaemon)"
    r"|administrator@|maildelivery|mail\.daemon|microsoft ?exchange|zustellung|systemadmin",
    re.IGNORECASE,
)
SUBJECT = re.compile(
    r"undeliver|un-?deliverable|returned (?:mail|e-?mail|message)|failure notice|delivery (?:has )?(?:status|fail|notif|problem|report|error|final|unsuccess)"
    r"|failed (?:mail|message|delivery)|(?:mail|message|e-?mail|nondelivery|nachricht).{0,25}(?:fail|error|not delivered|returned|bounced|undelivered|could not|problem)"
    r"|non.?deliver|not (?:be )?delivered|bounce|mail (?:system )?error|unable to deliver|user unknown|rejected|address (?:change|error)"
    r"|unzustellbar|nicht (?:zu)?gestellt|nicht zustellbar|zustellung|fehlgeschlagen|non remis|non distribu|[ée]chec|notification d.[ée]tat|remise"
    r"|no (?:se )?(?:ha )?(?:podido |pudo )?(?:entreg|envi)|devuelto|fall[oó]|estado de entrega|imposible|mancat[ao]|recapito|impossibile|non (?:recapit|consegn)|n[aã]o (?:foi )?(?:entreg|pode)|falha|devolvid"
    r"|onbestelbaar|niet (?:be)?zorgd|afgeleverd|kan niet|olevererbar|ej levererat|kunne ikke|toimit|nie (?:mo[zż]na )?dostarcz|zwrot"
    r"|недостав|не ?доставл|невозможно|ошибка|возвращ|配信|送信(?:エラー|できません)|不達|送達|エラー|退信|退回|无法|無法|投递|失败|반송|실패|배달"
    r"|تعذر|فشل|لم يتم|असफल|विफल|नहीं पहुँच|वितरण",
    re.IGNORECASE,
)
BODY = re.compile(
    r"(?:could|can|was|were|did|has|have|is|are|been|be) ?(?:not|n'?t)(?: yet)?(?: be| been)? (?:be )?(?:deliver|sent|reach|able to deliver|complet|process|accept|relay)"
    r"|unable to (?:deliver|send|relay)|wasn'?t able to deliver|undeliver|failed permanently|permanent (?:fatal )?(?:error|failure)|delivery (?:to|of|has|for|failed|error|failure|attempt)"
    r"|did not reach|following (?:address|recipient|destination|error)|cannot (?:be )?deliver|cannot send|returned (?:to you|for|because|undeliver)|transcript of (?:the )?session"
    r"|giving up|given up|error (?:while|occurred|delivering)|failed (?:recipient|to deliver|final|delivery|address)|bounced|unrecoverable|message (?:was|has been) (?:rejected|refused|returned)|not delivered"
    r"|nicht (?:zu)?gestellt|nicht (?:aus)?geliefert|konnte nicht|unzustellbar|fehlgeschlagen|pas (?:pu )?[eê]tre (?:remis|distribu|livr)|n'a pas [ée]t[ée]|n'a pu|[ée]chec|non remis"
    r"|no (?:se )?(?:ha )?(?:podido|pudo)|no fue entregad|no lleg[oó]|impossibile|non [eè] stato|non (?:recapit|consegn)|n[aã]o (?:p[oô]de|foi|puder)|niet (?:worden )?(?:be)?(?:zorgd|afgeleverd)|kon niet|kunde inte|ikke leveres"
    r"|не (?:было |была |может быть |удалось )?достав|невозможно|配信(?:でき|不能|に失敗)|届け|送信できません|配送不能|无法(?:投递|送达|递送)|未能|被退回|發送失敗|配信されません|전송(?:하지| 실패)|배달"
    r"|تعذر|لم يتم|لم نتمكن|नहीं (?:पहुँच|भेज|पहुंच)|वितरित नहीं|विफल",
    re.IGNORECASE,
)
DELAYED = re.compile(
    r"delayed|postponed|will (?:be )?(?:retr|continue to be attempted|keep trying|try (?:again|for))|not yet (?:been )?(?:deliver|able)|has not yet been|still (?:trying|being)|temporary (?:problem|failure).{0,80}will"
    r"|warning: (?:message|could not)|this is (?:only )?a warning|do not need to (?:resend|take)|no action is required|you do not need|noch nicht zugestellt|wird weiter|retard[ée]|sigue intentando|ritardat|delivery incomplete|are being delayed|queued for",
    re.IGNORECASE,
)
FINAL = re.compile(
    r"fail(?:ed|ure)? permanently|permanent|give(?:n)?(?: it)? up|giving up|returned|will not (?:be )?(?:retr|continue)|has been returned|final(?:ly)? fail|expired|could not be delivered (?:for|within|after)|too long",
    re.IGNORECASE,
)
FUTURE = re.compile(r"\b(?:will(?! not\b)|eventually)\b", re.IGNORECASE)
# A line that names the address that failed.
NAMING = re.compile(
    r"^[\s>*•.:|\"'(\[-]{0,60}(?:\d{1,4}[.)]\s{1,20})?(?:rfc822;\s{0,20})?<?("
    + ADDRESS.pattern
    + r")>?[\"')\]]{0,20}\s{0,20}(?:[:;,(]|\.\.\.|-\s|$|\s{1,20}\(|\s{2}|\s{1,20}(?:on|am|le|delivery|failed|\d{3}\b|[A-Z])).*$"
    r"|(?<![\w@])(?:dda|rcpt to|recipient(?:s| address| name)?|userid|addressed to|to|address|user|mailbox|account|destinat\w+|empf[äa]nger|destinataire|destinatario|получател\w*|an|à|a|para|til|宛先|收件人|المستلم)\W{1,6}<?("
    + ADDRESS.pattern
    + r")"
    r"|(?<![\w@])(?:delivered|deliver(?:ing|y)?|send(?:ing)?|reach|mail|message|unknown|failed|5\d\d)\b[^@\n]{0,60}?[\s<:\"'(]("
    + ADDRESS.pattern
    + r")",
    re.IGNORECASE | re.MULTILINE,
)
STRANGERS = re.compile(
    r"^(?:mailer-daemon|postmaster|abuse|root|mail|noreply|no-reply|support|help\w*)@",
    re.IGNORECASE,
)
TYPED = ("in-reply-to", "references", "x-mailer", "user-agent", "list-unsubscribe")
MANY = 100  # of whom one report says that they failed: ours are about one each
NO_ANSWER = re.compile(r"^\s*(?:re|aw|sv|fwd?|wg|tr|rv|ynt|vs)\s*:", re.IGNORECASE)


def failures(letter: Letter) -> tuple[str, tuple[Failure, ...]]:
    """("bounce" or "delayed", what failed) of a report in words; ("", ()) where it is none."""
    if not is_report(letter):
        return "", ()
    words = letter.words
    late = DELAYED.search(f"{letter.header('subject')}\n{words[:4000]}")
    final = FINAL.search(_past(words)) or letter.header("x-failed-recipients")
    found = tuple(_failures(letter, words))
    if late and not final:
        return "delayed", found
    return ("bounce", found) if found else ("", ())


def _past(words: str) -> str:
    """Without what is still to come: "will give up, and when that happens, it will be returned"."""
    return ".".join(FUTURE.split(said)[0] for said in words.split("."))


def nameless(letter: Letter) -> tuple[Failure, ...]:
    """The failure in a system's report that says of nobody that it failed; our token may."""
    words, late = letter.words, DELAYED.search(f"{letter.header('subject')}\n{letter.words[:4000]}")
    if late or not (is_report(letter) and _is_machine(letter)):
        return ()
    return (Failure("", fault("", words), status_in(words), line(words)),)


def is_report(letter: Letter) -> bool:
    """Whether enough of it looks like a system's report that a mail did not arrive."""
    subject = letter.header("subject")
    if letter.header("x-failed-recipients"):
        return True
    machine = _is_machine(letter)
    said = bool(SUBJECT.search(subject))
    words = bool(BODY.search(letter.words[:6000]))
    answer = bool(status_in(letter.words) or reply_in(letter.words))
    if machine:
        late = bool(DELAYED.search(subject))
        return said or (words and (answer or late or bool(letter.returned)))
    # A person can write all this, too: then only what people's programs do not leave out.
    typed = any(letter.header(name) for name in TYPED) or bool(NO_ANSWER.match(subject))
    # A parcel that could not be delivered says so in the same words; but it sends no mail back.
    mailed = bool(status_in(letter.words) or letter.returned) or letter.attached
    return said and not typed and mailed and (words or answer)


def _is_machine(letter: Letter) -> bool:
    path = letter.header("return-path").strip() == "<>"
    reported = "delivery-status" in letter.header("content-type")
    return path or reported or bool(MACHINE.search(letter.header("from")))


def _failures(letter: Letter, words: str) -> Iterator[Failure]:
    found = _recipients(letter, words)[:MANY]
    for address, place in found:
        near = _near(words, place, [other for _, other in found]) or words
        if not (status_in(near) or reply_in(near) or len(near.split()) > 3):
            near = words
        status = status_in(near) or status_in(words)
        yield Failure(address, fault(status, near), status, line(near))


def _recipients(letter: Letter, words: str) -> list[tuple[str, int]]:
    """The addresses that failed, each with its place in the words, in their order."""
    ours = _ours(letter)
    failed = ADDRESS.findall(letter.header("x-failed-recipients"))
    sent = {a.lower() for a in sent_to(letter)}
    named: dict[str, int] = {}
    for match in NAMING.finditer(words):
        address = _bare(next(group for group in match.groups() if group))
        if address.lower() not in ours and not STRANGERS.match(address):
            named.setdefault(address, match.start())
    if failed:
        return [(a, max(words.find(a), 0)) for a in dict.fromkeys(failed)]
    both = {a: place for a, place in named.items() if a.lower() in sent}
    if both:
        return list(both.items())
    if named:
        return list(named.items())
    loose = [_bare(a) for a in ADDRESS.findall(words)]
    loose = [a for a in loose if a.lower() not in ours and not STRANGERS.match(a)]
    chosen = [a for a in loose if a.lower() in sent] or loose or list(sent_to(letter))
    return [(a, max(words.find(a), 0)) for a in dict.fromkeys(chosen)][:20]


def sent_to(letter: Letter) -> list[str]:
    """To whom the mail went that came back."""
    head = re.sub(r"\n[ \t]+", " ", letter.returned)
    lines = re.findall(r"(?im)^(?:to|x-original-to|delivered-to)\s*:\s*(.*)$", head)
    return [address for value in lines[:3] for address in ADDRESS.findall(value)]


def _ours(letter: Letter) -> set[str]:
    """Addresses that can't have failed: the report's own, and the sender of what came back."""
    head = re.sub(r"\n[ \t]+", " ", letter.returned)
    mine = [letter.header(name) for name in ("from", "to", "delivered-to", "reply-to", "sender")]
    mine += re.findall(r"(?im)^(?:from|return-path|sender|reply-to|message-id)\s*:\s*(.*)$", head)
    mine += re.findall(
        r"(?im)^[ \t]{0,60}(?:from|sender|message-id|von|de|expéditeur)\s*:\s*(.*)$", letter.words
    )
    return {address.lower() for value in mine for address in ADDRESS.findall(value)}


def _bare(address: str) -> str:
    return re.sub(r"(?i)^smtp[=:]", "", address.strip(".'`"))


def _near(words: str, place: int, places: list[int]) -> str:
    """From the line of an address to the next one, at most fifteen lines."""
    end = min((other for other in places if other > place), default=len(words))
    return "\n".join(words[place:end].split("\n")[:15])


def line(text: str) -> str:
    """The other system's word in one printable line of at most 300 characters."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat)[:300]
