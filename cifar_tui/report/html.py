"""A report as one HTML file that needs nothing else: no network, no script, its pictures within it."""

from __future__ import annotations

import base64
import html
import io
import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

STYLE = """
:root { color-scheme: light dark;
  --ink: #1d2126; --paper: #ffffff; --rule: #d5dae0; --quiet: #5b6570; --code: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dfe3e8; --paper: #14171b; --rule: #363d45; --quiet: #9aa5b1; --code: #20252b; }
}
body { margin: 0 auto; padding: 1.25rem 1rem 4rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.6rem 0 1rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 0.7rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--rule); }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.8rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th { color: var(--quiet); font-weight: 600; }
th:empty { padding-block: 0; }
td[style*="right"] { white-space: nowrap; }
img { display: block; max-width: 100%; height: auto; margin: 1rem 0; background: #ffffff; border-radius: 6px;
  border: 1px solid var(--rule); box-sizing: border-box; }
pre { overflow-x: auto; padding: 0.7rem 0.9rem; background: var(--code); border-radius: 6px; }
code { font: 0.9em/1.5 ui-monospace, monospace; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load: nothing but what is in the file."""


def page(markdown: str, picture: Callable[[str], bytes | None]) -> str:
    """A report's Markdown as a whole HTML page.

    HTML within the text is shown as text, links become plain words, and so does a picture that is not there.

    Args:
        markdown: The report; its first heading is the page's title.
        picture: Gives the PNG file that the text refers to by this name.
    """
    from markdown_it import MarkdownIt

    def render_image(_renderer: RendererHTML, tokens: Sequence[Token], index: int, *_rest: Any) -> str:
        token = tokens[index]
        title = html.escape(token.content)
        content = picture(str(token.attrs["src"]))
        if content is None:
            return title
        return f'<img alt="{title}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'

    def render_nothing(*_: Any) -> str:
        return ""

    def render_table_open(*_: Any) -> str:
        return '<div class="wide"><table>\n'

    def render_table_close(*_: Any) -> str:
        return "</table></div>\n"

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    for kind, render in (
        ("image", render_image),
        ("link_open", render_nothing),
        ("link_close", render_nothing),
        ("table_open", render_table_open),
        ("table_close", render_table_close),
    ):
        parser.add_render_rule(kind, render)
    tokens = parser.parse(markdown)
    body = parser.renderer.render(tokens, parser.options, {})
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(_title(tokens))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def is_picture(content: bytes) -> bool:
    """Whether this is a PNG file from its first byte to its last: what else may call itself one is not given away."""
    from PIL import Image

    if not (content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB\x60\x82")):
        return False
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            image.verify()
    except Exception:  # noqa: BLE001  (Pillow raises whatever the damage in a file makes of it)
        return False
    return True


def _title(tokens: Sequence[Token]) -> str:
    """The words of the first heading."""
    for heading, inline in itertools.pairwise(tokens):
        if heading.type == "heading_open":
            return "".join(child.content for child in inline.children or ())
    return "Report"
