"""The baseline that every retrieval method must beat: the generator alone."""

from methods.parts.extractor import GenerativeMethod
from methods.parts.options import NoOptions


class NoRetrieval(GenerativeMethod):
    """The fine-tuned generator, without neighbours."""

    Options = NoOptions
