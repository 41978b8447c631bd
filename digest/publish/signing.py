"""DKIM keys: read from their files beside digest.toml, written there, shown as DNS records."""

import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from digest import dkim
from digest.dkim import DkimKey, Kind
from digest.errors import DkimError, SettingsError
from digest.messages import Message
from digest.publish.opening import House
from digest.settings import Settings


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What must stand in the DNS: a TXT record at `host`, in `strings` of at most 255 octets."""

    host: str
    kind: Kind
    bits: int
    strings: tuple[str, ...]

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file."""
        quoted = " ".join(f'"{part}"' for part in self.strings)
        return f"{self.host}. IN TXT ( {quoted} )"


def signing_keys(house: House) -> tuple[DkimKey, ...]:
    """The keys of [dkim], RSA first; none where no key_file is set.

    Raises DkimError: a file is not there, cannot be read, or holds no key that can sign.
    """
    return tuple(_read(house.settings.folder, *each) for each in _named(house.settings))


def signed(message: Message, keys: tuple[DkimKey, ...], at: datetime) -> Message:
    """The message with its signatures on top; nothing may change its bytes any more."""
    return replace(message, data=dkim.signed(message.data, keys, at)) if keys else message


def key_records(house: House) -> list[KeyRecord]:
    """The DNS records of the keys in use. Raises DkimError, SettingsError where there are none."""
    keys = signing_keys(house)
    if not keys:
        raise SettingsError(
            "[dkim] in digest.toml names no key_file", remedy="write one: `digest dkim generate`"
        )
    return [_record(key) for key in keys]


def generate_key(
    settings: Settings, *, domain: str, selector: str, kind: Kind, path: Path, force: bool
) -> KeyRecord:
    """Write a fresh key that only its owner can read; its record.

    Raises DkimError where a file is there already and `force` does not allow to replace it: a
    key that is lost breaks the mail that is under way.
    """
    path = settings.folder / path
    pem = dkim.generate(kind)
    key = dkim.load(pem, domain=domain, selector=selector)
    if path.exists() and not force:
        raise DkimError(
            f"{path} is there already",
            remedy="keep it (`digest dkim show`), or write elsewhere with --file; "
            "--force replaces it",
        )
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise DkimError(f"{path} could not be written: {error.strerror}") from error
    return _record(key)


def _record(key: DkimKey) -> KeyRecord:
    return KeyRecord(key.host, key.kind, key.bits, dkim.strings(key.record))


def _named(settings: Settings) -> list[tuple[str, str, str, Kind]]:
    chosen = settings.dkim
    named: list[tuple[str, str, str, Kind]] = [
        (chosen.domain, chosen.selector, chosen.key_file, "rsa"),
        (chosen.domain, chosen.ed25519_selector, chosen.ed25519_key_file, "ed25519"),
    ]
    return [each for each in named if each[2]]


def _read(folder: Path, domain: str, selector: str, file: str, kind: Kind) -> DkimKey:
    path = folder / file
    try:
        key = dkim.load(path.read_bytes(), domain=domain, selector=selector)
    except FileNotFoundError:
        raise DkimError(
            f"the DKIM key {path} is not there",
            remedy="write one with `digest dkim generate`, or correct key_file in digest.toml",
        ) from None
    except OSError as error:
        raise DkimError(
            f"the DKIM key {path} could not be read: {error.strerror}",
            remedy="give this user the right to read it, or correct key_file in digest.toml",
        ) from error
    except DkimError as error:
        raise DkimError(
            f"the DKIM key {path} cannot be used: {error.what}", remedy=error.remedy
        ) from error
    if key.kind != kind:
        raise DkimError(
            f"the DKIM key {path} is of the kind {key.kind}, not {kind}",
            remedy="an RSA key goes into key_file, an Ed25519 key into ed25519_key_file",
        )
    return key
