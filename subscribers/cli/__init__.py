"""The operator's verbs over the roster: they parse, call and print. They decide nothing.

Data goes to stdout, talk to stderr. Errors leave as SubscriberError and are shown by the outer
door. Kept light: everything but typer is imported when a verb runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from subscribers.cli.door import (
    Address,
    Addresses,
    Desk,
    Json,
    Newsletter,
    json,
    lent,
    newsletter_meant,
    printable,
    table,
)
from subscribers.cli.lists import export, import_

if TYPE_CHECKING:
    from subscribers.preferences import Preferences
    from subscribers.roster import Listed, Profile, Session


def commands(door: Callable[[], Desk]) -> typer.Typer:
    """`digest subscribers …`. The door is opened when a verb runs, not before."""
    app = typer.Typer(no_args_is_help=True, help="Who gets which newsletter.")

    def lend(context: typer.Context) -> None:
        context.obj = door

    app.callback()(lend)
    for name, verb, example in (
        ("add", add, "add ann@example.org --section Global --section Opinion"),
        ("import", import_, 'import readers.csv --evidence "signed up at the spring fair"'),
        ("export", export, "export --newsletter weekly > readers.csv"),
        ("list", list_, "list --newsletter weekly --json"),
        ("show", show, "show ann@example.org"),
        ("proof", proof, "proof ann@example.org"),
        ("withdraw", withdraw, 'withdraw ann@example.org --why "asked by telephone"'),
        ("suppress", suppress, "suppress ann@example.org --reason request"),
        (
            "lift",
            lift,
            'lift ann@example.org --why "wrote on 5 March that she pressed it by mistake"',
        ),
        ("forget", forget, "forget ann@example.org --yes"),
    ):
        app.command(name, epilog=f"Example: digest subscribers {example}")(verb)
    return app


def add(
    context: typer.Context,
    addresses: Addresses,
    newsletter: Newsletter = "",
    section: Annotated[
        list[str] | None, typer.Option("--section", help="Only this section; repeatable.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Plain text, no HTML.")] = False,
    timezone: Annotated[
        str, typer.Option(help='By whose clock it is to come, where that counts: "Asia/Kolkata".')
    ] = "",
) -> None:
    """Add readers whose consent you have. One that is refused, and none is added."""
    from subscribers import roster
    from subscribers.preferences import Preferences

    desk = lent(context)
    slug = newsletter_meant(desk, newsletter)
    place = _zone(timezone)
    chosen = None
    if section or text:
        chosen = Preferences(frozenset(section) if section else None, "text" if text else "html")
    with desk.writing() as session:
        for address in addresses:
            done = roster.enrol(
                session, address, slug, chosen, how="operator", now=desk.now(), keys=desk.keys
            )
            if place:
                roster.locate(session, done.subscriber, place)
            typer.echo(f"{done.change:9}  {address}")


def list_(context: typer.Context, newsletter: Newsletter = "", as_json: Json = False) -> None:
    """List subscriptions, of one newsletter or of all."""
    desk = lent(context)
    slug = newsletter_meant(desk, newsletter) if newsletter else None
    with desk.reading() as session:
        lines = list(_listed(session, slug))
    if as_json:
        json(lines)
        return
    table(
        ("Number", "Address", "Newsletter", "State", "Sections", "Format", "Confirmed"),
        [
            (
                str(line.subscriber),
                line.address,
                line.newsletter,
                "suppressed" if line.suppressed else line.state,
                _sections(line.preferences),
                line.preferences.format,
                f"{line.confirmed_at:%Y-%m-%d}" if line.confirmed_at else "",
            )
            for line in lines
        ],
    )


def show(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Show all that is kept on a person: the answer to an access request."""
    from subscribers import roster
    from subscribers.errors import UnknownSubscriber

    desk = lent(context)
    with desk.reading() as session:
        traces = roster.traces(session, address, desk.keys)
        try:
            person = roster.find(session, address)
        except UnknownSubscriber:
            if not traces:
                raise
            _nobody_s(address, traces, as_json)
            return
        rows = roster.everything(session, person.subscriber)
        sent = desk.deliveries(session, person.subscriber)
        decided = desk.interventions(session, person.subscriber)
    if as_json:
        shown = {field.name: getattr(person, field.name) for field in fields(person)}
        more = {"deliveries": sent, "interventions": decided, "address_rows": traces}
        json({**shown, "rows": rows, **more})
        return
    suppressed = f", suppressed: {person.suppression}" if person.suppressed else ""
    since = f"{person.created_at:%Y-%m-%d %H:%M} UTC"
    clock = f", by the clock of {person.timezone}" if person.timezone else ""
    typer.echo(f"{person.address}, number {person.subscriber}, since {since}{clock}{suppressed}")
    _liftings(traces)
    _subscriptions(person)
    counted = ", ".join(f"{len(kept)} in {table}" for table, kept in rows.items() if kept)
    for one in decided:
        what = f"{one['was']} became {one['became']}, decided by {one['by']}"
        typer.echo(f"\n{one['at']:%Y-%m-%d %H:%M} UTC: a delivery that was {printable(what)}")
    strays = len(traces.get("report", []))
    naming = f"; {strays} reports that only name the address" if strays else ""
    typer.echo(f"\nRows: {counted}; {len(sent)} deliveries{naming}. All of them: --json")


