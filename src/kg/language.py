"""The languages of the interface, and in which a thing is named that has no name in the one that was asked for."""

from __future__ import annotations

#: In the order in which they are offered.
LANGUAGES = ("en", "es", "pt")
#: Instead of a language that a name is not known in: Spanish, English, Portuguese, then any.
FALLBACK = ("es", "en", "pt")
