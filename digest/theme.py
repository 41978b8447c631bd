"""Theme: a publisher's colours, fonts, logo and spacing, checked so that they can be read.

What `[theme]` in digest.toml may hold, as values. Never here: the style sheets that use them
(templates), where they are read from (settings).
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

LEAST_CONTRAST = 4.5  # WCAG 2.2, success criterion 1.4.3, for text of ordinary size
HOUSE_ACCENT = "#a3281f"
HOUSE_DARK_ACCENT = "#ff8a7a"
SANS = "-apple-system, BlinkMacSystemFont, Segoe UI, Roboto, Helvetica, Arial, sans-serif"
SERIF = "Georgia, Times New Roman, serif"
AUTHOR_FIRST = ("Opinion", "Opinión", "विचार", "رأي")
_FONT = re.compile(r"-?[A-Za-z][A-Za-z0-9]*([ -][A-Za-z][A-Za-z0-9]*)*")
# What Outlook on Windows has for certain: it sets any other font, and what follows it, in Times.
_OUTLOOK = ("Arial", "Georgia", "Verdana", "Tahoma", "Times New Roman", "Courier New")
_SPACE = {"compact": (10, 24), "comfortable": (16, 36), "airy": (22, 48)}


def _colour(value: str) -> str:
    short = re.fullmatch(r"#([0-9a-fA-F])([0-9a-fA-F])([0-9a-fA-F])", value)
    whole = "#" + "".join(digit * 2 for digit in short.groups()) if short else value
    # Gmail drops a whole style sheet for a colour in a newer notation, so there is one notation.
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", whole):
        raise ValueError(f'"{value}" is no colour; write one such as "{HOUSE_ACCENT}"')
    return whole.lower()


def _fonts(value: str) -> str:
    # Without quotation marks, which would have to be escaped inside a style attribute.
    names = [name.strip(" \"'") for name in value.split(",")]
    if not all(
        re.fullmatch(r"-?[A-Za-z][A-Za-z0-9]*([ -][A-Za-z][A-Za-z0-9]*)*", n) for n in names
    ):
        raise ValueError('fonts are names with commas between, such as "Georgia, serif"')
    return ", ".join(names)


def _picture(url: str) -> str:
    if url and not re.fullmatch(r"https://[^\s/\"'<>]+/[^\s\"'<>]+", url):
        raise ValueError('a logo needs an absolute address that begins with "https://"')
    if url.lower().partition("?")[0].endswith(".svg"):
        raise ValueError("mail programs show no SVG; use a PNG of twice the width")
    return url


Colour = Annotated[str, AfterValidator(_colour)]
Fonts = Annotated[str, AfterValidator(_fonts)]
PictureAddress = Annotated[str, AfterValidator(_picture)]


class Palette(BaseModel):
    """The colours of dark mode."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accent: Colour | Literal[""] = Field(default="", description="default: made of the accent")
    ink: Colour = "#eeece6"
    soft: Colour = "#a5a8ae"
    paper: Colour = "#1b1c1f"
    desk: Colour = "#121315"
    wash: Colour = "#232428"
    rule: Colour = "#3a3c41"


class Theme(BaseModel):
    """The look of the mail; every pair of text and ground must have a contrast of 4.5:1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    accent: Colour = HOUSE_ACCENT
    ink: Colour = Field(default="#16181d", description="of the text")
    soft: Colour = Field(default="#5c6068", description="of dates and small print")
    paper: Colour = Field(default="#ffffff", description="under the text")
    desk: Colour = Field(default="#f3f1ec", description="around the paper")
    wash: Colour = Field(default="#f8f6f1", description="under the Trending list")
    rule: Colour = Field(default="#d9d5cc", description="of the lines between stories")
    dark: Palette = Palette()
    headline_font: Fonts = Field(default=SERIF, description="only fonts that readers have")
    text_font: Fonts = SANS
    logo_url: PictureAddress = Field(default="", description="PNG or JPEG; else the title is set")
    logo_alt: str = Field(default="", description="default: the newsletter's title")
    logo_width: int = Field(default=240, ge=16, le=576, description="pixels")
    radius: int = Field(default=4, ge=0, le=24, description="of corners, pixels")
    density: Literal["compact", "comfortable", "airy"] = "comfortable"
    author_first: tuple[str, ...] = Field(
        default=AUTHOR_FIRST, description="sections whose stories begin with their author"
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for where, colours in (("", self.light), ("dark.", self.night)):
            for text in ("ink", "soft", "accent"):
                for ground in ("paper", "desk", "wash"):
                    found = contrast(colours[text], colours[ground])
                    if found < LEAST_CONTRAST:
                        raise ValueError(
                            f"{where}{text} ({colours[text]}) on {where}{ground} "
                            f"({colours[ground]}) has a contrast of {_floor(found)}:1, "
                            f"and text needs {LEAST_CONTRAST}:1"
                        )
        return self

    @property
    def light(self) -> dict[str, str]:
        """The colours by their names."""
        return {name: getattr(self, name) for name in Palette.model_fields}

    @property
    def night(self) -> dict[str, str]:
        """The colours of dark mode by their names, the accent made where none is given."""
        return self.dark.model_dump() | {"accent": self.dark.accent or self._night_accent()}

    def for_templates(self) -> dict[str, Any]:
        """All that a style sheet uses: plain values, nothing that could be called."""
        story, section = _SPACE[self.density]
        fonts = {
            "headline": self.headline_font,
            "text": self.text_font,
            "outlook_headline": _in_outlook(self.headline_font),
            "outlook_text": _in_outlook(self.text_font),
        }
        logo = {"url": self.logo_url, "alt": self.logo_alt, "width": self.logo_width}
        space = {"story": story, "section": section, "block": section * 2 // 3}
        return self.light | {
            "dark": self.night,
            "fonts": fonts,
            "logo": logo,
            "radius": self.radius,
            "space": space,
            "author_first": tuple(name.lower() for name in self.author_first),
        }

    def _night_accent(self) -> str:
        if self.accent == HOUSE_ACCENT:
            return HOUSE_DARK_ACCENT
        grounds = (self.dark.paper, self.dark.desk, self.dark.wash)
        lighter = (mixed(self.accent, "#ffffff", step / 20) for step in range(20))
        readable = (c for c in lighter if min(contrast(c, g) for g in grounds) >= 6)
        return next(readable, self.dark.ink)


def _in_outlook(fonts: str) -> str:
    names = fonts.split(", ")
    generic = names[-1] if names[-1] in {"serif", "monospace"} else "sans-serif"
    plain = {"serif": "Georgia", "monospace": "Courier New"}.get(generic, "Arial")
    return f"{next((name for name in names if name in _OUTLOOK), plain)}, {generic}"


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of "#rrggbb": 0 is black, 1 is white."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio of two colours "#rrggbb", from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mixed(colour: str, other: str, share: float) -> str:
    """The colour with this share (0 to 1) of the other in it."""
    pairs = [(int(colour[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _floor(ratio: float) -> float:
    # 4.496 must not be told as 4.5, which would be enough.
    return int(ratio * 100) / 100