def _nobody_s(address: str, traces: "dict[str, list[dict[str, object]]]", as_json: bool) -> None:
    """What is kept on an address that is no reader's."""
    if as_json:
        json({"address": address, "address_rows": traces})
        return
    typer.echo(f"{address} is no reader's. What is kept on it:")
    for never in traces.get("suppression", []):
        typer.echo(f"suppressed: {never['reason']}, by {never['how']}, {never['at']}")
    for owed in traces.get("notice", []):
        typer.echo(f"a mail that somebody asked for: {owed['kind']}, {owed['asked_at']}")
    for back in traces.get("report", []):
        typer.echo(printable(f"came back: {back['kind']}, {back['at']}: {back['diagnostic']}"))
    for counted in traces.get("tally", []):
        typer.echo(f"mails that nobody answered: {counted['count']}")
    _liftings(traces)


def _liftings(traces: "dict[str, list[dict[str, object]]]") -> None:
    """What stood against an address until somebody lifted it."""
    for one in traces.get("lifting", []):
        stood = f"{one['reason']} by {one['how']} of {str(one['since'])[:10]}"
        told = f"{str(one['at'])[:10]} by {one['by']}: {one['why']}"
        typer.echo(printable(f"lifted: {stood}, on {told}"))


def proof(context: typer.Context, address: Address, as_json: Json = False) -> None:
    """Print the proof of consent: every step, when, by what way, from where, what was shown."""
    from subscribers import roster

    desk = lent(context)
    with desk.reading() as session:
        person = roster.find(session, address)
        traces = roster.traces(session, address, desk.keys)
    if as_json:
        lifted = traces.get("lifting", [])
        json({"address": person.address, "subscriptions": person.subscriptions, "lifted": lifted})
        return
    _liftings(traces)
    for kept in person.subscriptions:
        typer.echo(f"{person.address}, {kept.newsletter}: {kept.state}")
        for event in kept.events:
            told = (("from", event.ip), ("program", event.agent), ("evidence", event.evidence),
                    ("shown", event.wording), ("issue", str(event.issue or "")))  # fmt: skip
            way = printable(event.how)  # of a list's own proof, it may be anything
            typer.echo(f"  {event.at:%Y-%m-%d %H:%M:%S} UTC  {event.kind} by {way}")
            for name, value in told:
                if value:
                    typer.echo(f"      {name}: {printable(value)}")


def _subscriptions(person: "Profile") -> None:
    for kept in person.subscriptions:
        sections = printable(_sections(kept.preferences))
        typer.echo(f"\n{kept.newsletter}: {kept.state}; {sections}; {kept.preferences.format}")
        table(
            ("When (UTC)", "What", "How", "Issue", "Evidence"),
            [
                (
                    f"{event.at:%Y-%m-%d %H:%M:%S}",
                    event.kind,
                    event.how,
                    str(event.issue or ""),
                    event.evidence,
                )
                for event in kept.events
            ],
        )


