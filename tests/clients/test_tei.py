"""The routes of Text Embeddings Inference through huggingface_hub, LangChain and LlamaIndex."""
from clients import TEXTS, address, refuses, run, same, vectors


def huggingface_hub(server):
    from huggingface_hub import InferenceClient
    from huggingface_hub.errors import HfHubHTTPError
    client = InferenceClient(model=address(server), token="none")
    assert same(client.feature_extraction(TEXTS).tolist(), vectors(server, TEXTS))
    assert same(client.feature_extraction(TEXTS[0]).tolist(), vectors(server, TEXTS[0]))
    got = client.feature_extraction(TEXTS, prompt_name="document", normalize=True, truncate=True, truncation_direction="left")
    assert same(got.tolist(), vectors(server, TEXTS, input_type="document"))
    scores = client.sentence_similarity(TEXTS[3], other_sentences=TEXTS[:3])
    assert len(scores) == 3 and scores[0] == max(scores)
    direct = InferenceClient(model=address(server) + "/similarity", token="none").sentence_similarity(TEXTS[3], other_sentences=TEXTS[:3])
    assert direct == scores
    refuses(HfHubHTTPError, lambda: client.feature_extraction([]), "`inputs` cannot be empty")


def langchain(server):
    from huggingface_hub import AsyncInferenceClient, InferenceClient
    from langchain_huggingface import HuggingFaceEndpointEmbeddings
    embeddings = HuggingFaceEndpointEmbeddings(model="intfloat/multilingual-e5-small", huggingfacehub_api_token="none")
    embeddings.client = InferenceClient(model=address(server), token="none")  # its model may not be an address, its client's may
    embeddings.async_client = AsyncInferenceClient(model=address(server), token="none")
    assert same(embeddings.embed_documents(TEXTS), vectors(server, TEXTS))
    assert same([embeddings.embed_query(TEXTS[3])], vectors(server, TEXTS[3]))


def llama_index(server):
    from llama_index.embeddings.text_embeddings_inference import TextEmbeddingsInference
    embedding = TextEmbeddingsInference(model_name="none", base_url=address(server), embed_batch_size=2)
    assert same(embedding.get_text_embedding_batch(TEXTS), vectors(server, TEXTS))
    assert same([embedding.get_query_embedding(TEXTS[3])], vectors(server, TEXTS[3]))


if __name__ == "__main__":
    run(huggingface_hub, langchain, llama_index)
