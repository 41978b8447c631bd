# ruff: noqa: E501 - one kind of word a line
"""Faults: an enhanced status code and a reason in words -> whose fault a failure is. Pure.

The table of the checklist (71): an address that does not exist is the reader's; a full mailbox
and a system in trouble pass; a policy or a message too large is the sender's own doing, and no
reader must pay for it. Words overrule a status where systems use it for everything (5.0.0).
"""

import re

from subscribers.bounces.values import Fault

ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]|\.\d)")
REPLY = re.compile(r"(?<![\d.-])([45]\d\d)(?=[\s-](?!\d))")


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


# Said so of a sender that these words win over any status.
BLOCKED = _words(
    r"spamhaus|barracudacentral|spamcop|sorbs|uceprotect|surbl|black ?list|block ?list|blocklisted",
    r"\bdmarc\b|\bspf\b|\bdkim\b|reputation|unauthenticated|not authenticated",
    r"(?:classified|detected|identified|considered|looks like|suspected) (?:as |to be )?(?:unsolicited|spam)",
    r"spam (?:message|mail|content|detected|filter)|message (?:rejected|refused) as spam|bulk mail",
    r"content (?:rejected|filter)|malware|phish|blocked (?:using|by|due)|ip .{0,30}blocked",
    # A footer that says what was looked for is no reason.
    r"virus.{0,40}(?:found|detect|reject|block|infect)|(?:contain|infect|detect|found|carr|suspect|has a)\w{0,20}.{0,30}virus|virus$",
    r"rate limit|(?<!user has )too many (?:messages|connections|mails)|unusual rate|unsolicited mail",
    r"reverse dns|\bptr\b|rdns|greylist|grey ?listed|graylist",
)
FULL = _words(
    r"(?:mailbox|mail box|inbox|user|account|storage|disk|box).{0,40}(?:is |was )?(?:full|over ?quota|exceed)",
    r"over ?(?:disk )?quota|quota (?:exceeded|full|has been|limit)|exceed(?:s|ed)?.{0,30}(?:quota|storage|allocation|mailbox size)",
    r"(?:insufficient|not enough|out of|no) (?:system |disk )?(?:storage|space)|mailbox size limit",
    r"(?:space|storage|quota) (?:is )?not enough|too much mail stored|user has too many (?:messages|mails)",
    r"too full|postfach.{0,20}voll|bo[iî]te.{0,30}pleine|buz[oó]n.{0,30}(?:lleno|completo)|casella.{0,30}piena",
    r"caixa.{0,30}cheia|переполнен|容量|空间不足|ممتلئ",
)
SIZE = _words(
    r"message (?:size|too (?:large|big|long)|length|file too big)|size limit|exceeds? (?:the )?(?:maximum|fixed|max\w*) (?:message )?(?:size|length)",
    r"too large|max(?:imum)? (?:incoming )?message size|line too long|bare (?:lf|newline)|not (?:rfc|valid).{0,20}5322",
)
GONE = _words(
    r"(?:user|rcpt|recipient|mailbox|account|address|addressee|local ?part|alias)\W.{0,60}(?:unknown|not (?:be )?found|does(?:n'?t| not) exist|not exist|invalid|disabled|inactive|unavailable|not (?:listed|recogni[sz]ed|a valid|available|active|local|on)|no longer|has been (?:removed|deleted|closed|suspended|disabled)|suspended|closed|expired|terminated|isn'?t)",
    r"(?:user|recipient|addressee) not known|not a valid (?:user|recipient|mailbox|account|addressee)|no mail ?box|invalid (?:final )?(?:delivery )?user-?id",
    r"(?:unknown|invalid|no such|bad|de-?activated|non-?existent|nonexistent|inactive|disabled|unrecogni[sz]ed|undeliverable|illegal|unroutable|unrouteable|wrong)[ _](?:local )?-?(?:user|recipient|mailbox|mail ?box|account|address|addressee|person|destination mailbox|local part|alias|virtual|e-?mail|domain|host)",
    r"no (?:mailbox|user|account|valid recipient|such).{0,20}|not our customer|doesn'?t have (?:a|an) .{0,20}account|not a known user|user doesn'?t|isn'?t (?:a valid|in my)|not have an account",
    r"address (?:not found|rejected|couldn'?t be found|unknown)|recip(?:ient)?notfound|addr(?:ess)?_unknown|relay(?:ing)? (?:denied|not permitted)?.{0,20}unknown user",
    r"domain.{0,30}(?:not found|does(?:n'?t| not) exist|invalid|unknown|not resolve)|host (?:unknown|not found)|unknown host|name or service not known|nxdomain|no mx|null mx|unrouteable|unroutable|bad destination",
    r"unbekannt|existiert nicht|nicht gefunden|ung[uü]ltig|inconnu|n'existe pas|introuvable|desconocid|no existe|no encontrad|inesistente|sconosciut|non esiste|n[aã]o existe|desconhecid|onbekend|bestaat niet|не существует|не найден|неизвестн|存在しません|見つかりません|不存在|没有此|不明|غير موجود|لا يوجد|अज्ञात|मौजूद नहीं",
)
POLICY = _words(
    r"spam|policy|blocked|denied|not (?:allowed|permitted|authori[sz]ed|accepted)|refused|reject(?:ed)? (?:due|by|for)|prohibited|restricted|relay|authentication|banned|content"
    r"|not accepting (?:mail|messages)|white ?list|requires? (?:confirmation|verification)",
)
LATER = _words(
    r"temporar|try again|timed? ?out|timeout|connection (?:refused|reset|lost)|deferred|later"
)

