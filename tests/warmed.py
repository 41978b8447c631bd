"""Imported by the fork server of tests.surviving alone: an issue is rendered here once.

What that imports and remembers (half a second of style sheets), its children need not do again.
"""

from digest import publish, rendering
from digest.edition import cut
from subscribers.preferences import EVERYTHING
from tests.issues import example_issue

EDITION = cut(example_issue(), EVERYTHING)
assert EDITION is not None
RENDERED = rendering.render(EDITION, rendering.environment(publish.templates_folder()))
