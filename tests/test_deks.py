"""Deks: what is left of the summaries that sites really send, written before the rules for them."""

import pytest

from digest.articles import dek_of, plain

VOTE = (
    "The council voted on Tuesday to close the old tip at Marsh End, which has leaked into the "
    "brook since 2011. Work begins in June and takes two years."
)
CUT = VOTE[:90]
LEAD = [VOTE, "Residents had asked for it for a decade."]
SPOKEN = (
    "“Nobody asked us,” said the mayor. “They came at night.” The council has until Friday to "
    "answer the ministry, which wants the tip closed at once and the brook fenced off."
)
SHORTENED = (
    "The U.S. and the E.U. agreed at 3 p.m. on Tuesday in Washington, D.C. to talk again on steel. "
    "Mr. J. R. Brown of Acme Inc. said that No. 5 furnace would stay cold until Jan. 12 at least."
)
HINDI = (
    "परिषद ने मंगलवार को मार्श एंड का पुराना कूड़ाघर बंद करने का फैसला किया, जो 2011 से नाले में रिस रहा था और "
    "जिसे हटाने की मांग दस साल से हो रही थी।"
)
JAPANESE = "理事会は火曜日、マーシュエンドの旧処分場の閉鎖を決めた。工事は6月に始まり、2年かかる。"
CHINESE = "理事会周二投票决定关闭一直向小溪渗漏的旧垃圾场。工程六月开始，历时两年。"


@pytest.mark.parametrize(
    "summary",
    [
        f"LONDON, April 2 (Reuters) - {VOTE}",
        f"By Jane Roe LONDON (Reuters) - {VOTE}",
        f"Marsh End (Kent) [England], April 2 (ANI): {VOTE}",
        f"(MENAFN - Brook News) {VOTE}",
        f"MARSH END, Kent, April 2, 2025 /PRNewswire/ -- {VOTE}",
        f"/PRNewswire-Brook/ -- {VOTE}",
        f"LONDON--(BUSINESS WIRE)--{VOTE}",
        f"LONDON, April 02, 2025 (GLOBE NEWSWIRE) -- {VOTE}",
        f"Subscribe to our newsletter for more stories like this. {VOTE}",
        f"{VOTE} (Reporting by Jane Roe; Editing by Bob Doe)",
        f"{VOTE} READ MORE: How the tip was dug",
        f"{VOTE} Click here to watch the video.",
        f"{VOTE} Follow us on Twitter @brooknews",
        f"{VOTE} [&#8230;] The post Tip closed appeared first on Brook News.",
    ],
)
def test_what_stands_before_and_behind_a_summary_is_left_out(summary: str) -> None:
    assert dek_of(plain(summary)) == VOTE


@pytest.mark.parametrize(
    "summary",
    [
        f"{CUT} [...]",
        f"{CUT}&#8230; Continue reading Tip closed &rarr;",
        "Advertisement",
        "Comments",
        "Image: A tip. Credit: Bob",
        "2 min read",
        "",
    ],
)
def test_what_is_no_summary_gives_way_to_the_text(summary: str) -> None:
    assert dek_of(plain(summary), LEAD) == VOTE


def test_what_stands_before_the_text_is_not_its_beginning() -> None:
    before = ["Marsh End, Tuesday", "Photo: Bob Doe/Brook News", "By Jane Roe", "The tip leaks",
              "Published 2 April 2025", "Listen to this article", "Key points:"]  # fmt: skip
    assert dek_of("", [*before, *LEAD]) == VOTE


@pytest.mark.parametrize(
    ("summary", "dek"),
    [
        (SPOKEN, SPOKEN),
        (SHORTENED, SHORTENED),
        (f"नई दिल्ली, 2 अप्रैल (भाषा) {HINDI}", HINDI),
        (f"{JAPANESE}続きを読む", JAPANESE),
        (f"新华社北京4月2日电（记者李华）{CHINESE}", CHINESE),
    ],
)
def test_sentences_stay_as_they_are_written(summary: str, dek: str) -> None:
    assert dek_of(summary) == dek
