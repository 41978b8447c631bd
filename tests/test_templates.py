"""Templates that a publisher changes: copied out, tried, and kept within bounds."""

import json
from pathlib import Path

import pytest

from digest.errors import TemplateError
from digest.publish.templating import FILES, export_templates, try_templates
from digest.rendering import environment, render
from digest.rendering.samples import hard_editions
from tests.commands import digest_in, refused
from tests.showcase import LANGUAGES, sample_edition

HOUSE = Path(__file__).parents[1] / "templates"
HOSTILE = {
    "a loop in a loop": "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}"
    "{% endfor %}",
    "a loop without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a tree of calls": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}"
    "{{ m(60) }}",
    "itself": '{% include "issue.txt.jinja" %}',
    "a huge range": "{% for a in range(10**9) %}x{% endfor %}",
    "a huge text": '{{ "a" * 10**9 }}',
    "a huge list": "{{ ([1] * 10**9) | length }}",
    "a huge number": "{{ 10 ** 10 ** 10 }}",
    "a huge power": "{{ 9 ** 99999 }}",
    "a wide method": '{{ "a".center(900000000) }}',
    "a wide format": '{{ "%900000000d" % 1 }}',
    "a wide format method": '{{ "{:>900000000}".format(1) }}',
    "a wide filter": '{{ "a" | indent(900000000) }}',
    "a wide batch": '{{ [1] | batch(900000000, "x") | list }}',
    "doubling": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}"
    "{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "doubling by plus": "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(60) %}"
    "{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "texts in texts": "{{ ('a' * 9999) | replace('a', 'b' * 9999) | replace('b', 'c' * 9999) }}",
    "much output": "{% for a in range(40000) %}{{ 'a' * 100 }}{% endfor %}",
    "python": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "python by attr": "{{ '' | attr('__class__') }}",
    "python by a macro": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "python by format": '{{ "{0.__class__.__mro__}".format(issue) }}',
    "python by a filter": "{{ [issue] | map(attribute='__class__') | join }}",
    "the environment": "{{ self.__init__.__globals__ }}",
    "a change of what others see": "{{ theme.fonts.update({'text': 'x'}) }}",
    "chance": "{{ [1, 2] | random }}",
    "filling": "{{ lipsum(n=20000) }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_a_template_stays_within_bounds(tmp_path: Path, source: str) -> None:
    (tmp_path / "issue.txt.jinja").write_text(source)
    with pytest.raises(TemplateError) as caught:
        render(sample_edition(), environment(tmp_path, HOUSE))
    assert caught.value.what.startswith("issue.txt.jinja")
    assert len(caught.value.what) < 300


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ('{{ "-" * 40 }}', "-" * 40),
        ("{{ 6 * 7000 }}", "42000"),
        ("{{ 2 ** 10 }}", "1024"),
        ('{{ "%05d" % 7 }}', "00007"),
        ('{{ "a" ~ 1 ~ none }}', "a1None"),
        ('{{ "{:>5}|".format(7) }}', "7|"),
        ("{% for s in all_sections %}{{ loop.index }}/{{ loop.length }} {% endfor %}", "1/2 2/2"),
        ("{% for s in all_sections %}{{ loop.last }}{% else %}none{% endfor %}", "FalseTrue"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}{{ v }}{% endfor %}", "a1"),
        ("{% for x in [[1, []]] recursive %}{{ x[0] }}{{ loop(x[1]) }}{% endfor %}", "1"),
        ('{{ ["b", "a"] | sort | join(", ") }}', "a, b"),
    ],
)
def test_what_is_modest_works_as_in_jinja(tmp_path: Path, source: str, shown: str) -> None:
    (tmp_path / "issue.txt.jinja").write_text(source)
    assert render(sample_edition(), environment(tmp_path, HOUSE)).text.strip() == shown


def test_joining_escapes_as_jinja_does(tmp_path: Path) -> None:
    (tmp_path / "issue.html.jinja").write_text(
        "{% macro slanted(a) %}<i>{{ a }}</i>{% endmacro %}"
        "<html><head></head><body><p>{{ slanted('x') ~ '<b>' }}</p></body></html>"
    )
    assert "<i>x</i>&lt;b&gt;" in render(sample_edition(), environment(tmp_path, HOUSE)).html


def test_the_budget_is_for_one_rendering_not_for_all() -> None:
    templates = environment(HOUSE)
    for _ in range(30):
        assert render(sample_edition(), templates).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_ours_bear_every_hard_sample(language: str) -> None:
    templates = environment(HOUSE)
    names = []
    for name, edition in hard_editions(language):
        made = render(edition, templates)
        assert len(made.html.encode()) < 100_000
        names.append(name)
    assert len(set(names)) == len(names) >= 15


