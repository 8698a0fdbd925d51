"""Fixed k-NN over frozen sentence embeddings, neighbours as text."""

from methods.parts.options import RagTextOptions
from methods.parts.retrieval.dense import DenseRetriever
from methods.parts.text_rag import TextRag


class RagText(TextRag):
    """Dense retrieval: sentence-transformers encoder, exact FAISS index, text prompt."""

    Options = RagTextOptions

    def build_retriever(self) -> DenseRetriever:
        return DenseRetriever(self.context.models.encoder, self.context.device)
