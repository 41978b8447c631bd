"""Deks: the one paragraph beneath a headline, made of a source's summary or of its first lines.

Here lives what is a sentence and what is boilerplate. Never here: markup (text).
"""

import re
from collections.abc import Iterable, Iterator

from digest.articles.text import headline_key

DEK = 280  # characters: three lines on a telephone
DEK_AT_LEAST = 120  # characters that a dek should have, where the source gives as much

END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|\Z)|[؟۔।॥](?=\s|\Z)|[。！？｡][”’」』）】]*+"
)
ABBREVIATED = re.compile(
    r"(?:^|[\s(\[\"'“‘«-])(?:[^\W\d_]|(?:[^\W\d_]\.)+[^\W\d_]?|Mr|Mrs|Ms|Dr|St|Ste|Mt|Ft|Prof|Gen|Sen|Gov"
    r"|Rep|Lt|Col|Maj|Sgt|Capt|Cpl|Adm|Rev|Hon|Pres|Supt|No|Nos|Art|Sec|Fig|vol|pp|approx|vs"
    r"|Jr|Sr"
    r"|cf|viz|al|Inc|Ltd|Corp|Co|Bros|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Mon|Tue"
    r"|Wed|Thu"
    r"|Fri|Rs|Smt|Shri|Sh|Md|Mme|Mlle|Nr|Abs|bzw|ca|usw|evtl|Dres|Hr|Fr|Sra|Srta|Sta|Sto|Exmo"
    r"|núm"
    r"|डॉ|श्री|प्रो|नं|रु|т|г|ул|руб|тыс|млн|млрд)\.$"
)
# These may end a sentence as well; then the next begins with a capital.
MAY_END = re.compile(r"(?:\b[ap]\.m|\b(?:[A-Z]\.)+[A-Z]|\b(?:etc|Inc|Ltd|Corp|Co|Jr|Sr))\.$")
CLOSE = re.compile(r"[。！？｡][”’」』）】]*$")  # no space follows
CUT_OFF = re.compile(r"\s*(?:[\[(]\s*(?:\.{2,}|…|&hellip;)\s*[\])]|\.{2,}|…)\s*\W{0,3}$")
MORE = re.compile(
    r"(?:^|(?<![\s\[(…>|-])(?=[\s\[(…>|-]))[\s\[(…>|-]*+"
    r"(?:Read (?:[Mm]ore|(?:the )?full (?:story|article))|READ MORE"
    r"|Continue [Rr]eading|Keep [Rr]eading|Read the rest|Click here to read|(?:Weiterl|Mehr"
    r" l)esen"
    r"|Lire la suite|Lire l['’]article|Seguir leyendo|Leer más|Sigue leyendo|Leia mais"
    r"|Continue lendo"
    r"|Leggi tutto|Continua a leggere|Lees (?:meer|verder)|Läs mer|Czytaj (?:więcej|dalej)"
    r"|Читать далее|Подробнее|Devamını oku|Selengkapnya|आगे पढ़ें|और पढ़ें|पूरी खबर पढ़ें"
    r"|اقرأ المزيد|إقرأ المزيد|阅读全文|查看全文|閱讀全文|続きを読む)(?!\w)[^.!?।。]{0,80}"
    r"[\s.…»→>\])|]*$"
)
POST = re.compile(
    r"\s*\bThe post (?:(?!The post ).){1,300}? (?:first )?appeared (?:first )?on .{1,100}$"
)
SIGNED = re.compile(
    r"\s*[(\[（](?:with )?(?:additional |agency )?inputs? (?:from|by) [^()\[\]]{1,80}[)\]）]\s*$"
    r"|\s*(?:with )(?:additional )?(?:agency )?inputs? from [^.()]{1,60}\.?$",
    re.IGNORECASE,
)
BOILERPLATE = re.compile(
    r"^[\W\d]*(?:read (?:more|also|the full)|also read|see also|recommended for you|continue"
    r" reading"
    r"|subscribe|sign up|follow us|join (?:us|our)|click here|download (?:the|our)|advertisement"
    r"|sponsored|share (?:this|on)|listen to|watch:|photos?:|this (?:site|website) uses|we use"
    r" cookies"
    r"|by (?:clicking|continuing)|accept (?:all )?cookies|enable javascript|please enable"
    r"|this story has not been edited|\(?this (?:story|article|report) (?:has|was|is) "
    r"(?:not been edited|auto-generated|published from)|\(?with (?:additional )?inputs? from"
    r"|\(?inputs? from|get the latest|stay (?:up to date|tuned)|for more (?:news|information)"
    r"|disclaimer|all rights reserved|copyright|©|lire aussi|à lire aussi|abonnez-vous"
    r"|inscrivez-vous"
    r"|lesen sie auch|lesen sie mehr|abonnieren|newsletter|suscríbe|lee también|te puede"
    r" interesar"
    r"|assine|leia também|leia mais|leggi anche|iscriviti|lees ook|baca juga|читайте также"
    r"|यह भी पढ़ें|ये भी पढ़ें|इसे भी पढ़ें|اقرأ أيضا|إقرأ أيضا|اقرأ أيضًا|اشترك|延伸阅读|相关阅读"
    r"|更多新闻"
    r"|あわせて読みたい|関連記事)",
    re.IGNORECASE,
)
CAPTION = re.compile(
    r"^(?:(?:representative|representational|file)?\s*(?:image|photo|photograph|picture"
    r"|illustration"
    r"|foto|bild|crédit photo|photo d['’]archives?|imagen|imagem|चित्र|फोटो|फाइल फोटो|صورة|图"
    r"|圖|写真)s?"
    r"\s*(?:credits?|courtesy|source|by|/)?\s*[:：(|©]|©|credits?:|this image is ai.generated)",
    re.IGNORECASE,
)
BYLINE = re.compile(
    r"^(?:by|von|par|por|di|door)\s[^.!?]{2,60}$|^(?:written|reported|edited|compiled)"
    r" by\b.{2,80}$"
    r"|^(?:updated|published|posted|last updated)\b[^.!?]{0,20}\d.{0,40}$",
    re.IGNORECASE,
)
# "NEW DELHI, April 2 (Agency) -", "PARIS (AFP) —", "KYIV —", "New Delhi, Apr 2 (PTI) ".
DATELINES = tuple(
    re.compile(pattern)
    for pattern in (
        (
            r"^[^\W\d_](?:(?![.!?।] )[^()\[\]\n]){1,48}(?:\[[^\[\]]{2,20}\],? ?[^()]{0,20})?"
            r"[(（][^()（）]{2,40}[)）]\s*(?:[-–—:：]+|\|)\s*"
        ),
        r"^[^\W\d_][^\n]{1,70}\s/[A-Z][^/\s]{2,30}/\s*(?:[-–—:]+\s*)?|^/[A-Z][^/\s]{2,30}/\s*[-–—:]+\s*",
        r"^\([A-Z]{2,}[^()]{0,40}\)\s*(?:[-–—:]\s*)?(?=[A-Z“\"])",
        (
            r"^[^\W\d_][^.!?\n\[\]]{1,60}\[[^\[\]]{2,20}\],?\s[^()\n]{2,20}"
            r"\([A-Z]{2,6}\)\s*[:–—-]\s*"
        ),
        r"^[^\W\d_][^()\n.!?।]{1,38},\s[^()\n.!?।]{0,14}\d{1,2}[^()\n.!?।]{0,14}\([^()]{2,30}\)\s+",
        (
            r"^[^\W\d_][^()\n.!?।\d]{1,38},\s[^()\n.!?।]{2,24}\((?:भाषा|वार्ता|एजेंसी|आईएएनएस|PTI"
            r"|IANS|ANI|UNI)\)\s*"
        ),
        (
            # Each word begins behind a space: were that left open, 160 capitals could be taken
            # for five words in 800 million ways.
            r"^[A-Z][A-Z.'’-]+(?:,? [A-Z][A-Z.][A-Z.'’-]*){0,4}(?:, [A-Z][\w. ]{2,20}(?:"
            r" \d{1,2})?)?"
            r"\s*(?:[-–—]+|:)\s+(?=\S)"
        ),
        (
            r"^[^\s，。（(]{1,8}(?:社|网|報|报|通讯|讯)[^\s，。（(]{1,16}[日月][电電讯訊]["
            r" 　]*(?:（[^（）]{1,30}）)?\s*"
        ),
    )
)
CUT_WITHIN = 40  # characters from the end: how a text is cut off
ENDING = 600  # characters
SCANNED = 4_000  # characters of a text that are looked at
OPENING = 12  # paragraphs: what stands further down opens nothing
LABEL_AT_MOST = 20  # characters
JOINED_AT_LEAST = 40  # characters of a paragraph that can open an article


