"""Take the picture of the sample issue that the documentation shows.

    python scripts/picture.py docs/issue.png
    python scripts/picture.py --phone --dark docs/issue-phone-dark.png

Debian's Chromium draws it, offline, with the fonts of tests/fonts.conf.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.pictures import View, browsers, missing, stored

DESK_WIDTH = 720
PHONE_WIDTH = 390


def main() -> int:
    """Read the arguments, take the picture, say where it is."""
    parser = argparse.ArgumentParser(description="Take the picture of the sample issue.")
    parser.add_argument("target", type=Path, nargs="?", default=Path("docs/issue.png"))
    parser.add_argument("--language", default="en", help="en, ar, es, fr or hi")
    parser.add_argument("--phone", action="store_true", help=f"{PHONE_WIDTH} pixels wide")
    parser.add_argument("--dark", action="store_true", help="for a reader who prefers dark")
    asked = parser.parse_args()
    if lacking := missing():
        print(f"No picture without: apt-get install {' '.join(lacking)}", file=sys.stderr)
        return 1
    width = PHONE_WIDTH if asked.phone else DESK_WIDTH
    with browsers() as camera:
        picture = camera.take(View(asked.language, width, dark=asked.dark))
    asked.target.parent.mkdir(parents=True, exist_ok=True)
    asked.target.write_bytes(stored(picture))
    print(asked.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
