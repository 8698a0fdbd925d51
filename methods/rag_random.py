"""Random instances as text: the control of the other text prompts."""

from methods.parts.retrieval.random import RandomRetriever
from methods.parts.text_rag import TextRag


class RagRandom(TextRag):
    """The text prompt of rag_text with neighbours drawn at random."""

    def retriever(self) -> RandomRetriever:
        return RandomRetriever(self.context.seed)
