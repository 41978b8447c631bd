"""The lines of an article page: which is the headline, the dek, the text, and what is furniture.

Here lives the shape of a news page as a reader sees it, the same for markup and saved text. Never
here: tags and metadata (markup), dates and articles (the package itself).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from digest.articles import headline_key, is_credit, is_generated, plain


class Block(Enum):
    """What stands beneath a heading of the page."""

    TRENDING = "trending"
    OPINION = "opinion"
    BRIEF = "brief"
    LATEST = "latest"
    FURNITURE = "furniture"


# Headings of blocks as pages print them -> what stands beneath.
PRINTED = {
    Block.TRENDING: "Trending|Trending now|Trending stories|Trending news|Most read|Most"
    " popular|Most viewed"
    "|Popular|Popular now|Top trending|Die meistgelesenen|Meistgelesen|Les plus lus|Lo más"
    " leído|Mais lidas"
    "|I più letti|Meest gelezen|Самое читаемое|Популярное|ट्रेंडिंग|सबसे ज्यादा पढ़ी गईं|الأكثر"
    " قراءة|热门|热门新闻|最热|热点"
    "|アクセスランキング|En çok okunanlar|Terpopuler",
    Block.OPINION: "Opinion / Blog / Interview|Opinion|Opinions|Blogs|Opinion & Blogs|Opinion"
    " and analysis"
    "|Meinung|Opinión|Opinião|Opinioni|विचार|राय|आراء|آراء|观点|评论|社説",
    Block.BRIEF: "DevShots|Shorts|News shots|In brief|Briefs|News in brief|Quick reads|Short"
    " news|Kurz notiert"
    "|En bref|En breve|संक्षेप में|موجز|简讯",
    Block.LATEST: "Latest news|Latest|Latest stories|Latest updates|Just in|Neueste"
    " Nachrichten|Dernières nouvelles"
    "|Últimas noticias|Últimas notícias|Ultime notizie|ताज़ा खबरें|ताजा खबरें|ताज़ा ख़बरें|أحدث"
    " الأخبار|آخر الأخبار"
    "|最新|最新消息|最新新闻|Последние новости|新着記事",
    Block.FURNITURE: "Connect us on|Connect with us|Give feedback|Sectors|Editions|Other links"
    "|Other products"
    "|Connect|Subscribe to our newsletter|Newsletter|Related articles|Related stories|Related"
    " news|Related topics"
    "|Related|Also read|Read also|More from this section|More news|More stories|Recommended"
    "|You may also like"
    "|Top stories|Comments|Leave a comment|Leave a reply|Follow us|Share this|Tags|About the"
    " author|Sponsored"
    "|Promoted|Around the web|Mehr zum Thema|Kommentare|Sur le même sujet|Lire aussi|À lire"
    " aussi|Commentaires"
    "|Relacionadas|Comentarios|Comentários|संबंधित खबरें|यह भी पढ़ें|टिप्पणियां|اقرأ أيضا|مواضيع"
    " ذات صلة|相关新闻|相关阅读|评论区"
    "|Читайте также|関連記事",
}
HEADINGS: dict[str, Block] = {
    headline_key(words): block
    for block, all_words in PRINTED.items()
    for words in all_words.split("|")
}
FURNITURE = re.compile(
    r"^sectors?\s*[:：].{0,80}$"
    r"|^©|^\(c\) |^copyright\b|^(?:e-?mail|phone|tel)\s*:|\bprivacy policy\b|^advertisement$"
    r"|^anzeige$"
    r"|^publicité$|^publicidad$|^विज्ञापन$|^إعلان$|^广告$|^read more\b|^also read\b|^see all\b"
    r"|^view all\b|^more\b.{0,20}$"
    r"|^(?:date )?\d{4}-\d\d-\d\d\b.{0,20}$|^(?:left )?menu$"
    r"|^skip to \b.{0,30}$|^(?:sign|log) (?:in|up)$|^subscribe$"
    r"|^share\b.{0,30}$|^\d+ (?:comments?"
    r"|shares?|views?)$"
    r"|^(?:updated: ?|created: ?)?\d{1,2}[-/.]\d{1,2}[-/.]\d{4}.{0,14}$|^\d+ (?:min(?:ute)?s?"
    r"|hours?|days?|weeks?)"
    r"(?: ago| read)?$|^(?:just now|yesterday)$|^listen\b.{0,40}$|^save$|^print$|^whatsapp$"
    r"|^facebook$|^twitter$",
    re.IGNORECASE,
)
ATTRIBUTION = re.compile(
    r"^[(\[（]?(?:with )(?:additional |agency )?inputs? (?:from|by) [^()]*[)\]）]?$"
    r"|^[(\[（](?:additional |agency )?inputs? (?:from|by) [^()]*[)\]）]$"
    r"|^[(\[（](?:इनपुट|एजेंसी|भाषा)[^()]*[)\]）]$|^[(\[（](?:avec|con|mit|com)"
    r" [^()]{2,60}[)\]）]$",
    re.IGNORECASE,
)
ATTRIBUTED = re.compile(
    r"[(\[（](?:with )?(?:additional |agency )?inputs? (?:from|by) [^()\[\]]{1,80}[)\]）]$",
    re.IGNORECASE,
)
STAMP = re.compile(
    r"\b(last updated|last modified|updated|modified|created|first published|published|posted"
    r"|publié|mis à jour|modifié"
    r"|veröffentlicht|aktualisiert|stand|publicado|actualizado|atualizado|pubblicato"
    r"|aggiornato|опубликовано"
    r"|обновлено|giriş tarihi|yayınlanma(?: tarihi)?|son güncelleme|güncelle(?:me|nme)(?: tarihi)?"
    r"|publisert|publicerad|publiceret|sist oppdatert|oppdatert|uppdaterad|opdateret|gepubliceerd"
    r"|bijgewerkt|opublikowano|aktualizacja|diterbitkan|diperbarui|cập nhật|입력|등록|수정|업데이트"
    r"|प्रकाशित|अपडेटेड|अपडेट|अंतिम अपडेट|نشر|تحديث|آخر تحديث|发布时间|更新时间|发布"
    r"|更新)"
    r"(?: on| at| le| am| em| el| il| في)?(?:\s*[:：]\s*(?=\S*\d|[A-Z])|\s+(?=[^"
    r"|]{0,25}\b(?:19|20)\d\d(?!\d)))",
    re.IGNORECASE,
)
CHANGED = {
    "last updated",
    "last modified",
    "updated",
    "modified",
    "mis à jour",
    "modifié",
    "aktualisiert",
    "stand",
    "actualizado",
    "atualizado",
    "aggiornato",
    "обновлено",
    "अपडेटेड",
    "अपडेट",
    "अंतिम अपडेट",
    "تحديث",
    "آخر تحديث",
    "更新时间",
    "更新",
    "son güncelleme",
    "güncelleme",
    "güncellenme",
    "güncelleme tarihi",
    "güncellenme tarihi",
    "sist oppdatert",
    "oppdatert",
    "uppdaterad",
    "opdateret",
    "bijgewerkt",
    "aktualizacja",
    "diperbarui",
    "cập nhật",
    "수정",
    "업데이트",
}
DATED = re.compile(r"(?<!\d)(?:19|20|२०)[\d०-९]{2}(?!\d)|[٠-٩]{4}")
SIGNED = re.compile(
    r"^(?:(?:(?:submitted |posted |words |story |text |written |reported )?by"
    r"|von|par|por|di|door)\s+"
    r"|(?:by|author|autor|autore|auteur|text|texte|von|par"
    r"|por|haber|muhabir|yazan|автор|текст"
    r"|लेखक|बायलाइन|बाय|بقلم|كتب|كتبت|作者|记者|記者|文|撰文|取材・文)\s*[:：]\s*)(?=\S)",
    re.IGNORECASE,
)
# The day, and what the author is: "Meera Nair, 16 April 2025", "... on Wed, 04/02/2025 - 13:20".
BEHIND_NAMES = re.compile(
    r"(?:,|\s+on|\s+at|\s+[-–—])\s+(?=[^,]{0,12},?\s?[^,]{0,12}\d)[^\d]{0,25}\d.*$"
    r"|,\s+(?:staff|senior|special|chief) (?:writer|reporter|correspondent|editor)s?$",
    re.IGNORECASE,
)
SIGNED_BEHIND = re.compile(r"\d(?: [ap]m)?,? by ([^\d|,]{2,60})$", re.IGNORECASE)
SIGNED_WITHIN = re.compile(
    r"\s(?:作者|记者|記者|撰文|लेखक|بقلم|Author|Autor|Автор)\s?[:：]\s?([^|:：\d]{2,30}?)(?=\s|$)"
)
PARTS = re.compile(r"\s*[|·•]\s*")
RANK = re.compile(r"^#?\d{1,2}[.)]?$")
CUT = re.compile(r"\s*(?:\.\.\.|…)$")
# How far beneath the headline a page still prints its byline, and how long its lines may be.
STAMP_WITHIN = 15
STAMPS_BEHIND = 4  # lines behind a stamp in which another may stand
ABOVE = 4  # lines above the headline in which a day may stand
SIGNS_BEHIND = 3  # lines behind the stamp in which somebody may sign
TEXT_STAMP_WITHIN = 60  # saved text begins with the menus of its site
STAMP_AT_MOST = 120
BYLINE_AT_MOST = 80
MENU_AT_MOST = 15
HEADLINE_AT_MOST = 250
CREDIT_AT_MOST = 300
LINES = 8_000  # of one page
LINE_AT_MOST = 10_000  # characters
LISTED_LINES = 200  # of one block: more is no list that anybody ranked


@dataclass(frozen=True, slots=True)
class Line:
    """One visible line. `url` is where it leads; saved text knows nothing of the other marks.

    `aside`: outside the main column. `prose`: may be part of the text. `caption`: stands at a
    picture. `entry`: may be an entry
    of a list. `heading`: may head a block (a link of a menu can't). `title`: certainly heads one.
    """

    text: str
    url: str = ""
    aside: bool = False
    prose: bool = True
    caption: bool = False
    entry: bool = True
    heading: bool = True
    title: bool = False

    @property
    def heads(self) -> Block | None:
        """The block that this line is the heading of."""
        return HEADINGS.get(headline_key(self.text)) if self.heading else None


@dataclass(slots=True)
class Entry:
    """One entry of a list beside the article."""

    headline: str
    url: str = ""
    section: str = ""


@dataclass(slots=True)
class Found:
    """What the lines of a page say, as they say it: dates are still text."""

    headline: str = ""
    dek: str = ""
    byline: str = ""
    published: str = ""
    updated: str = ""
    credit: str = ""
    attribution: str = ""
    body: list[str] = field(default_factory=list)
    dated: list[str] = field(default_factory=list)
    trending: list[Entry] = field(default_factory=list)
    opinion: list[Entry] = field(default_factory=list)
    brief: list[Entry] = field(default_factory=list)
    latest: list[Entry] = field(default_factory=list)


def text_lines(text: str) -> list[Line]:
    """The lines of a page that was saved as text; empty ones are left out."""
    lines = (plain(line[:LINE_AT_MOST]) for line in islice(text.splitlines(), LINES))
    return [Line(line) for line in lines if line]


def read_lines(lines: list[Line], headline: str = "") -> Found:
    """What the lines of one page say. `headline` is what the page's metadata calls it, if it does.

    `headline` stays empty where none can be made out.
    """
    main = [line for line in lines if not line.aside]
    found = Found(headline=headline or _headline(main))
    start = _after_headline(main, found.headline)
    stamp = _stamp_at(main, start)
    if stamp is not None:
        _read_stamp(main[stamp].text, found)
        for line in main[stamp + 1 :][:STAMPS_BEHIND]:
            if len(line.text) <= STAMP_AT_MOST:
                _read_dates(line.text, found)
        found.dek = _dek(main[start:stamp], found)
        found.byline = found.byline or _signed(
            [*main[start:stamp], *main[stamp + 1 :][:SIGNS_BEHIND]]
        )
    else:
        _read_near(main[start : start + STAMP_WITHIN], found)
        found.dated = found.dated or _dated(main[max(0, start - 1 - ABOVE) : max(0, start - 1)])
    end = _read_story(main, start if stamp is None else stamp + 1, found)
    _read_blocks([*main[end:], *(line for line in lines if line.aside)], found)
    return found


def _same(line: str, headline: str) -> bool:
    """Whether a line is the headline, or its beginning with "..." behind it."""
    if not line or not headline:
        return False
    if CUT.search(line) and headline_key(headline).startswith(headline_key(line)):
        return True
    return headline_key(line) == headline_key(headline)


def _headline(lines: list[Line]) -> str:
    """The first line that the page repeats above its blocks, else the first that reads like one.

    Above it stand menus, of single words; beneath it the dek, which is a whole sentence.
    """
    stamp = _stamp_at(lines, 0, TEXT_STAMP_WITHIN)
    candidates = [line.text for line in lines[:stamp] if _may_be_headline(line.text)]
    before = list(_before_blocks(lines))
    for text in candidates[:STAMP_WITHIN]:
        if sum(_same(other, text) for other in before) > 1:
            return text
    own = [line.text for line in lines[:stamp]]
    menu = max((n for n, text in enumerate(own) if _is_menu(text)), default=-1)
    behind = [text for text in own[menu + 1 :] if text in candidates]
    fluent = (text for text in (*behind, *candidates) if _is_fluent(text))
    return next(fluent, "") or next(iter(candidates), "")


def _is_menu(text: str) -> bool:
    return len(text) <= MENU_AT_MOST and len(text.split()) < 3


def _is_fluent(text: str) -> bool:
    words = len(text.split())
    return not text.endswith(".") and (
        words > 3 or (not text.isascii() and len(text) > MENU_AT_MOST)
    )


def _may_be_headline(text: str) -> bool:
    return (
        len(headline_key(text)) >= 6
        and len(text) <= HEADLINE_AT_MOST
        and headline_key(text) not in HEADINGS
        and not FURNITURE.search(text)
        and not STAMP.search(text)
    )


def _before_blocks(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        if line.heads:
            return
        yield line.text


def _after_headline(lines: list[Line], headline: str) -> int:
    return next((i + 1 for i, line in enumerate(lines) if _same(line.text, headline)), 0)


def _stamp_at(lines: list[Line], start: int, within: int = STAMP_WITHIN) -> int | None:
    near = range(start, min(len(lines), start + within))
    return next((i for i in near if STAMP.search(lines[i].text)), None)


def _read_stamp(text: str, found: Found) -> None:
    """ "Byline | Updated: … | Created: …", in any order and with or without the strokes."""
    byline = STAMP.split(text, maxsplit=1)[0]
    if DATED.search(byline):
        # "2 April 2025, 14:05 Updated: 16:40": what has no word before it is the first.
        found.published, byline = found.published or byline.strip(" |,-–—"), ""
    behind = SIGNED_BEHIND.search(text)
    found.byline = SIGNED.sub("", byline.strip(" |,-–—")).partition("|")[0].strip() or (
        behind[1].strip() if behind else ""
    )
    _read_dates(text, found)


def _read_dates(text: str, found: Found) -> None:
    _, *pairs = STAMP.split(text)
    for label, value in zip(pairs[::2], pairs[1::2], strict=True):
        when = value.partition("|")[0].strip(" ,-–—")
        if label.lower() in CHANGED:
            found.updated = found.updated or when
        else:
            found.published = found.published or when


def changes(label: str) -> bool:
    """Whether words before a date say that it is the last change's ("Updated:")."""
    words = label.strip(" :：|,·•-–—").casefold()
    return words in CHANGED or words.removesuffix(" on") in CHANGED


def _read_near(lines: list[Line], found: Found) -> None:
    """A byline and a date that stand beneath the headline without any mark."""
    found.dated = _dated(lines)
    found.byline = _signed(lines)


def _dated(lines: list[Line]) -> list[str]:
    short = [line.text for line in lines if len(line.text) <= STAMP_AT_MOST and not line.caption]
    return [text for text in short if DATED.search(text)]


def _signed(lines: list[Line]) -> str:
    """Who signs on a line of their own ("By ..."), or behind the day ("... 作者：...")."""
    short = [line.text for line in lines if len(line.text) <= BYLINE_AT_MOST and not line.caption]
    for text in short:
        if SIGNED.match(text):
            return BEHIND_NAMES.sub("", PARTS.split(SIGNED.sub("", text))[0]).strip(" ,-–—")
    within = (SIGNED_WITHIN.search(text) for text in short)
    return next((found[1].strip() for found in within if found), "")


def _dek(lines: Iterable[Line], found: Found) -> str:
    texts = (line.text for line in lines if not _same(line.text, found.headline))
    return next((t for t in texts if len(t) > 60 and not is_credit(t)), "")


def _read_story(lines: list[Line], start: int, found: Found) -> int:
    """Takes the text into `found`; the number of the line at which it was over."""
    for number, line in enumerate(lines[start:], start):
        if line.heads:
            # "Opinion" or "Comments" may also stand between headline and text.
            if found.body or line.heads is Block.TRENDING:
                return number
        elif ATTRIBUTION.match(line.text):
            found.attribution = line.text
            return number + 1
        else:
            _read_story_line(line, found)
    return len(lines)


def _read_story_line(line: Line, found: Found) -> None:
    text = line.text
    if (is_credit(text) or (line.caption and is_generated(text))) and len(text) <= CREDIT_AT_MOST:
        found.credit = found.credit or text
    elif line.prose and not FURNITURE.search(text) and text != found.dek:
        if ending := ATTRIBUTED.search(text[-200:]):
            found.attribution = ending[0]
            text = text.removesuffix(ending[0]).strip()
        found.body.extend([text] * (not _same(text, found.headline)))


def _read_blocks(lines: list[Line], found: Found) -> None:
    groups: dict[Block, list[Line]] = {block: [] for block in Block}
    block = Block.FURNITURE
    for line in lines:
        if heads := line.heads:
            block = heads
        elif line.title and _is_section(line.text):
            block = Block.FURNITURE
        else:
            groups[block].append(line)
    for kind in (Block.TRENDING, Block.OPINION, Block.BRIEF, Block.LATEST):
        entries = _entries(groups[kind][:LISTED_LINES])
        # A list of opinions may hold the page's own; a trending list says that the page is.
        keeps_own = kind is Block.TRENDING
        own = [e for e in entries if keeps_own or not _same(e.headline, found.headline)]
        setattr(found, kind.value, own)


def _entries(lines: list[Line]) -> list[Entry]:
    """Each entry once and in full, though the page prints it twice and once cut off."""
    made: list[Entry] = []
    fresh = True
    for line in lines:
        if RANK.match(line.text):
            fresh = True
        elif FURNITURE.search(line.text):
            continue
        elif known := next((e for e in made if _one(line.text, e.headline)), None):
            known.headline = max(known.headline, line.text, key=lambda t: len(CUT.sub("", t)))
            known.url = known.url or line.url
        elif made and not fresh and _is_section(line.text):
            made[-1].section = made[-1].section or line.text
        elif line.entry and not (_is_section(line.text) and not fresh):
            made.append(Entry(line.text, line.url))
            fresh = False
    return _without_ranks(made)


def _without_ranks(entries: list[Entry]) -> list[Entry]:
    """Entries whose own text counts them ("1 First", "2 Second") without the numbers."""
    counted = [entry.headline.partition(" ") for entry in entries]
    if len(entries) > 1 and all(counted[n][0].rstrip(".)") == str(n + 1) for n in (0, 1)):
        for number, (entry, (rank, _, rest)) in enumerate(zip(entries, counted, strict=True), 1):
            entry.headline = rest if rest and rank.rstrip(".)") == str(number) else entry.headline
    return entries


def _one(line: str, headline: str) -> bool:
    return _same(line, headline) or _same(headline, line)


def _is_section(text: str) -> bool:
    return len(text) <= 30 and len(text.split()) <= 3
