"""Imported by the fork server of tests.forked alone: an issue is rendered here once.

What that imports and remembers (half a second of style sheets), its children need not do again;
nor what the command line imports only where it is needed.
"""

import digest.cli
import digest.publish
import digest.terminal.articles
import digest.terminal.bars
import digest.terminal.checking
import digest.terminal.demonstration
import digest.terminal.desk
import digest.terminal.issues
import digest.terminal.schedule
import digest.terminal.sources
import digest.web  # noqa: F401 - see above
from digest import publish, rendering
from digest.edition import cut
from subscribers.preferences import EVERYTHING
from tests.issues import example_issue

EDITION = cut(example_issue(), EVERYTHING)
assert EDITION is not None
RENDERED = rendering.render(EDITION, rendering.environment(publish.templates_folder()))
