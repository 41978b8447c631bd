"""digest/preflight/caniemail.json made anew from the npm package `caniemail` (MIT).

    npm install caniemail
    python scripts/caniemail.py node_modules/caniemail

Keeps, of each feature, the date of its test and the clients of `CLIENTS` whose newest version
does not support it; nothing of a feature that all of them support. The package's licence goes
beside it, as it asks.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "digest" / "preflight"
CLIENTS = {
    ("gmail", "desktop-webmail"): "Gmail",
    ("gmail", "ios"): "Gmail (iOS)",
    ("gmail", "android"): "Gmail (Android)",
    ("outlook", "windows"): "Outlook (Windows)",
    ("outlook", "outlook-com"): "Outlook.com",
    ("yahoo", "desktop-webmail"): "Yahoo",
    ("yahoo", "ios"): "Yahoo (iOS)",
    ("yahoo", "android"): "Yahoo (Android)",
    ("apple-mail", "macos"): "Apple Mail",
    ("apple-mail", "ios"): "Apple Mail (iOS)",
}
SEMANTIC = ("article", "aside", "figure", "footer", "header", "main", "nav", "section")
# Where a slug names several properties, or one value of a property.
SEVERAL = {
    "css-display-flex": ["display:flex", "display:inline-flex"],
    "css-display-grid": ["display:grid", "display:inline-grid"],
    "css-display-none": ["display:none"],
    "css-gap": ["gap", "column-gap", "row-gap"],
    "css-grid-template": ["grid-template", "grid-template-columns", "grid-template-rows"],
    "css-left-right-top-bottom": ["left", "right", "top", "bottom"],
    "css-margin-inline-block": ["margin-inline", "margin-block"],
    "css-margin-inline-start-end": ["margin-inline-start", "margin-inline-end"],
    "css-margin-block-start-end": ["margin-block-start", "margin-block-end"],
    "css-padding-inline-block": ["padding-inline", "padding-block"],
    "css-padding-inline-start-end": ["padding-inline-start", "padding-inline-end"],
    "css-padding-block-start-end": ["padding-block-start", "padding-block-end"],
    "css-block-inline-size": ["block-size", "inline-size"],
    "css-border-inline-block": ["border-inline", "border-block"],
    "css-column-layout-properties": ["columns", "column-width", "column-rule"],
    "css-variables": ["function:var"],
    "css-rgba": ["function:rgba"],
    "css-modern-color": ["function:lch", "function:oklch", "function:lab", "function:oklab"],
    "css-linear-gradient": ["function:linear-gradient"],
    "css-radial-gradient": ["function:radial-gradient"],
    "css-conic-gradient": ["function:conic-gradient"],
    "css-unit-calc": ["function:calc"],
    "html-semantics": [f"element:{name}" for name in SEMANTIC],
    "html-lists": ["element:ul", "element:ol", "element:dl"],
    "html-h1-h6": ["element:h1", "element:h2", "element:h3"],
    "html-svg": ["element:svg"],
    "html-srcset": ["attribute:srcset", "attribute:sizes"],
    "html-loading-attribute": ["attribute:loading"],
    "html-image-maps": ["element:map"],
}  # fmt: skip
PASSED_OVER = re.compile(
    r"css-(at|pseudo|selector|unit-(percent|px|initial)|comments|important|nesting|rgb|sytem|font$)"
    r"|html-(doctype|style|body|comments|anchor|mailto|meta|link|base|input|button)"
)


def names(feature: dict[str, Any]) -> list[str]:
    """What a mail must contain for the feature to be used."""
    slug = feature["slug"]
    if slug in SEVERAL:
        return SEVERAL[slug]
    if PASSED_OVER.match(slug) or feature["category"] not in {"css", "html"}:
        return []
    kind, _, name = slug.partition("-")
    if kind == "css":
        return [re.sub(r"^(unit|function)-", r"\1:", name)]
    return [("attribute:" if "attribute" in feature["title"] else "element:") + name]


def unsupporting(feature: dict[str, Any]) -> list[str]:
    """The clients whose newest tested version does not know the feature."""
    found = []
    for (family, platform), client in CLIENTS.items():
        versions = list(feature["stats"].get(family, {}).get(platform, {}).values())
        if versions and versions[-1].split()[0] == "n":
            found.append(client)
    return found


def extract(package: Path) -> dict[str, Any]:
    """The content of caniemail.json."""
    known = json.loads((package / "data" / "caniemail.json").read_text("utf-8"))
    manifest = json.loads((package / "package.json").read_text("utf-8"))
    features = {
        name: {"tested": feature["last_test_date"], "without": clients}
        for feature in known["data"]
        if (clients := unsupporting(feature))
        for name in names(feature)
    }
    return {
        "source": f"npm package caniemail {manifest['version']}, data of www.caniemail.com, MIT",
        "updated": known["last_update_date"][:10],
        "features": dict(sorted(features.items())),
    }


def main() -> None:
    """Write both files."""
    package = Path(sys.argv[1])
    made = json.dumps(extract(package), indent=1, ensure_ascii=False)
    (FOLDER / "caniemail.json").write_text(made + "\n", "utf-8")
    licence = (package / "LICENSE").read_text("utf-8")
    (FOLDER / "caniemail.LICENSE").write_text(licence, "utf-8")
    print(f"{made.count('tested')} features")


if __name__ == "__main__":
    main()