def test_exporting_overwrites_nothing(tmp_path: Path) -> None:
    done = digest_in(tmp_path, "templates", "export")
    assert done.returncode == 0, done.stderr
    written = [Path(line) for line in done.stdout.splitlines()]
    assert [path.name for path in written] == list(FILES)
    assert [path.read_bytes() == (HOUSE / path.name).read_bytes() for path in written] == [True] * 4
    written[0].write_text("mine")
    written[1].unlink()
    refused(digest_in(tmp_path, "templates", "export"), 1, "is there already")
    assert written[0].read_text() == "mine"
    assert not written[1].exists()
    assert digest_in(tmp_path, "templates", "export", "--force").returncode == 0
    assert written[0].read_bytes() == (HOUSE / FILES[0]).read_bytes()


def test_exporting_to_where_one_may_not(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    into = str(tmp_path / "file" / "x")
    refused(digest_in(tmp_path, "templates", "export", into), 1, "cannot write")


def test_what_is_exported_makes_the_same_mail(tmp_path: Path) -> None:
    export_templates(tmp_path / "own", force=False)
    own = render(sample_edition(), environment(tmp_path / "own", HOUSE))
    assert own == render(sample_edition(), environment(HOUSE))


def test_checking_says_that_all_is_well(tmp_path: Path) -> None:
    done = digest_in(tmp_path, "templates", "check")
    assert done.returncode == 0, done.stderr
    assert "300-character headlines" in done.stdout
    assert "failed" not in done.stdout
    assert "email.css" in done.stderr


WRONG = [
    ("issue.html.jinja", "one\n{{ nothing }}", ", line 2: 'nothing' is undefined."),
    ("issue.txt.jinja", "{% if %}", ", line 1: "),
    ("email.css", "p {\n color: {{ nothing }} }", ", line 2: 'nothing' is undefined."),
    ("email.css", "p { margin-top: 0; }\np { color: red !important; }", ", line 2: “!important”"),
    ("issue.txt.jinja", "Nothing but a word.", ": there is no link for unsubscribing."),
    ("issue.txt.jinja", "{{ reader.unsubscribe_url }}", ": the postal address is not shown."),
    (
        "issue.html.jinja",
        '{% extends "house/issue.html.jinja" %}\n{% block story %}{{ story.hed }}{% endblock %}',
        ", line 2: ",
    ),
]


@pytest.mark.parametrize(("name", "source", "told"), WRONG)
def test_checking_names_file_and_line(tmp_path: Path, name: str, source: str, told: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / name).write_text(source)
    wrong = {tried.error: tried.remedy for tried in try_templates(tmp_path, {}).tried}
    assert any(error.startswith(name + told) and remedy for error, remedy in wrong.items())


def test_checking_complains_once_and_fails(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "issue.txt.jinja").write_text("one\n{{ nothing }}")
    done = digest_in(tmp_path, "templates", "check", "--json")
    refused(done, 1, "issue.txt.jinja, line 2: 'nothing' is undefined.")
    tried = json.loads(done.stdout)["tried"]
    assert all("line 2" in each["error"] for each in tried)


def test_checking_reads_the_pages_too(tmp_path: Path) -> None:
    (tmp_path / "templates" / "web").mkdir(parents=True)
    (tmp_path / "templates" / "web" / "left.html.jinja").write_text("one\ntwo {% if %}")
    wrong = [tried for tried in try_templates(tmp_path, {}).tried if tried.error]
    assert [tried.sample for tried in wrong] == ["syntax of web/left.html.jinja"]
    assert wrong[0].error.startswith("web/left.html.jinja, line 2: ")


@pytest.mark.parametrize("name", ["issue.txt.jinja", "email.css", "web/left.html.jinja"])
def test_a_template_in_other_letters_than_utf_8_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "templates" / name
    path.parent.mkdir(parents=True)
    path.write_bytes("one\n/* Zürich */\n".encode("latin-1"))
    wrong = {tried.sample: tried.error for tried in try_templates(tmp_path, {}).tried}
    assert f"{name}, line 2: it is not written in UTF-8" in wrong[f"syntax of {name}"]
    assert not [error for error in wrong.values() if "codec" in error]


def test_checking_uses_the_publishers_languages_and_theme(tmp_path: Path) -> None:
    words = ("--publisher", "P", "--postal-address", "1 Street", "--title", "T")
    done = digest_in(tmp_path, "init", *words, "--sender", "a@news.example.org")
    assert done.returncode == 0, done.stderr
    toml = (tmp_path / "digest.toml").read_text()
    toml = toml.replace('timezone = "UTC"', 'timezone = "UTC"\nlanguage = "ar-EG"', 1)
    (tmp_path / "digest.toml").write_text(toml)
    assert {tried.language for tried in try_templates(tmp_path, {}).tried} == {"ar-EG", "ar"}
    (tmp_path / "digest.toml").write_text(toml + '[theme]\nsoft = "#cccccc"\n')
    refused(digest_in(tmp_path, "templates", "check"), 2, "has a contrast of 1.6:1")
