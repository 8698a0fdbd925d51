"""Fixed k-NN over frozen sentence embeddings, neighbours as text."""

from methods.parts.options import RagTextOptions
from methods.parts.retrieval.dense import DenseRetriever, sentence_encoder
from methods.parts.text_rag import TextRag


class RagText(TextRag):
    """Dense retrieval: sentence-transformers encoder, exact FAISS index, text prompt."""

    Options = RagTextOptions

    def retriever(self) -> DenseRetriever:
        return DenseRetriever(sentence_encoder(self.context.models.encoder, self.context.device))
