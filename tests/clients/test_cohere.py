"""Cohere's routes through its own package."""
import json
import os

from clients import MODEL, TEXTS, address, refuses, run, same, vectors
from harness import Scratch, Server, cognate


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


def cohere_rerank(_):
    """By a cross-encoder, on a server of its own."""
    import cohere
    fixture = os.path.join(os.environ["COGNATE_SOURCE"], "tests", "fixtures", "models", "cross-bert")
    with open(os.path.join(fixture, "expected.jsonl"), encoding="utf-8") as file:
        pairs = [p for p in map(json.loads, file) if p["query"] == "late train"]
    with Scratch() as folder:
        os.environ["XDG_DATA_HOME"] = folder + "/data"
        code, _, err = cognate("model", "add", fixture, "--name", "cross")
        assert code == 0, err
        with Server(db=folder + "/s.db") as server:
            client = cohere.ClientV2(api_key="none", base_url=address(server))
            ranked = client.rerank(model="cross", query="late train", documents=[p["document"] for p in pairs])
            assert len(ranked.results) == len(pairs) and "1 of the documents lost their ends" in ranked.meta.warnings[0], ranked
            for r in ranked.results:
                assert abs(r.relevance_score - pairs[r.index]["score"]) < 0.1, (r, pairs)
            refuses(cohere.BadRequestError, lambda: client.embed(model="cross", texts=["a"], input_type="search_query",
                                                                 embedding_types=["float"]), "cross-encoder")


if __name__ == "__main__":
    run(cohere_v2, cohere_rerank)
