"""Which articles tell the same story: pairs that a person labelled, and laws that always hold."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.articles import Article, canonical
from digest.selection import Profile, Shelf, profile
from digest.selection.twins import Rarity, likeness
from tests.stories import stories, stories_of

NOW = datetime(2026, 3, 30, tzinfo=UTC)

# Headline and dek of one, headline and dek of the other, and hours between them.
Pair = tuple[str, str, str, str, int]
SAME: dict[str, Pair] = {
    "a wire copy under a new headline": (
        "Ferry returns to northern islands after repairs",
        "The ferry to the northern islands sailed again on Friday after three weeks in dock.",
        "Islanders cheer as their boat comes home",
        "The ferry to the northern islands sailed again on Friday after three weeks, it said.",
        5,
    ),
    "a headline rewritten": (
        "Parliament passes water bill after night of debate",
        "Deputies voted 212 to 187 for the bill that lets towns sell what their wells give.",
        "Water bill passes parliament after all-night debate",
        "The bill lets towns sell what their wells give; 212 deputies voted for it, 187 against.",
        3,
    ),
    "a headline cut off": (
        "Museum to give back forty bronzes taken in the…",
        "",
        "Museum to give back forty bronzes taken in the war of 1897, its trustees say",
        "The trustees decided on Tuesday; the first crates leave in May.",
        1,
    ),
    "case and marks": ("STORM CLOSES THE STRAIT", "", "Storm closes the strait!", "", 2),
    "a subject in other words": (
        "Glacier above Linden loses its snout in one night",
        "Two million tonnes of ice broke off the Linden glacier; the valley had been cleared.",
        "Two million tonnes of ice break off Linden glacier overnight",
        "The valley below the Linden glacier had been cleared before the ice broke off.",
        9,
    ),
    "agency tag in front": (
        "UPDATE 1-Grain ministers agree on reserve of ten million tonnes",
        "Ministers of six grain states agreed on a common reserve held in four harbours.",
        "Grain ministers agree on reserve of ten million tonnes",
        "Ministers of six grain states agreed on a common reserve held in four harbours.",
        1,
    ),
    "hindi": (
        "उत्तरी द्वीपों के लिए नौका सेवा फिर शुरू",
        "तीन सप्ताह की मरम्मत के बाद शुक्रवार को नौका उत्तरी द्वीपों के लिए फिर रवाना हुई।",
        "मरम्मत के बाद उत्तरी द्वीपों की नौका सेवा फिर शुरू",
        "तीन सप्ताह की मरम्मत के बाद शुक्रवार को उत्तरी द्वीपों के लिए नौका फिर रवाना हुई।",
        4,
    ),
    "arabic": (
        "البرلمان يقر قانون المياه بعد نقاش طويل",
        "صوت النواب لصالح القانون الذي يسمح للبلدات ببيع مياه آبارها بعد جلسة استمرت ليلة كاملة",
        "بعد نقاش طويل البرلمان يقر قانون المياه",
        "صوت النواب لصالح القانون الذي يسمح للبلدات ببيع مياه آبارها في جلسة استمرت ليلة كاملة",
        4,
    ),
    "chinese": (
        "北方岛屿渡轮维修三周后复航",
        "渡轮在船坞维修三周后于周五重新驶往北方岛屿，居民在码头迎接。",
        "维修三周后北方岛屿渡轮恢复航行",
        "渡轮在船坞维修三周后周五重新驶往北方岛屿，码头上居民迎接。",
        4,
    ),
    "spanish": (
        "El Parlamento aprueba la ley del agua tras una noche de debate",
        "Los diputados votaron a favor de la ley que permite a los pueblos vender el agua.",
        "Tras una noche de debate, el Parlamento aprueba la ley del agua",
        "La ley permite a los pueblos vender el agua de sus pozos; los diputados la votaron.",
        2,
    ),
    "accents": (
        "La fusée décolle de l’île après trois reports",
        "",
        "La fusee decolle de l'ile apres trois reports",
        "",
        2,
    ),
    "the second has no dek": (
        "Court lets the service rule stand while it is argued",
        "Seven judges found no haste in the matter.",
        "Court lets service rule stand while it is argued",
        "",
        7,
    ),
}
DIFFERENT: dict[str, Pair] = {
    "the same report, another day": (
        "Stocks close higher on Monday",
        "Banks led the rise as rates were left alone; the index gained half a point.",
        "Stocks close higher on Tuesday",
        "Makers of cars led the rise after good sales; the index gained a point.",
        24,
    ),
    "a column of every day": (
        "Morning briefing", "What happened while you slept: a vote, a storm, a goal.",
        "Morning briefing", "Three things to know: wheat, wells and a wedding.", 24,
    ),
    "a dated column": (
        "Morning briefing: 12 March", "", "Morning briefing: 13 March", "", 24,
    ),
    "two matches": (
        "Linden beat Harbour United 2-1", "A late goal settled the match at the old ground.",
        "Linden beat Castle Rovers 3-0", "Three goals before half time settled the match.", 3,
    ),
    "two cities' weather": (
        "Weather in Linden: rain until Thursday", "Rain comes from the west, wind is light.",
        "Weather in Harbourside: rain until Thursday", "Fog comes from the sea in the evening.", 1,
    ),
    "a toll that rose": (
        "Quake death toll rises to 40", "Rescuers reached the second village at noon.",
        "Quake death toll rises to 112", "An army bridge opened the road to the coast.", 30,
    ),
    "days of a trial": (
        "Day 3 of the bridge trial: the engineer speaks", "He had warned of rust twice.",
        "Day 4 of the bridge trial: the mayor speaks", "She never saw the letters, she said.", 24,
    ),
    "one subject, two events": (
        "Water bill passes parliament", "Deputies voted for the bill in the night.",
        "Farmers block roads over water bill", "Tractors stood on four bridges at dawn.", 20,
    ),
    "one person, two stories": (
        "Mira Example elected chair of the port", "The board chose the insurer by one vote.",
        "Mira Example: risk is not a price", "An interview on what calm seas cost.", 10,
    ),
    "far apart": (
        "Storm closes the strait", "Ferries stay in harbour until the wind drops, pilots said.",
        "Storm closes the strait", "Ferries stay in harbour until the wind drops, pilots said.",
        24 * 20,
    ),
    "the same report of another day": (
        "Air over the capital remains very poor",
        "The index was 352 at nine on Monday, the pollution board said; the limit is 100.",
        "Air over the capital remains severe",
        "The index was 421 at nine on Wednesday, the pollution board said; the limit is 100.", 48,
    ),
    "short headlines": ("Vote today", "", "Vote delayed", "", 2),
    "nothing in common": (
        "A choir of two thousand", "They sang in the rain and nobody went home.",
        "Why bread got dearer", "Flour is only a tenth of what a loaf costs.", 1,
    ),
    "hindi": (
        "उत्तरी द्वीपों के लिए नौका सेवा फिर शुरू", "मरम्मत के बाद नौका रवाना हुई।",
        "उत्तरी द्वीपों में स्कूल फिर शुरू", "छुट्टियों के बाद बच्चे कक्षाओं में लौटे।", 4,
    ),
    "chinese": (
        "北方岛屿渡轮维修三周后复航", "渡轮周五重新驶往北方岛屿。",
        "南方城市地铁新线今日开通", "新线路连接机场与市中心，全程四十分钟。", 4,
    ),
}  # fmt: skip


def profiles(pair: Pair) -> list[Profile]:
    one, dek, other, other_dek, hours = pair
    first = Article(one, "https://one.example/1", dek, published=NOW)
    second = Article(other, "https://other.example/2", other_dek, published=NOW)
    # Words weigh by how rare they are: a pair is judged among the articles of a week.
    crowd = [
        Article(texts[0], f"https://crowd.example/{n}", texts[1])
        for n, texts in enumerate([*SAME.values(), *DIFFERENT.values()])
        if texts is not pair
    ]
    made = [profile(first, NOW), profile(second, NOW + timedelta(hours=hours))]
    return made + [profile(article, NOW + timedelta(days=90)) for article in crowd]


def together(pair: Pair) -> bool:
    one, other, *_ = stories(profiles(pair))
    return one == other


@pytest.mark.parametrize("name", SAME)
def test_the_same_story(name: str) -> None:
    assert together(SAME[name])


@pytest.mark.parametrize("name", DIFFERENT)
def test_another_story(name: str) -> None:
    assert not together(DIFFERENT[name])


@pytest.mark.parametrize(
    "other",
    [
        "http://www.example.org/a/story?utm_source=x",
        "https://m.example.org/a/story/",
        "https://amp.example.org/a/story",
        "https://example.org/a/story/amp",
        "https://example.org/amp/a/story",
        "https://example.org/a/story?amp=1",
        "https://mobile.example.org/a/story?outputType=amp",
    ],
)
def test_one_page_at_two_addresses(other: str) -> None:
    first = Article("Storm", canonical("https://example.org/a/story"), published=NOW)
    second = Article("The storm, an hour later", canonical(other), published=NOW)
    assert len(set(stories_of([first, second]))) == 1


@pytest.mark.parametrize(
    "other", ["https://example.org/ampere/story", "https://example.org/a/story?page=2"]
)
def test_addresses_that_merely_look_alike(other: str) -> None:
    first = Article("Storm", "https://example.org/a/story", published=NOW)
    second = Article("The storm, an hour later", other, published=NOW)
    assert len(set(stories_of([first, second]))) == 2


def test_a_full_text_without_a_dek_is_compared_by_its_beginning() -> None:
    text = SAME["a wire copy under a new headline"][1]
    first = Article("Ferry is back", "https://a.example/1", text, published=NOW)
    second = Article("Home again", "https://b.example/1", body=text + " More." * 80, published=NOW)
    assert len(set(stories_of([first, second]))) == 1


def test_no_chain_of_small_steps_joins_two_stories() -> None:
    words = "harbour grain ferry glacier museum bronze treaty gauge council budget tram orchard"
    told = words.split()
    # Each shares three quarters with the next, the last nothing with the first.
    texts = [" ".join((told * 3)[n : n + 12][: 12 - n] + [f"x{n}y{k}" for k in range(n)])
             for n in range(0, 12, 2)]  # fmt: skip
    made = [profile(Article(t, f"https://a.example/{n}", t), NOW) for n, t in enumerate(texts)]
    numbers = stories(made)
    assert numbers[0] == numbers[1]
    assert numbers[0] != numbers[-1]


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_text_can_be_compared(headlines: list[str]) -> None:
    made = [profile(Article(h, f"https://a.example/{n}"), NOW) for n, h in enumerate(headlines)]
    numbers = stories(made)
    assert len(numbers) == len(made)
    assert all(numbers[leader - 1] == leader for leader in numbers)


@given(st.sampled_from([*SAME.values(), *DIFFERENT.values()]))
def test_likeness_is_symmetric(pair: Pair) -> None:
    one, other, *_ = profiles(pair)
    rarity = Rarity(Counter(), 2)
    assert likeness(one, other, rarity) == likeness(other, one, rarity)


def test_what_is_forgotten_is_found_no_more() -> None:
    shelf = Shelf()
    one = profile(Article("Storm closes the strait"), NOW)
    shelf.weigh([one])
    shelf.put(7, one)
    assert shelf.find(one) == 7
    shelf.forget(before=NOW + timedelta(seconds=1))
    assert shelf.find(one) is None
