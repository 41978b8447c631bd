"""digest.toml, digest.env and the environment; every mistake is one sentence with its remedy."""

import tomllib
from pathlib import Path

import pytest

from digest import sample, settings
from digest.errors import SettingsError
from digest.settings import Part, Settings, example, flat, load

LONG = "sixteen-or-more-letters"


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "digest.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_sample_is_read(folder: Path) -> None:
    read = load(folder, {})
    assert read.newsletter["weekly"].title == "The Week"
    assert [source.name for source in read.source] == ["world", "opinion", "front-page"]


def test_the_environment_wins_over_the_secrets_file_over_the_settings(folder: Path) -> None:
    (folder / "digest.env").write_text(f"DIGEST_WEB_SECRET={LONG}\nDIGEST_RELAY_PORT=2600\n")
    assert load(folder, {}).relay.port == 2600
    read = load(folder, {"DIGEST_RELAY_PORT": "2700", "DIGEST_WEB_BASE_URL": "https://x.example/"})
    assert read.relay.port == 2700
    assert read.web.base_url == "https://x.example"
    assert read.keys == (LONG.encode(),)


def test_several_keys_newest_first(folder: Path) -> None:
    read = load(folder, {"DIGEST_WEB_SECRET": f"new-{LONG}, old-{LONG}"})
    assert read.keys == (f"new-{LONG}".encode(), f"old-{LONG}".encode())


@pytest.mark.parametrize("secret", ["", "short", f"{LONG},short"])
def test_a_missing_or_short_secret_is_refused(folder: Path, secret: str) -> None:
    with pytest.raises(SettingsError, match="DIGEST_WEB_SECRET"):
        _ = load(folder, {"DIGEST_WEB_SECRET": secret}).keys


@pytest.mark.parametrize(
    ("old", "new", "said", "remedy"),
    [
        ('title = "The Week"', 'titel = "The Week"', "newsletter.weekly.", "title"),
        ('"Asia/Kolkata"', '"Asia/Nowhere"', "is no time zone", "correct"),
        ('window = "7d"', 'window = "7 moons"', "a length of time", "correct"),
        ('every = "monday 07:00"', 'every = "someday"', "monday 07:00", "correct"),
        ("[publisher]", "[publisher", "is not valid TOML", "mend"),
        ('security = "none"', 'security = "none"\npassword = "x"', "is a secret", "DIGEST_RELAY"),
        ('host = "127.0.0.1"', 'host = "mail.example.org"', "on this machine only", "correct"),
        ("[relay]", "[rely]", "rely is no setting", "relay"),
        ('feed = "saved/world.rss"', 'feed = "a"\npage = "b"', "exactly one of", "correct"),
        (
            'name = "opinion"',
            'name = "world"',
            "toml: two sources have the same name: world",
            "correct",
        ),
        ('name = "Opinion"', 'name = "GLOBAL"', "same name: Global and GLOBAL", "correct"),
        ('postal_address = "', 'postal_address = ""  # "', "postal_address", "correct"),
        ('every = "monday', 'editors = "a@b.example", every = "monday', "a list stands", ""),
        ("schedule = {", 'schedule = "monday 07:00" #', "a table stands in braces", "correct"),
        ('from = "The Week <weekly@news.example.org>"', 'from = "The Week"', "from is written", ""),
    ],
)
def test_a_mistake_is_one_sentence(
    folder: Path, old: str, new: str, said: str, remedy: str
) -> None:
    change(folder, old, new)
    with pytest.raises(SettingsError) as caught:
        load(folder, {})
    assert said in caught.value.what
    assert remedy in caught.value.remedy
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.what


def test_no_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {})
    assert "digest init" in caught.value.remedy


def test_secrets_are_masked(folder: Path) -> None:
    shown = flat(load(folder, {"DIGEST_WEB_SECRET": LONG, "DIGEST_RELAY_PASSWORD": "hush-hush"}))
    assert shown["newsletter.weekly.window"] == "7d"
    assert shown["web.secret"] == "**********"
    assert LONG not in str(shown)
    assert "hush-hush" not in str(shown)


def test_the_example_names_every_setting() -> None:
    text = example()
    tables = {"section", "schedule", "trending", "match", "username", "password", "secret"}
    tables |= {"ses", "postmark", "mailgun", "sendgrid"}
    for part in Part.__subclasses__():
        if part is not Settings:
            for name, field in part.model_fields.items():
                assert name in tables or f"#{field.alias or name} = " in text, name


def test_the_examples_values_are_toml() -> None:
    lines = [line[1:] for line in example().splitlines() if line.startswith("#")]
    values = [line for line in lines if "= …" not in line]
    assert len(values) > 25
    for line in values:
        tomllib.loads(line)


def test_every_default_of_the_example_is_the_default_of_its_class() -> None:
    assert '#window = "7d"' in example()
    assert '#late_at_most = "12h"' in example()
    assert settings.RelaySettings().security in example()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('page = "a.html"\nranked = true', "only a feed can be ranked"),
        ('feed = "a\\u0000b"', "no control characters"),
        ('feed = "a"\nfolder = "b"', "exactly one"),
        ('feed = "a"\nprivate = "perhaps"', "private"),
    ],
)
def test_a_source_that_makes_no_sense(tmp_path: Path, lines: str, words: str) -> None:
    toml = f'{sample.settings(25)}\n[[source]]\nname = "it"\n{lines}\n'
    (tmp_path / "digest.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        load(tmp_path, {})


@pytest.mark.parametrize("name", ["Trending", "trending", " TRENDING"])
def test_no_section_is_called_like_the_list(folder: Path, name: str) -> None:
    path = folder / "digest.toml"
    text = path.read_text(encoding="utf-8")
    source = f'\n[[source]]\nname = "x"\nfolder = "x"\nsection = "{name}"\n'
    path.write_text(text + source, encoding="utf-8")
    with pytest.raises(SettingsError, match="Trending is the numbered list's own name"):
        load(folder, {})
    section = f'\n[[newsletter.weekly.section]]\nname = "{name}"\n'
    path.write_text(text + section, encoding="utf-8")
    with pytest.raises(SettingsError, match="Trending is the numbered list's own name"):
        load(folder, {})


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [("theme", "accnt", "accent"), ("theme.dark", "papr", "paper"), ("theme", "tittle", "")],
)
def test_a_wrong_name_in_the_theme_is_told_by_the_themes_own(
    folder: Path, table: str, key: str, meant: str
) -> None:
    path = folder / "digest.toml"
    text = path.read_text(encoding="utf-8") + f'\n[{table}]\n{key} = "x"\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(folder, {})
    assert caught.value.remedy == (
        f"did you mean {meant}?" if meant else "`digest settings --example` lists them all"
    )
