"""digest.toml, digest.env and the environment -> Settings; what is wrong becomes one sentence."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError

from digest.errors import SettingsError
from digest.settings.kinds import Part
from digest.settings.tables import SECRETS_FILE, Settings
from digest.theme import Palette, Theme

FILE = "digest.toml"
SECRETS = {
    "web.secret", "relay.username", "relay.password", "bounces.username", "bounces.password",
    "bounces.ses", "bounces.postmark", "bounces.mailgun", "bounces.sendgrid",
}  # fmt: skip

# Tables that have names of their own: a variable could not tell which is meant.
_NAMED = {"newsletter", "source", "sector", "folder", "relays", "domains"}


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read `folder`/digest.toml, then digest.env, then `environ`; the later wins.

    Raises SettingsError with one sentence: no file, broken TOML, an unknown key, a bad value.
    """
    tables = _read(folder / FILE)
    for name, value in {**_secrets(folder / SECRETS_FILE), **environ}.items():
        if name.startswith("DIGEST_"):
            _overlay(tables, name, value)
    try:
        return Settings(folder=folder, **tables)
    except ValidationError as error:
        raise _as_sentence(error) from error


def flat(settings: Settings) -> dict[str, object]:
    """Every effective value by its dotted name, secrets masked."""
    return dict(_flatten("", settings.model_dump(mode="json", by_alias=True, exclude={"folder"})))


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(
            f"there is no {FILE} in {path.parent}",
            remedy="run `digest init` to write one, or name its folder: digest -C FOLDER …",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path} is not valid TOML: {error}", remedy="mend that line"
        ) from error
    except OSError as error:
        raise SettingsError(
            f"{path} could not be read: {error.strerror}",
            remedy="run digest as the user whose it is",
        ) from error
    _no_secrets(tables, path)
    if "folder" in tables:
        raise SettingsError(f'{FILE}: "folder" is no setting', remedy="remove it")
    return tables


def _secrets(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8: {error}", remedy="mend that line") from error
    except OSError as error:  # of another user, most often
        raise SettingsError(
            f"{path} could not be read: {error.strerror}",
            remedy="run digest as the user whose it is",
        ) from error


def _no_secrets(tables: dict[str, Any], path: Path) -> None:
    for dotted in sorted(SECRETS):
        table, key = dotted.split(".")
        if key in (tables.get(table) or {}):
            raise _secret(path, dotted)
    relays = tables.get("relays")
    for called, relay in relays.items() if isinstance(relays, dict) else ():
        for key in {"username", "password"} & set(relay if isinstance(relay, dict) else ()):
            raise _secret(path, f"relays.{called}.{key}")


def _secret(path: Path, dotted: str) -> SettingsError:
    name = f"DIGEST_{dotted}".upper().replace(".", "_").replace("-", "_")
    return SettingsError(
        f"{path.name}: {dotted} is a secret and must not stand there",
        remedy=f"set {name} in the environment or in {SECRETS_FILE}",
    )


def _overlay(tables: dict[str, Any], name: str, value: str) -> None:
    table, _, key = name.removeprefix("DIGEST_").lower().partition("_")
    known = Settings.model_fields.get(table)
    if table == "relays":
        _overlay_relay(tables.get(table), key, value)
    if known is None or not key or table in _NAMED:
        return  # other tools' variables may begin like ours; only our tables are looked at
    tables.setdefault(table, {})[key] = value


def _overlay_relay(relays: object, key: str, value: str) -> None:
    # DIGEST_RELAYS_SECOND_PASSWORD; a name with a hyphen has an underscore here.
    for called, relay in relays.items() if isinstance(relays, dict) else ():
        head = f"{called.replace('-', '_')}_"
        if key.startswith(head) and isinstance(relay, dict):
            relay[key.removeprefix(head)] = value


def _as_sentence(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where.rsplit(".", 1)[-1], _near(where), n=1)
        remedy = (
            f"did you mean {near[0]}?" if near else "`digest settings --example` lists them all"
        )
        return SettingsError(f"{FILE}: {where} is no setting", remedy=remedy)
    if first["type"] == "missing":
        return SettingsError(f"{FILE}: {where} is missing", remedy=f"add {where} to {FILE}")
    what = _SHAPES.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    said = f"{where}: {what}" if where else what
    return SettingsError(f"{FILE}: {said}", remedy=f"correct it in {FILE}")


_SHAPES = {
    "tuple_type": 'a list stands in brackets: ["one", "two"]',
    "list_type": 'a list stands in brackets: ["one", "two"]',
    "dict_type": 'a table stands in braces: { name = "value" }',
    "model_type": 'a table stands in braces: { name = "value" }',
}
"""What is to be written, where pydantic speaks of Python."""


def _near(where: str) -> set[str]:
    """The names that may have been meant: in [theme] its own alone."""
    looks: dict[str, type[BaseModel]] = {"theme": Theme, "theme.dark": Palette}
    look = looks.get(where.rpartition(".")[0])
    return set(look.model_fields) if look else _names()


def _names(model: type[BaseModel] = Settings) -> set[str]:
    parts: list[type[BaseModel]] = [
        model,
        *model.__subclasses__(),
        *Part.__subclasses__(),
        Theme,
        Palette,
    ]
    return {field.alias or name for part in parts for name, field in part.model_fields.items()}


def _flatten(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}".lstrip("."), inner)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, inner in enumerate(value):
            yield from _flatten(f"{prefix}[{index}]", inner)
    else:
        yield prefix, value
