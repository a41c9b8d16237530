"""Cohere's routes through its own package."""
from clients import MODEL, TEXTS, address, refuses, run, same, vectors


def cohere_v2(server):
    import cohere
    client = cohere.ClientV2(api_key="none", base_url=address(server))
    answer = client.embed(model=MODEL, texts=TEXTS, input_type="search_document",
                          embedding_types=["float", "int8", "uint8", "binary", "ubinary"])
    assert same(answer.embeddings.float_, vectors(server, TEXTS, input_type="document"))
    assert [len(rows[0]) for rows in (answer.embeddings.int8, answer.embeddings.uint8)] == [512, 512]
    assert [len(rows[0]) for rows in (answer.embeddings.binary, answer.embeddings.ubinary)] == [64, 64]
    assert [b + 128 for b in answer.embeddings.binary[0]] == answer.embeddings.ubinary[0]
    assert answer.texts == TEXTS and answer.meta.billed_units.input_tokens > 20
    answer = client.embed(model=MODEL, texts=TEXTS[:1], input_type="search_query", embedding_types=["float"], output_dimension=256,
                          truncate="START")
    assert same(answer.embeddings.float_, vectors(server, TEXTS[:1], dimensions=256))

    ranked = client.rerank(model=MODEL, query="train", documents=TEXTS, top_n=2)
    assert {r.index for r in ranked.results} == {0, 3} and ranked.results[0].relevance_score >= ranked.results[1].relevance_score
    refuses(cohere.NotFoundError, lambda: client.embed(model="none", texts=["a"], input_type="search_query",
                                                      embedding_types=["float"]), MODEL)
    refuses(cohere.BadRequestError, lambda: client.rerank(model=MODEL, query="train", documents=[]), "empty")


if __name__ == "__main__":
    run(cohere_v2)
