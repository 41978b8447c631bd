"""How it is mailed, as digest.toml says: relays, domains, the brake, signatures, bounces."""

from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from digest.settings.kinds import Domain, Duration, Part, Rate

PolicyName = Literal["on_ambiguous", "expire", "log_addresses"]
POLICIES: tuple[PolicyName, ...] = ("on_ambiguous", "expire", "log_addresses")
"""What [relay] says for all relays."""
Day = Annotated[int, Field(ge=1)]


class RelaySettings(Part):
    """The SMTP server that takes our mail."""

    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="none: only on loopback"
    )
    connections: int = Field(default=20, ge=1, le=500)
    messages_per_connection: int = Field(default=500, ge=1, description="then a new one is opened")
    on_ambiguous: Literal["resend", "hold"] = Field(
        default="resend", description="when the reply to the final dot never came"
    )
    expire: Duration = Field(default=timedelta(hours=24), description="when retrying ends")
    log_addresses: Literal["full", "domain", "none"] = Field(
        default="domain", description="how much of a reader's address the log shows"
    )
    weight: int = Field(
        default=1, ge=1, le=1000, description="its share where there are several relays"
    )
    rate: Rate = Field(default="0", description='at most "10/s", "600/m" or "1000/h"; 0: no limit')
    daily: int = Field(default=0, ge=0, description="messages on one day (UTC); 0: no limit")
    concurrency: int = Field(
        default=0, ge=0, description="connections of all senders together; 0: no limit"
    )
    warm_up: tuple[Day, ...] = Field(
        default=(), description="messages on each day from warm_up_from on: [50, 100, 500, 1000]"
    )
    warm_up_from: date | Literal[""] = Field(default="", description='for instance "2026-12-01"')
    username: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _never_in_clear(self) -> "RelaySettings":
        if self.security == "none" and self.host not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError('security = "none" is allowed for a relay on this machine only')
        _plan_has_a_beginning(self)
        return self


class DomainSettings(Part):
    """What the readers' domains are given, each for itself; "*" is any other domain."""

    rate: Rate = Field(default="0", description='at most "10/s", "600/m" or "1000/h"; 0: no limit')
    daily: int = Field(default=0, ge=0, description="messages on one day (UTC); 0: no limit")
    concurrency: int = Field(default=0, ge=0, description="messages under way; 0: no limit")
    warm_up: tuple[Day, ...] = Field(
        default=(), description="messages on each day from warm_up_from on: [50, 100, 500, 1000]"
    )
    warm_up_from: date | Literal[""] = Field(default="", description='for instance "2026-12-01"')

    @model_validator(mode="after")
    def _whole(self) -> "DomainSettings":
        _plan_has_a_beginning(self)
        return self


def _plan_has_a_beginning(told: RelaySettings | DomainSettings) -> None:
    if bool(told.warm_up) != bool(told.warm_up_from):
        raise ValueError("warm_up and warm_up_from go together")


class BrakeSettings(Part):
    """When an issue pauses itself, because something is wrong with it or with the list."""

    first: int = Field(
        default=1000, ge=0, description="looked at among the first so many readers; 0: no brake"
    )
    refused: float = Field(default=10.0, gt=0, le=100, description="more of them, in percent")
    complaints: float = Field(
        default=0.5, gt=0, le=100, description="of those who were sent it, in percent; at least 3"
    )


class DkimSettings(Part):
    """Signs all mail once key_file is set; `digest dkim generate` writes a key."""

    domain: str = Field(default="", description="of the newsletter's from, or one above it")
    selector: Domain = Field(default="digest1", description="a new one for each new key")
    key_file: str = Field(default="", description="beside digest.toml, for instance dkim.pem")
    ed25519_selector: str = Field(
        default="", description="a second signature: leave it off, some providers refuse it"
    )
    ed25519_key_file: str = ""

    @model_validator(mode="after")
    def _whole(self) -> "DkimSettings":
        if (self.key_file or self.ed25519_key_file) and not self.domain:
            raise ValueError("key_file needs domain beside it")
        if bool(self.ed25519_key_file) != bool(self.ed25519_selector):
            raise ValueError("ed25519_key_file and ed25519_selector go together")
        if self.ed25519_key_file and not self.key_file:
            raise ValueError("Ed25519 alone is not enough: set key_file to an RSA key, too")
        return self


class BouncesSettings(Part):
    """Where bounces go, where they are read, and when they suppress an address."""

    domain: str = Field(
        default="", description="of the envelope sender (VERP); default: that of from"
    )
    maildir: str = Field(default="", description="read by `digest bounces read`")
    imap: str = Field(default="", description="host of the mailbox, with :port if it is not 993")
    mailbox: str = "INBOX"
    security: Literal["tls", "starttls", "none"] = Field(
        default="tls", description="none: only on loopback"
    )
    hard: int = Field(default=1, ge=0, description="days with a dead address until it is one")
    issues: int = Field(default=3, ge=0, description="not arrived in a row until suppression")
    score: float = Field(default=5.0, ge=0, description="one a day with a failure; 0: no score")
    stale: Duration = Field(default=timedelta(days=7), description="when a score is forgotten")
    username: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    ses: SecretStr = SecretStr("")
    postmark: SecretStr = SecretStr("")
    mailgun: SecretStr = SecretStr("")
    sendgrid: SecretStr = SecretStr("")

    @model_validator(mode="after")
    def _never_in_clear(self) -> "BouncesSettings":
        host = self.imap.rpartition(":")[0] or self.imap
        if self.security == "none" and host not in {"", "127.0.0.1", "localhost", "[::1]"}:
            raise ValueError('security = "none" is allowed for a mailbox on this machine only')
        return self

    def secret_of(self, provider: str) -> str:
        """What was agreed with a provider; "" for none."""
        found = getattr(self, provider, None)
        return found.get_secret_value() if isinstance(found, SecretStr) else ""
