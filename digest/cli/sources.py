"""`digest collect`, and the verbs of `digest sources`: which there are, how they fare, more."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.door import Json, complain, environ, fail, now, opened, print_json, say

if TYPE_CHECKING:
    from digest.publish import Collected, NewSource
    from digest.settings import Settings

app = typer.Typer(help="Where articles come from.", no_args_is_help=True)
TOLD = 10  # titles of what an import left out
Section = Annotated[str, typer.Option(help="Where their articles go.")]


def collect(
    context: typer.Context,
    places: Annotated[
        list[str] | None,
        typer.Argument(help="URLs, files or folders; without any, the sources of digest.toml."),
    ] = None,
    section: Annotated[str, typer.Option(help="Where articles of PLACES go.")] = "",
    as_json: Json = False,
) -> None:
    """Read the sources and keep what is new. One that fails never stops the others.

    Example: digest collect
    Example: digest collect saved/page.html --section Global
    """
    from digest import publish
    from digest.terminal.bars import source_bar
    from digest.terminal.sources import show_collected

    read: list[Collected] = []
    with opened(context) as house, source_bar(len(places or house.settings.source)) as on_visit:
        known = publish.takes(house, section, now())
        try:
            results = publish.collect(
                house, places or [], section=section, now=now(),
                on_visit=on_visit, on_source=read.append,
            )  # fmt: skip
        except KeyboardInterrupt:
            if read and not as_json:
                show_collected(read)
            raise
    print_json(results) if as_json else show_collected(results)
    if not results:
        fail("digest.toml names no source", "add a [[source]], or name one: digest collect URL", 2)
    if places and section and not known:
        complain(
            f"no newsletter has a section that takes {section}",
            "add a [[newsletter.….section]], or collect again with another --section",
        )
    _tell_failures(results)


def _tell_failures(results: "list[Collected]") -> None:
    failures = [result for result in results if result.error]
    left_out = [sentence for result in results for sentence in result.left_out]
    for failed in failures:
        complain(failed.error, failed.remedy)
    for sentence in left_out:
        complain(sentence, "mend that file or take it away; the others were read")
    if failures and len(failures) == len(results):
        raise typer.Exit(max(result.exit_code for result in failures))
    if failures or left_out:
        raise typer.Exit(1)


@app.command("list")
def sources_list(context: typer.Context, as_json: Json = False) -> None:
    """Every source of digest.toml, when it was last read, and what is wrong with it.

    Example: digest sources list
    """
    from digest import publish
    from digest.terminal.sources import show_source_lines

    with opened(context) as house:
        lines = publish.source_lines(house, now())
    print_json(lines) if as_json else show_source_lines(lines)


@app.command("find")
def sources_find(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A site's address.")],
    section: Section = "",
    add: Annotated[bool, typer.Option("--add", help="Write them into digest.toml.")] = False,
    as_json: Json = False,
) -> None:
    """The feeds of a site, as tables for digest.toml.

    Example: digest sources find www.example.org
    Example: digest sources find https://www.example.org/world --section Global --add
    """
    from digest import publish

    settings = _settings(context, needed=add)
    found = publish.find_feeds(url)
    if as_json:
        print_json(found)
        return
    _take(context, publish.new_sources(found, settings, section), len(found), add)


@app.command("import")
def sources_import(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="OPML, as feed readers export it.")],
    section: Section = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the tables, write nothing.")
    ] = False,
) -> None:
    """Take over the subscriptions of a feed reader. Its folders become sections.

    Example: digest sources import feeds.opml --dry-run
    """
    from digest import publish

    settings = _settings(context, needed=not dry_run)
    found = publish.outlines_of(file)
    new = publish.new_sources(found.feeds, settings, section)
    _take(context, new, len(found.feeds), not dry_run)
    if found.left_out:
        more = f", and {len(found.left_out) - TOLD} more" if len(found.left_out) > TOLD else ""
        complain(
            f"left out: {', '.join(found.left_out[:TOLD])}{more}",
            "only feeds with an address that begins with http:// or https:// are taken, "
            "and 2000 at most",
        )


@app.command("export")
def sources_export(context: typer.Context) -> None:
    """The feeds of digest.toml as OPML, for a feed reader.

    Example: digest sources export > feeds.opml
    """
    from digest import publish

    with opened(context) as house:
        opml, others = publish.export_outlines(house)
    sys.stdout.write(opml.decode())
    if others:
        say(f"left out, because they are no feeds of the web: {', '.join(others)}")


def _settings(context: typer.Context, *, needed: bool) -> "Settings | None":
    from digest.errors import SettingsError
    from digest.settings import FILE, load

    try:
        return load(context.obj, environ())
    except SettingsError:
        # One may look for feeds before there are settings, but not past broken ones.
        if needed or (context.obj / FILE).exists():
            raise
        return None


def _take(context: typer.Context, new: "list[NewSource]", found: int, add: bool) -> None:
    from digest import publish

    if not new:
        say("digest.toml has them all already")
        return
    if not add:
        sys.stdout.write(publish.source_tables(new))
        return
    publish.add_sources(context.obj, new)
    for source in new:
        say(f"added {source.name}: {source.place}")
    known = found - len(new)
    say(
        f"{len(new)} added"
        + (f", {known} were there already" if known else "")
        + "; next: digest collect"
    )
    _without_a_section(context)


def _without_a_section(context: typer.Context) -> None:
    settings = _settings(context, needed=True)
    if settings is None:
        return
    sections = {section.name for n in settings.newsletter.values() for section in n.section}
    stray = sorted({s.section for s in settings.source if s.section} - sections)
    if stray:
        complain(
            f"no newsletter has a section called {', '.join(stray)}",
            "add a [[newsletter.….section]], or correct section = of those sources",
        )
