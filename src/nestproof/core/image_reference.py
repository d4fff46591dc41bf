"""References to images.

Source: the grammar of github.com/distribution/reference.
"""

from __future__ import annotations

import re

IMAGE_REFERENCE = re.compile(
    r"(?P<name>(?:(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d+)?/)?[a-z0-9]+(?:(?:[._]|__|-+|/)[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?(?P<digest>@\S+)?",
    re.ASCII,
)
"""A whole reference: its name, its tag and its digest."""