def withdraw(
    context: typer.Context,
    address: Address,
    newsletter: Annotated[
        str, typer.Option("--newsletter", "-n", help="Its slug; without it, all of them.")
    ] = "",
    why: Annotated[str, typer.Option("--why", help="Kept with the proof.")] = "",
) -> None:
    """Unsubscribe somebody who asked you to. They can come back by themselves.

    Of all newsletters, no list begins another for them either.
    """
    from subscribers import roster

    desk = lent(context)
    with desk.writing() as session:
        person = roster.find(session, address)
        held = [one.newsletter for one in person.subscriptions]
        if newsletter and newsletter not in held:
            raise typer.BadParameter(f"--newsletter is one of {', '.join(held) or '(none)'}.")
        left = [
            slug
            for slug in ([newsletter] if newsletter else held)
            if roster.withdraw(
                session, person.subscriber, slug, how="operator", now=desk.now(), reason=why
            )
        ]
        if not newsletter:
            roster.suppress(
                session, person.address, reason="request", how="operator", now=desk.now(),
                keys=desk.keys,
            )  # fmt: skip
    for slug in left:
        typer.echo(f"left       {slug}")
    if not left:
        typer.echo(f"{address} gets nothing that could be left.", err=True)


def suppress(
    context: typer.Context,
    address: Address,
    reason: Annotated[
        str, typer.Option(help="bounce, complaint, request or operator.")
    ] = "operator",
) -> None:
    """Never mail an address again, whatever is imported later."""
    from subscribers import roster
    from subscribers.suppression import Reason

    if reason not in get_args(Reason):
        raise typer.BadParameter(f"--reason is one of {', '.join(get_args(Reason))}.")
    desk = lent(context)
    why = cast(Reason, reason)
    with desk.writing() as session:
        new = roster.suppress(
            session, address, reason=why, how="operator", now=desk.now(), keys=desk.keys
        )
    typer.echo(f"{address} is {'now' if new else 'already'} suppressed.", err=True)


def lift(
    context: typer.Context,
    address: Address,
    why: Annotated[str, typer.Option("--why", help="What shows that mail may go there again.")],
    by: Annotated[str, typer.Option("--by", help="Who decides; else whose login it is.")] = "",
) -> None:
    """Lift a suppression, whatever its reason. It is kept what stood, who lifted it, and why.

    No consent comes back by it: who has left must subscribe and confirm by themselves.
    """
    from subscribers import roster
    from subscribers.errors import UnknownSubscriber

    if not why.strip():
        raise typer.BadParameter("--why must say what shows it; it is kept as the evidence.")
    desk = lent(context)
    with desk.writing() as session:
        lifted = roster.lift(
            session, address, why=why.strip(), by=by or desk.user, now=desk.now(), keys=desk.keys
        )
        try:
            held = roster.find(session, address).subscriptions
        except UnknownSubscriber:
            held = ()
    if lifted is None:
        typer.echo(f"{address} is not suppressed.", err=True)
        return
    since = f"{lifted.since:%Y-%m-%d}"
    typer.echo(f"lifted     {lifted.reason} of {since}, by {printable(lifted.how)}")
    coming = [one.newsletter for one in held if one.state == "confirmed"]
    for slug in coming:
        typer.echo(f"{slug} is mailed again: it never was left.", err=True)
    if not held or len(coming) < len(held):
        told = "Lifting brings no consent back: what they left, or never had, they must subscribe "
        typer.echo(f"{told}to and confirm themselves.", err=True)


def forget(
    context: typer.Context,
    address: Address,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person. Only a suppression stays, as a hash that does not name them."""
    from subscribers import roster
    from subscribers.errors import UnknownSubscriber

    desk = lent(context)
    with desk.reading() as session:
        try:
            person: Profile | None = roster.find(session, address)
        except UnknownSubscriber:
            traces = roster.traces(session, address, desk.keys)
            if not traces:
                raise
            if traces.keys() == {"suppression"}:
                typer.echo(f"Of {address} only its suppression is kept, and stays.", err=True)
                return
            person = None
    if not yes:
        name = person.address if person else address
        typer.confirm(f"Erase {name}? This can't be undone.", abort=True, err=True)
    with desk.writing() as session:
        mailed = desk.forget_deliveries(session, person.subscriber) if person else 0
        erased = roster.forget(session, address, now=desk.now(), keys=desk.keys)
    erased["delivery (what names the person)"] = mailed
    table(("Table", "Rows erased"), [(name, str(rows)) for name, rows in erased.items()])


def _listed(session: "Session", slug: str | None) -> "Iterator[Listed]":
    from subscribers import roster

    after = 0
    while page := roster.listing(session, slug, after=after):
        yield from page
        after = page[-1].subscription


def _zone(text: str) -> str:
    from subscribers.zones import zone

    try:
        return zone(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--timezone") from None


def _sections(preferences: "Preferences") -> str:
    if preferences.sections is None:
        return "everything"
    return ", ".join(sorted(preferences.sections)) or "nothing"
