"""Months: the names of the months as news sites of many languages write them.

Never here: how a date is put together (moments).
"""

# The beginnings that tell a language's months apart, January first; alternatives by a stroke.
NAMES = (
    "jan feb mar apr may jun jul aug sep oct nov dec",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "janv févr|fevr mars avr mai juin juil aout sept octo nove déc",
    (
        "januar|jänner|januari februar märz|mrz|maerz|maart april mai|mei juni juli august"
        "|augustus"
        " september oktober|okt november dezember|dez"
    ),
    (
        "enero|ene febrero marzo abril|abr mayo junio julio agosto|ago septiembre|setiembre|set"
        " octubre"
        " noviembre diciembre|dic"
    ),
    (
        "janeiro fevereiro|fev março|marco abril maio|mai junho julho agosto setembro outubro"
        "|out"
        " novembro dezembro"
    ),
    (
        "gennaio|gen febbraio marzo aprile maggio|mag giugno|giu luglio|lug agosto settembre"
        " ottobre|ott"
        " novembre dicembre"
    ),
    (
        "ledna|leden února|únor března|březen dubna|duben května|květen června|červen července"
        "|červenec"
        " srpna|srpen září října|říjen listopadu|listopad prosince|prosinec"
    ),
    (
        "stycznia|sty lutego|lut marca kwietnia|kwi maja|maj czerwca|cze lipca|lip sierpnia|sie"
        " września|wrz października|paź listopada|lis grudnia|gru"
    ),
    (
        "января|янв февраля|фев марта|мар апреля|апр мая|май июня|июн июля|июл августа|авг"
        " сентября|сен октября|окт ноября|ноя декабря|дек"
    ),
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",
    "januari februari maret april mei juni juli agustus september oktober november desember",
    (
        "जनवरी फरवरी|फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर|सितम्बर अक्टूबर|अक्तूबर नवंबर|नवम्बर"
        " दिसंबर|दिसम्बर"
    ),
    "জানুয়ারি ফেব্রুয়ারি মার্চ এপ্রিল মে জুন জুলাই আগস্ট সেপ্টেম্বর অক্টোবর নভেম্বর ডিসেম্বর",
    "ஜனவரி பிப்ரவரி மார்ச் ஏப்ரல் மே ஜூன் ஜூலை ஆகஸ்ட் செப்டம்பர் அக்டோபர் நவம்பர் டிசம்பர்",
    (
        "يناير فبراير مارس أبريل|ابريل مايو يونيو يوليو أغسطس|اغسطس سبتمبر أكتوبر|اكتوبر نوفمبر"
        " ديسمبر"
    ),
    ("كانون_الثاني شباط آذار نيسان أيار حزيران تموز آب أيلول تشرين_الأول تشرين_الثاني كانون_الأول"),
    "جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر",
    "ژانویه فوریه مارس آوریل مه ژوئن ژوئیه اوت سپتامبر اکتبر نوامبر دسامبر",
    "جنوری فروری مارچ اپریل مئی جون جولائی اگست ستمبر اکتوبر نومبر دسمبر",
    "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
    (
        "ιανουαρίου φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου"
        " οκτωβρίου"
        " νοεμβρίου δεκεμβρίου"
    ),
)
MONTHS = {
    name.replace("_", " "): number
    for language in NAMES
    for number, names in enumerate(language.split(), 1)
    for name in names.split("|")
}
SHORT = {name: number for name, number in MONTHS.items() if name.isascii() and len(name) == 3}


def month(word: str) -> int:
    """The number of a month's name, whole or shortened; raises ValueError for any other word."""
    word = word.casefold().rstrip(".")
    found = MONTHS.get(word) or SHORT.get(word[:3] if word.isascii() else "")
    if found is None:
        starts = {
            number for name, number in MONTHS.items() if len(word) > 2 and name.startswith(word)
        }
        if len(starts) != 1:
            raise ValueError(word)
        return starts.pop()
    return found
