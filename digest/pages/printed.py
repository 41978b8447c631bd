"""What news pages print around a story, in many languages: headings, furniture, stamps, names.

Words and patterns alone. Never here: where on the page they stand (layout).
"""

import re
from enum import Enum

from digest.articles import headline_key


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


def same(line: str, headline: str) -> bool:
    """Whether a line is the headline, or its beginning with "..." behind it."""
    if not line or not headline:
        return False
    if CUT.search(line) and headline_key(headline).startswith(headline_key(line)):
        return True
    return headline_key(line) == headline_key(headline)


def changes(label: str) -> bool:
    """Whether words before a date say that it is the last change's ("Updated:")."""
    words = label.strip(" :：|,·•-–—").casefold()
    return words in CHANGED or words.removesuffix(" on") in CHANGED