def sentences(text: str) -> list[str]:
    """The sentences of one paragraph, each with its mark at the end; the last may have none.

    Knows initials, abbreviations ("Mr.", "U.S.", "No. 5", "p.m."), decimals, the danda, and
    the marks of Arabic and Chinese. Joined (with a space where there was one) they are the text.
    """
    made, start = [], 0
    for end in END.finditer(text):
        if _ends(text, start, end):
            made.append(text[start : end.end()].strip())
            start = end.end()
    made.append(text[start:].strip())
    return [sentence for sentence in made if sentence]


def dek_of(summary: str, lead: Iterable[str] = ()) -> str:
    """Whole sentences of 120 to 280 characters, of the source's summary, else of its lead.

    `summary` is plain text; `lead` the first paragraphs of the article, plain as well. A whole
    summary that is shorter than 120 is kept, and goes on with the lead's sentences where it has
    any. Where nothing gives as much, it is shorter; "" where there is nothing. Only a first
    sentence longer than 280 is cut: at a word, with "…".
    """
    lead = [text[:SCANNED] for text in list(lead)[:OPENING]]
    opening = list(_opening(lead)) or [text for text in lead if not BOILERPLATE.search(text)][:1]
    said = _cleaned(summary[:SCANNED])
    if cut := _cut_off(said):
        said = _mended(said[: cut.start()], opening, said)
    elif len(said) > JOINED_AT_LEAST and not _is_whole(said):
        said = _mended(said, opening, said)
    parts = _without_boilerplate(sentences(said))
    if opening and _is_label(" ".join(parts)):
        parts = []
    dek = _fitting(parts)
    if len(dek) >= DEK_AT_LEAST or (dek and not _is_whole(dek)):
        return dek
    return _topped(dek, opening)


