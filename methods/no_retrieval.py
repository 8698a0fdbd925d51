"""The baseline that every retrieval method must beat: the generator alone."""

from methods.base import Settings
from methods.parts.extractor import GenerativeMethod


class NoRetrieval(GenerativeMethod):
    """The fine-tuned generator, without neighbours."""

    class Options(Settings):
        """No options of its own."""
