"""Options of methods without a folder of their own. No torch here: options are listed and checked without it."""

from __future__ import annotations

from pydantic import Field

from methods.settings import Settings, all_but

NO_ENCODER = all_but("encoder", "instance_encoder")


class NoOptions(Settings):
    """No options of its own."""

    uses = NO_ENCODER


class TextRagOptions(Settings):
    """Options of every method with text prompts."""

    uses = NO_ENCODER

    k: int = Field(3, ge=1, description="retrieved instances in the prompt")


class RagTextOptions(TextRagOptions):
    """Those of `rag_text`, which searches by a sentence encoder."""

    uses = all_but("instance_encoder")
