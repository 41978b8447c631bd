"""Credits: who made a picture, as its caption says it; and whether a machine did.

Never here: where a caption stands (feeds, pages).
"""

import re

LABEL = re.compile(
    r"(?:\bimage source,\s"
    r"|\b(?:representative |file |handout )?(?:photo(?:graph|graphy)?|image|picture|pic"
    r"|illustration"
    r"|graphic|credit|foto|bild|fotografía|imagen|imagem|crédit photo|crédit|source|quelle"
    r"|bildquelle|bildrechte"
    r"|fonte|fuente)s?"
    r"(?:[ -](?:credit|by|courtesy|source)s?)?\s?[:：|]\s?|©\s?|\(c\)\s|(?<!\w)(?:चित्र|फोटो"
    r"|तस्वीर|صورة|تصوير|图|圖|摄影|写真|撮影|Фото|Ảnh|Zdjęcie|[Ff]ot\.|Fotoğraf|Kuva|Φωτογραφία|ภาพ|사진)"
    r"\s?[:：/]\s?|\b(?:photo|photograph|image|picture|illustration)s? (?:by|courtesy(?: of)?)\s"
    r"|\bcourtesy of\s).*$",
    re.IGNORECASE,
)
IN_BRACKETS = re.compile(r"[(\[（]([^()\[\]（）]{2,80})[)\]）]\s*$")
BY_AGENCY = re.compile(
    r"(?:(?<=[.!?।。] )|(?<=[.!?।。])"
    r"|^)([^.!?।。]{2,60}/[^.!?।。/]{2,40})\s*$"
)
# An artist is called Ai, a company may hand out photographs: those are no disclosure.
MACHINE = (
    r"(?:(?-i:A\.?I\b|IA\b|KI\b)(?!-)|artificial intelligence|intelligence artificielle"
    r"|inteligencia artificial|inteligência artificial|intelligenza artificiale"
    r"|Midjourney|DALL[-·.\u2011]?E\b|ChatGPT|Stable Diffusion|Adobe Firefly|Bing Image Creator"
    r"|Grok\b)"
)
GENERATED = re.compile(
    r"\b(?-i:AI|KI)[- ](?:generated|created|assisted|made|illustration|generiert)"
    r"|\b(?:generated|created|made|produced|rendered|drawn) (?:by|with|using|via)"
    rf" (?:an? |the help of |generative )?{MACHINE}"
    r"|\b(?:image|picture|photo|illustration|graphic|visual|credit|source|foto|bild)s?\s?[:：/]"
    r"\s?[^.:：]{0,30}\b(?:Midjourney|DALL[-·.\u2011]?E\b|ChatGPT|Stable Diffusion|Adobe Firefly)"
    r"|\bmit (?:Hilfe von )?(?-i:KI) (?:erstellt|generiert|erzeugt)"
    rf"|\b(?:généré|créé)e?s? (?:par|avec) (?:une |l['’])?{MACHINE}"
    rf"|\b(?:generad|cread|gerad|criad)[oa]s? (?:por|con|com|mediante) (?:la |a )?{MACHINE}"
    rf"|\b(?:generat|creat)[oaie] (?:con|da|dall['’])\s?(?:l['’])?{MACHINE}"
    r"|एआई|कृत्रिम बुद्धिमत्ता|AI生成|由AI|人工智能生成|生成AI|AI로 생성|بالذكاء الاصطناعي"
    r"|нейросетью|yapay zek[aâ] (?:ile|tarafından)",
    re.IGNORECASE,
)
CREDIT_AT_MOST = 150  # characters: what is longer is a caption with a credit in it
BEFORE_LABEL = 24  # characters: "Representative image Image Credit: ..."
BY_PERSON = re.compile(
    r"(?<=[.!?])\s?((?:[A-ZÀ-Þ][\w.'’-]*\s){1,4}\([^()]{2,40}\))\s*$"
    r"|[^\s、。，＝=「」（）]{2,12}(?:撮影|提供)$"
)
# What a page prints behind the credit is for whoever wants to buy or enlarge the picture.
BEHIND = re.compile(
    r"[\s,|]{0,5}(?:(?:purchase|acquire|buy) licensing rights"
    r"|opens (?:in )?(?:a )?new (?:tab|window)"
    r"|(?:click|tap) to enlarge|enlarge(?: this)? image|hide caption|toggle caption|view fullscreen"
    r")[\s,|.]{0,5}",
    re.IGNORECASE,
)
YEARS = re.compile(r"[\d\s,./-]*")


def credit_of(caption: str) -> str:
    """The part of a caption that names who made the picture, word for word; "" where none does.

    A line that says that the picture is AI-generated is a credit as a whole.
    """
    if GENERATED.search(caption):
        return caption
    caption = BEHIND.sub(" ", caption).strip()
    if found := LABEL.search(caption[-400:]):
        return found[0].strip(" ()[]|")
    for pattern in (BY_PERSON, IN_BRACKETS, BY_AGENCY):
        found = pattern.search(caption[-200:])
        if found and not YEARS.fullmatch(named := found[1] or found[0]):
            return named.strip()
    return ""


def is_generated(credit: str) -> bool:
    """Whether a credit discloses that a machine made the picture."""
    return bool(GENERATED.search(credit))


def is_credit(line: str) -> bool:
    """Whether a line is a credit and nothing else: it begins with who made the picture."""
    found = LABEL.search(line[:300])
    return bool(
        GENERATED.match(line.removeprefix("This image is ").removeprefix("This image was "))
    ) or (found is not None and len(line) <= CREDIT_AT_MOST and found.start() <= BEFORE_LABEL)