HARD = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.1.4", "5.1.0", "5.1.9"}
OURS = {"5.1.7", "5.1.8", "4.1.7", "4.1.8"}  # the sender's own address or system


def fault(status: str, words: str) -> Fault:
    """Whose fault it is, by an enhanced status ("" for none) and the other system's words."""
    status = status or status_in(words)
    words = _unfolded(words)
    if BLOCKED.search(words) or status in OURS or re.match(r"[45]\.7\.", status):
        return "policy"
    if re.match(r"[45]\.2\.2$", status) or (FULL.search(words) and status not in HARD):
        return "full"
    if status in {"5.3.4", "4.3.4", "5.2.3"} or status.startswith("5.6.") or SIZE.search(words):
        return "size"
    if status in HARD:
        return "address"
    if status.startswith("4"):
        return "soft"
    return _by_words(status, words)


def _by_words(status: str, words: str) -> Fault:
    """Where the status says little: 5.0.0, 5.3.x, 5.4.x, 5.5.x, or none at all."""
    code = reply_in(words)
    if GONE.search(words):
        passing = code.startswith("4") or (LATER.search(words) and not code)
        return "soft" if passing and not status else "address"
    if code == "552":
        return "size"
    if code in {"554", "571"} or POLICY.search(words):
        return "policy"
    bare = code in {"550", "551", "553"} and not status and not LATER.search(words)
    return "address" if bare else "soft"


def _unfolded(words: str) -> str:
    """Without line breaks inside a sentence, nor addresses: "user@" of one says nothing."""
    return re.sub(
        r"[^\s<>()\[\]:;,\"']{1,200}@[^\s<>()\[\]:;,\"']+",
        "@",
        re.sub(r"[ \t]{0,20}\n[ \t]+", " ", words),
    )


def status_in(words: str) -> str:
    """The first enhanced status that is not a success; "" for none."""
    for found in ENHANCED.findall(words):
        if found[0] in "45":
            return str(found)
    return ""


def reply_in(words: str) -> str:
    """The first SMTP reply code of a failure; "" for none."""
    found = REPLY.search(words + " ")
    return found[1] if found else ""
