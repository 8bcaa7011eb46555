"""The texts that an agency edits."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from dengji.content.markdown import html

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Return a text in Markdown as HTML that can only show."""
    return html(text)
