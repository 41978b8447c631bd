"""Rendering + reader -> Message: the envelope and the RFC 5322 bytes a relay takes.

    quoted      text -> quoted-printable segments, open where a reader's values go
    headers     what the headers say, checked, folded and encoded
    blank       Blank: an edition's message encoded once; filled for each reader

The bytes are put together here and not by the email package, because email.policy.SMTP turns a
long List-Unsubscribe into encoded-words, and then no mail client offers to unsubscribe.
Never here: how the mail reads (rendering), its signature (dkim), its way out (delivery).
"""

from digest.messages.blank import Blank, Message, build
from digest.messages.headers import Letterhead, Links

__all__ = ["Blank", "Letterhead", "Links", "Message", "build"]
