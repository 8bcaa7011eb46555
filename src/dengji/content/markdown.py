"""Markdown of an agency's editor as HTML that can do nothing but show: no markup of its own, no script, no image."""

from __future__ import annotations

from functools import lru_cache

import nh3
from django.urls import get_script_prefix
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

_TAGS = {
    "p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "strong", "em", "s", "code", "pre", "blockquote",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_READER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
_HEADING = ("heading_open", "heading_close")


def html(text: str) -> SafeString:
    """Return a Markdown text as HTML; HTML in it stays text, links lead to the web, to mail or within the site."""
    return _html(text, get_script_prefix().rstrip("/"))


@lru_cache(maxsize=256)
def _html(text: str, prefix: str) -> SafeString:
    tokens = _READER.parse(text)
    highest = min((int(token.tag[1]) for token in tokens if token.type in _HEADING), default=1)
    for token in tokens:
        if token.type in _HEADING:  # the page has the first heading; those of the text come next below it
            token.tag = f"h{min(6, int(token.tag[1]) - highest + 2)}"
        for child in token.children or ():
            href = str(child.attrs.get("href", ""))
            if href.startswith("/") and not href.startswith("//"):
                child.attrs["href"] = prefix + href
    made = _READER.renderer.render(tokens, _READER.options, {})
    clean = nh3.clean(
        made,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer",
    )
    return mark_safe(clean)  # noqa: S308 - cleaned on the line above
