"""The design system: themes, error pages, and the style guide that shows every part."""