def shortened(dek: str) -> str:
    """A dek as a mail shows it: of one longer than 280 characters its first whole sentences."""
    return dek if len(dek) <= DEK else _fitting(sentences(dek))


def _without_boilerplate(parts: list[str]) -> list[str]:
    """What a site says of itself before and behind a summary, and in the place of one, is none."""
    while parts and BOILERPLATE.search(parts[0]) and len(parts[0]) < DEK_AT_LEAST:
        parts = parts[1:]
    while parts and BOILERPLATE.search(parts[-1]) and len(parts[-1]) < DEK_AT_LEAST:
        parts = parts[:-1]
    return parts


def _is_label(said: str) -> bool:
    """Whether a summary is none: "Comments", "2 min read", a picture's caption."""
    short = said.isascii() and len(said) < LABEL_AT_MOST and not _is_whole(said)
    return short or bool(CAPTION.search(said))


def _ends(text: str, start: int, end: re.Match[str]) -> bool:
    """Whether a mark ends its sentence, and not an abbreviation, a number or "..." within one."""
    after = text[end.end() :].lstrip()
    if re.match(r"\.(?![.!?…])", end[0]) is None:
        return not (end[0][0] in ".!?…" and after[:1].islower())
    # What stands before the mark is looked at, not the whole text: this must not take n² steps.
    before = text[max(start, end.start() - 24) : end.start() + 1]
    if after[:1].islower():
        return False
    if MAY_END.search(before):
        return _opens(after)
    return not ABBREVIATED.search(before)


