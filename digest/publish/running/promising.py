"""What the settings promise about issues, for preflight to judge. Never here: what is due."""

from datetime import datetime
from itertools import pairwise

from digest.preflight import Finding
from digest.preflight.promises import Promise, examine_promises
from digest.publish.opening import House
from digest.publish.running.knowing import plan_of
from digest.schedule import coming

LOOKED_AT = 12  # due times: enough for the shortest time between two of a monthly rhythm


def unkept(house: House, now: datetime) -> list[Finding]:
    """What the schedules cannot keep of what they promise, for every newsletter that has one."""
    return examine_promises(_promises(house, now))


def _promises(house: House, now: datetime) -> list[Promise]:
    found: list[Promise] = []
    for name, settings in house.settings.newsletter.items():
        plan = plan_of(house, settings)
        if plan.rhythm is None:
            continue
        dues = coming(plan.rhythm, now, LOOKED_AT)
        between = min(after - before for before, after in pairwise(dues))
        found.append(
            Promise(name, between, plan.draft, plan.remind, plan.late_at_most,
                    is_asked=not plan.auto, editors=len(plan.editors))
        )  # fmt: skip
    return found
