"""Options of methods without a folder of their own. No torch here: options are listed and checked without it."""

from __future__ import annotations

from pydantic import Field

from methods.settings import Settings


class NoOptions(Settings):
    """No options of its own."""


class TextRagOptions(Settings):
    """Options of every method with text prompts."""

    k: int = Field(3, ge=1, description="retrieved instances in the prompt")
