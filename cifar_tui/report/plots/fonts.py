"""The fonts of the pictures: DejaVu Sans, which matplotlib brings, and for what it lacks those of this machine.

Letters of Arabic and of Indian scripts take their forms and places from matplotlib 3.11 on; an earlier one draws them
one by one, from left to right.
"""

from __future__ import annotations

import logging
import threading
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from cifar_tui.formatting import escaped

FONT = "DejaVu Sans"
_NO_FONT = "Last Resort"
"""A font that draws a box for every character."""
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO", "FULLWIDTH", "HALFWIDTH")
_known: dict[str, str | None] = {}
"""The family that has a character; of several, the one that has the most of those looked for with it."""
_LOOKING = threading.Lock()


def families(text: str) -> list[str]:
    """The families to draw a text with, each for what those before it lack."""
    find([text])
    return list(dict.fromkeys([FONT, *(family for c in text if (family := _known.get(c)))]))


def drawable(text: str) -> str:
    """The text with the characters that no font has as escapes: boxes would make all of them look the same."""
    find([text])
    return "".join(" " if c.isspace() else escaped(c) if _known.get(c, FONT) is None else c for c in text)


def missing(names: Iterable[str]) -> str:
    """A message where no font has some of the characters of these names; else empty."""
    names = list(names)
    if all(name.isascii() for name in names):
        return ""
    find(names)
    without_font = sorted({c for name in names for c in name if c.isprintable() and _known.get(c, FONT) is None})
    scripts = dict(_script(c) for c in without_font)
    if not scripts:
        return ""
    *others, last = scripts
    named = f"{', '.join(others)} and {last}" if others else last
    packages = " ".join(sorted(set(scripts.values())))
    return (
        f"no font on this machine has {named} characters: pictures show their codes; "
        f"install one that does (on Debian and Ubuntu: {packages})"
    )


def find(names: Iterable[str]) -> None:
    """Look for the fonts of all these at once: to search all of a machine's takes a while."""
    own = _own()
    with _LOOKING:
        wanted = {c for name in names for c in name if ord(c) not in own and not c.isspace()} - _known.keys()
        if not wanted:
            return
        having = {family: _had(path, wanted) for family, path in _files()}
        order = sorted(having, key=lambda family: (-len(having[family]), "Sans" not in family, family))
        for c in wanted:
            _known[c] = next((family for family in order if c in having[family]), None)


@lru_cache(1)
def _own() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    # The bold font has fewer characters than the regular one.
    return frozenset(get_font(findfont(FontProperties(family=FONT, weight="bold"))).get_charmap())


@lru_cache(1)
def _files() -> list[tuple[str, str]]:
    """The families of this machine's fonts, and the files that they are drawn from."""
    from matplotlib.font_manager import FontProperties, findfont, findSystemFonts, fontManager

    # It would warn of each weight that a family does not have.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    # What was installed since matplotlib looked for fonts, maybe months ago, is not in its list.
    for path in {*findSystemFonts()} - {font.fname for font in fontManager.ttflist}:
        try:
            fontManager.addfont(path)
        except Exception:  # noqa: BLE001  (a file that is no usable font is none)
            continue
    names = sorted({font.name for font in fontManager.ttflist if not font.name.startswith((FONT, _NO_FONT))})
    return [(name, findfont(FontProperties(family=name))) for name in names]


def _had(path: str, wanted: Iterable[str]) -> set[str]:
    """Those of the characters that a font has which can be drawn at any size; not one of coloured pictures."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(path)
        return {c for c in wanted if font.get_char_index(ord(c))} if font.scalable else set()
    except Exception:  # noqa: BLE001  (whatever a broken font raises, others may be sound)
        return set()


def _script(c: str) -> tuple[str, str]:
    """A character's script, and a package of fonts that have it."""
    first = unicodedata.name(c, "").partition(" ")[0]
    if first in _EAST_ASIAN:
        return "Chinese/Japanese/Korean", "fonts-noto-cjk"
    if first and unicodedata.category(c)[0] in "LM":
        return first.title(), "fonts-noto-core"
    return "other", "fonts-symbola"
