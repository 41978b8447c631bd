"""One run: who may, what is remembered of the last, every newsletter, the sends, the upkeep.

Of two runs at once the second finds the first at it, and leaves. Sends and upkeep stand outside
of that lock: a send of an hour, or a source that does not answer, keeps no notice waiting.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial

from digest import archive
from digest.errors import DigestError
from digest.publish.opening import Clock, House
from digest.publish.running.acting import Actor, Done
from digest.publish.running.knowing import facts_of, plan_of, rhythm_text
from digest.publish.running.upkeep import UPKEEP
from digest.schedule import Intent, Send, due, kept_since, restored

STAMP = "digest.run"
"""Beside digest.toml: the count of the last run. A database that counts less is an old copy."""
ROUNDS = 20
_LOG = logging.getLogger(__name__)


def run(house: House, *, clock: Clock, release: bool = False) -> list[Done]:
    """Draft what is due, tell the editors, send what is approved and due, go on with the rest.

    Every step is taken once, whoever runs and however often; one newsletter's failure never
    stops another's. `release` ends the hold on what was due in the past.
    """
    settings = house.settings.newsletter
    actors = [Actor(house, name, settings[name], clock) for name in settings]
    with house.database.alone("run") as mine:
        done = _remember(house, clock(), release=release) if mine else []
        done += _all(actors, _prepare) if mine else []
    with house.database.alone("send") as mine:
        sent = _all(actors, _send) if mine else []
    if sent:
        # What came of it is written down at once, and told.
        with house.database.alone("run") as mine:
            sent += _all(actors, _prepare) if mine else []
    if not any(act.interrupted for act in sent):
        with house.database.alone("upkeep") as mine:
            for step in UPKEEP if mine else ():
                sent += _guarded("", partial(step, house, clock))
    return list(dict.fromkeys(done + sent))


def keep_running(
    house: House,
    *,
    clock: Clock,
    every: timedelta,
    wait: Callable[[float], bool],
    on_done: Callable[[list[Done]], None],
) -> None:
    """Run at each full `every` of the clock, until `wait` (told the seconds) says to stop.

    A run that fails as a whole, because the database is locked or away, is told as done: the
    next one tries again.
    """
    while True:
        done = _guarded("", partial(run, house, clock=clock))
        on_done(done)
        beat = every.total_seconds()
        if any(act.interrupted for act in done) or wait(beat - clock().timestamp() % beat):
            return


def _remember(house: House, now: datetime, *, release: bool) -> list[Done]:
    stamp = _read_stamp(house)
    with house.database.writing() as session:
        last = archive.pulse(session, "run")
        if release:
            held = archive.stop_pulse(session, "held")
        elif restored(last, stamp, now):
            archive.note_pulse(session, "held", now)
        count = max(last.count if last else 0, stamp) + 1
        archive.note_pulse(session, "run", now, count)
        for name, settings in house.settings.newsletter.items():
            before, rhythm = archive.kept(session, name), rhythm_text(settings)
            since = kept_since(before, rhythm, now)
            if rhythm and (before is None or before.due != since):
                archive.keep_rhythm(session, name, rhythm, since)
    # After the commit: the stamp never counts what the database does not.
    _write_stamp(house, count)
    if not release:
        return []
    return [Done("", "released: what is not too late goes out" if held else "nothing was held")]


def _prepare(actor: Actor) -> list[Done]:
    """All but the sends, deciding anew after each round until nothing new comes."""
    done: list[Done] = []
    tried: set[Intent] = set()
    for _ in range(ROUNDS):
        fresh = [i for i in _intents(actor) if i not in tried and not isinstance(i, Send)]
        if not fresh:
            break
        for intent in fresh:
            tried.add(intent)
            done += actor.act(intent)
    return done


def _send(actor: Actor) -> list[Done]:
    done: list[Done] = []
    tried: set[Intent] = set()
    # Decided anew before each: while another issue went out, it may have become too late.
    while fresh := [i for i in _intents(actor) if isinstance(i, Send) and i not in tried]:
        tried.add(fresh[0])
        done += actor.act(fresh[0])
        if any(act.interrupted for act in done):
            break
    return done


def _intents(actor: Actor) -> list[Intent]:
    now = actor.clock()
    plan = plan_of(actor.house, actor.settings)
    return due(plan, facts_of(actor.house, actor.name, actor.settings, now), now)


def _all(actors: Iterable[Actor], act: Callable[[Actor], list[Done]]) -> list[Done]:
    done: list[Done] = []
    for actor in actors:
        done += _guarded(actor.name, partial(act, actor))
        if any(one.interrupted for one in done):
            break
    return done


def _guarded(name: str, act: Callable[[], list[Done]]) -> list[Done]:
    try:
        return act()
    except DigestError as error:
        return [Done(name, error.what, error.exit_code, error.remedy)]
    except Exception as error:  # noqa: BLE001 - the other newsletters are not to suffer from it
        _LOG.debug("unforeseen", exc_info=True)
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        return [Done(name, what, 1, "unforeseen; the next run tries again")]


def _read_stamp(house: House) -> int:
    try:
        return int((house.settings.folder / STAMP).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0


def _write_stamp(house: House, count: int) -> None:
    path = house.settings.folder / STAMP
    fresh = path.with_name(f"{STAMP}.new")
    try:
        fresh.write_text(f"{count}\n", encoding="ascii")
        fresh.replace(path)
    except OSError:
        # A folder that can't be written has no memory of its own; the long silence still holds.
        _LOG.debug("no stamp", exc_info=True)
