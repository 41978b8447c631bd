"""What readers meet, as digest.toml says: the pages, who may join, how long things are kept."""

from pydantic import Field, SecretStr

from digest.settings.kinds import Domain, Name, Part, WebAddress
from subscribers.limiting import TESTS

# RFC 2142's names for those who keep a network, and what machines answer to. Not "info" or
# "office": in a small house that is somebody's only address.
OFFICES = (
    "abuse", "devnull", "do-not-reply", "donotreply", "ftp", "hostmaster", "mailer-daemon",
    "no-reply", "noc", "noreply", "null", "phishing", "postmaster", "root", "security", "spam",
    "unsubscribe", "usenet", "uucp", "webmaster", "www",
)  # fmt: skip
PASSING = (
    "10minutemail.com", "dispostable.com", "fakeinbox.com", "getnada.com", "grr.la",
    "guerrillamail.com", "guerrillamail.net", "guerrillamail.org", "guerrillamailblock.com",
    "maildrop.cc", "mailinator.com", "mailnesia.com", "mintemail.com", "mohmal.com",
    "sharklasers.com", "spamgourmet.com", "temp-mail.org", "tempail.com", "throwawaymail.com",
    "trashmail.com", "yopmail.com", "yopmail.fr", "yopmail.net",
)  # fmt: skip


class WebSettings(Part):
    """The pages that the links in the mail lead to."""

    base_url: WebAddress = Field(
        default="http://127.0.0.1:8000",
        description="https, or no one-click header is written",
    )
    tests_an_hour: int = Field(
        default=TESTS["desk-tests"][0],
        ge=1,
        description="test mails that one editor may send from the desk",
    )
    secret: SecretStr = SecretStr("")


class JoiningSettings(Part):
    """Who may join by the pages, and from when on a flood of sign-ups is told."""

    refused_names: tuple[Name, ...] = Field(
        default=OFFICES, description="before the @: of offices and machines, not of persons"
    )
    refused_domains: tuple[Domain, ...] = Field(
        default=PASSING, description="behind the @, and what is below: mailboxes for an hour"
    )
    alarm_at: int = Field(
        default=200, ge=0, description="sign-ups in an hour that the editors are told of; 0: never"
    )


class PrivacySettings(Part):
    """How long what need not be kept is kept; 0 keeps none of it."""

    ip_days: int = Field(default=365, ge=0, description="IP address and program of who consented")
    report_days: int = Field(default=90, ge=1, description="the bytes of bounces")
