"""BM25 retrieval, neighbours as text."""

from methods.parts.retrieval.bm25 import BM25Retriever
from methods.parts.text_rag import TextRag


class RagBM25(TextRag):
    """Lexical retrieval: rank-bm25, the same text prompt as rag_text."""

    def retriever(self) -> BM25Retriever:
        return BM25Retriever()