def _opens(after: str) -> bool:
    """Whether what follows "p.m." or "U.S." opens a sentence: with one of its small words."""
    return not after or bool(
        re.match(
            r"[\"'“‘(]*(?:The|A|An|He|She|It|They|We|I|You|In|On|At|But|And|This|That|These|His"
            r"|Her|Its|Their|There|No|Police|After|If|When|While|As|For|Some"
            r"|Many)\b",
            after,
        )
    )


def _cut_off(text: str) -> re.Match[str] | None:
    return CUT_OFF.search(text, max(0, len(text) - CUT_WITHIN))


def _is_whole(text: str) -> bool:
    end = re.search(r"[.!?…؟۔।॥。！？｡][\"'”’»)\]」』）】]*$", text)
    return bool(end) and not _cut_off(text)


def _cleaned(text: str) -> str:
    # What is cut from the end of a text stands in its end.
    start, end = text[:-ENDING], text[-ENDING:]
    for pattern in (POST, MORE, SIGNED):
        end = pattern.sub("", end)
    return undated(start + end).strip()


def undated(text: str) -> str:
    """The text without the place, day and agency that a wire prints before it."""
    for pattern in DATELINES:
        found = pattern.match(text[:160])
        if found and len(text) - found.end() > 20:
            return text[found.end() :].lstrip()
    return text


def _mended(rest: str, opening: list[str], said: str) -> str:
    """A summary that was cut off: its source, where the lead goes on from it, else its wholes."""
    key = headline_key(rest)[:60]
    for number, paragraph in enumerate(opening):
        if len(key) >= 20 and headline_key(paragraph).startswith(key):
            return (
                paragraph
                if len(paragraph) >= DEK_AT_LEAST
                else " ".join(opening[number : number + 2])
            )
    whole = sentences(rest)
    if whole and not _is_whole(whole[-1]):
        dropped, whole = whole[-1], whole[:-1]
        if not whole:
            return "" if opening and said != rest else (said if said == rest else f"{dropped}…")
        if said == rest and len(" ".join(whole)) < JOINED_AT_LEAST:
            return said
    return " ".join(whole)


def _opening(lead: Iterable[str]) -> Iterator[str]:
    """The paragraphs that may open an article: no byline, caption, furniture or half a line."""
    for paragraph in lead:
        text = _cleaned(paragraph)
        if is_running(text):
            yield text


def is_running(text: str) -> bool:
    """Whether a paragraph is running text: no byline, caption, furniture or heading."""
    return (
        len(text) >= (JOINED_AT_LEAST if text.isascii() else JOINED_AT_LEAST // 3)
        and not BOILERPLATE.search(text)
        and not CAPTION.search(text)
        and not BYLINE.search(text)
        and (_is_whole(text) or len(text) >= DEK_AT_LEAST or text.endswith(":"))
    )


def _fitting(parts: list[str]) -> str:
    """As many sentences as fit into a dek; where the first does not, its beginning."""
    made = ""
    for part in parts:
        joined = _joined(made, part)
        if len(joined) > DEK:
            break
        made = joined
    if made or not parts:
        return made
    cut = parts[0][: DEK - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:–—-") + "…"


def _topped(dek: str, opening: list[str]) -> str:
    known = headline_key(dek)
    for paragraph in opening:
        if len(dek) >= DEK_AT_LEAST:
            return dek
        parts = [p for p in sentences(paragraph) if headline_key(p) not in known]
        dek = _filled(dek, parts) if dek else _fitting(parts)
    return dek


def _filled(dek: str, parts: list[str]) -> str:
    for part in parts:
        joined = _joined(dek, part)
        if len(joined) > DEK or not _is_whole(part):
            return dek
        dek = joined
        if len(dek) >= DEK_AT_LEAST:
            return dek
    return dek


def _joined(text: str, more: str) -> str:
    close = not text or not more or bool(CLOSE.search(text))
    return text + more if close else f"{text} {more}"
