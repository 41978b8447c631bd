"""The templates of the mail: copied out for a publisher, and tried before readers get them."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment

from digest import rendering
from digest.edition import Edition
from digest.errors import DigestError, TemplateError
from digest.publish.opening import templates_folder
from digest.rendering import samples
from digest.settings import FILE, load
from digest.theme import Theme

FILES = ("issue.html.jinja", "issue.txt.jinja", "email.css", "client.css")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one hard sample: sizes in bytes, or why it failed."""

    sample: str
    language: str
    html: int = 0
    text: int = 0
    error: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """All samples, and what each rule of email.css adds to the first one, in bytes."""

    tried: tuple[Tried, ...]
    heaviest: tuple[tuple[str, int], ...]


def export_templates(target: Path, *, force: bool) -> list[Path]:
    """Copy our templates into the folder. Raises DigestError, having written nothing, where one
    is there already and `force` is not given."""
    there = [name for name in FILES if (target / name).exists()]
    if there and not force:
        raise DigestError(
            f"{target / there[0]} is there already",
            remedy="name another folder, or overwrite with --force",
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(templates_folder() / n, target / n)) for n in FILES]
    except OSError as error:
        raise DigestError(
            f"cannot write into {target}: {error.strerror}", remedy="name another folder"
        ) from error


def try_templates(folder: Path, environ: Mapping[str, str]) -> Trial:
    """Render every hard sample with the publisher's templates, theme and languages.

    Without a digest.toml in the folder: our theme, in English.
    """
    theme, languages = _settings(folder, environ)
    templates = rendering.environment(folder / "templates", templates_folder(), theme=theme)
    tried = [
        _try(name, edition, templates)
        for language in languages
        for name, edition in samples.hard_editions(language)
    ]
    _, first = next(samples.hard_editions(languages[0]))
    tried += [
        Tried(f"syntax of {name}", "", error=error.what, remedy=error.remedy)
        for name, error in rendering.broken(templates)
    ]
    heaviest = [] if tried[0].error else rendering.growth(rendering.filled(first, templates))
    return Trial(tuple(tried), tuple(heaviest[:10]))


def _settings(folder: Path, environ: Mapping[str, str]) -> tuple[Theme, list[str]]:
    if not (folder / FILE).exists():
        return Theme(), ["en"]
    settings = load(folder, environ)
    languages = [newsletter.language for newsletter in settings.newsletter.values()]
    return settings.theme, list(dict.fromkeys(languages))


def _try(name: str, edition: Edition, templates: Environment) -> Tried:
    try:
        made = rendering.fill(rendering.render(edition, templates), samples.READER)
        _judge(made, edition.format)
    except TemplateError as error:
        return Tried(name, edition.spoken, error=error.what, remedy=error.remedy)
    return Tried(name, edition.spoken, len(made.html.encode()), len(made.text.encode()))


def _judge(made: rendering.Rendering, kind: str) -> None:
    """What the law and the mailbox providers ask of every mail. Raises TemplateError."""
    parts = {"issue.txt.jinja": made.text} | (
        {"issue.html.jinja": made.html} if kind == "html" else {}
    )
    for name, part in parts.items():
        if samples.READER.unsubscribe_url not in part:
            raise TemplateError(
                f"{name}: there is no link for unsubscribing.",
                remedy="Put {{ reader.unsubscribe_url }} into the footer.",
            )
        if "12 Example Road" not in " ".join(part.split()):
            raise TemplateError(
                f"{name}: the postal address is not shown.",
                remedy="Put {{ publisher.postal_address }} into the footer.",
            )
