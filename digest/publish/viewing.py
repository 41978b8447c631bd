"""The issue that a link in a mail names, as its reader chose it, in a browser."""

from digest import archive, rendering
from digest.edition import cut
from digest.publish.opening import House
from digest.publish.showing import Shown, in_sample_places
from subscribers import roster, tokens
from subscribers.errors import UnknownSubscriber
from subscribers.preferences import EVERYTHING, Preferences
from subscribers.roster import Profile


def view(house: House, token: str) -> Shown | None:
    """The issue that the link names, cut as the reader has chosen; None where it is gone.

    Raises BadToken. The page holds no link that acts for the reader: it may be passed on.
    """
    asked = tokens.read(token, "view", house.settings.keys)
    with house.database.reading() as session:
        record = archive.issue_by_id(session, asked.issue)
        try:
            known: Profile | None = roster.profile(session, asked.subscriber)
        except UnknownSubscriber:
            known = None
    if record is None:
        return None
    held = known.subscription_to(asked.newsletter) if known else None
    chosen = held.preferences if held else EVERYTHING
    edition = cut(record.issue, Preferences(chosen.sections)) or cut(record.issue, EVERYTHING)
    if edition is None:
        return None
    page = rendering.render(edition, house.templates, in_browser=True)
    return in_sample_places(house, record.issue, page)
