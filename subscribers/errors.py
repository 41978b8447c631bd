"""Every error that leaves a room of `subscribers`.

SubscriberError
├── InvalidAddress      what was given is no mail address
├── Unwanted            the address is an office's, or one to throw away
├── UnknownSubscriber   nobody of that address is in the roster
├── Suppressed          the address must never be mailed
├── Withdrawn           the person left; only they can come back
├── BadToken            the link was not made by us, or not for this purpose
├── BadSignature        the event was not signed by who should have sent it
└── TooMany             more was asked for in a while than is reasonable
"""


class SubscriberError(Exception):
    """Something about a subscriber went wrong. `remedy` says what the user can do."""

    exit_code = 1

    def __init__(self, what: str = "", *, remedy: str = "") -> None:
        """`what` is one sentence without a line break; the class's first line stands in for it."""
        super().__init__(what or (type(self).__doc__ or "").split("\n")[0])
        self.what = str(self)
        self.remedy = remedy


class InvalidAddress(SubscriberError):
    """That is not a mail address."""


class Unwanted(SubscriberError):
    """This address is no person's own for long."""


class UnknownSubscriber(SubscriberError):
    """Nobody with this address is in the roster."""


class Suppressed(SubscriberError):
    """This address must not be mailed."""


class Withdrawn(SubscriberError):
    """This person has left, and only they can come back."""


class BadToken(SubscriberError):
    """This link is not one of ours."""


class BadSignature(SubscriberError):
    """This event is not signed by who should have sent it."""


class TooMany(SubscriberError):
    """That was asked for too often."""
