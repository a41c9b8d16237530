"""cognate eval: its figures are those of a plain computation from the hits that search gives."""
import json
import math
import os

from harness import SOURCE, Scratch, cognate

SAMPLES = os.path.join(SOURCE, "data", "samples")
DEPTH = 100


def rows(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def means(k, queries, wanted, hits):
    """recall@k, MRR and nDCG@10 over the queries that have something to find."""
    total, count = [0, 0, 0], 0
    for query in queries:
        right = wanted[query]
        if not right:
            continue
        ranks = [hits[query].index(d) + 1 for d in right if d in hits[query]]
        count += 1
        total[0] += sum(r <= k for r in ranks) / min(k, len(right))
        total[1] += 1 / min(ranks) if ranks else 0
        ideal = sum(1 / math.log2(r + 1) for r in range(1, min(10, len(right)) + 1))
        total[2] += sum(1 / math.log2(r + 1) for r in ranks if r <= 10) / ideal
    return count, [t / count for t in total]


def claims(k, queries, wanted, hits, relevance):
    """The share of the first k hits with a relevance above .5, with the right documents and without them."""
    shares = []
    for answerable in (True, False):
        shown = [relevance[q, d] for q in queries if wanted[q]
                 for d in [d for d in hits[q] if answerable or d not in wanted[q]][:k]]
        shares.append(sum(r > 0.5 for r in shown) / len(shown))
    return shares


with Scratch() as folder:
    db = os.path.join(folder, "s.db")
    code, out, err = cognate("eval", SAMPLES, db=db)
    assert code == 2 and out == "" and "no store" in err, (code, err)
    assert cognate("index", "-q", os.path.join(SAMPLES, "corpus.jsonl"), db=db)[0] == 0
    code, out, err = cognate("eval", "-k", "5", "--json", SAMPLES, db=db)
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    assert found[-1]["query_lang"] == found[-1]["document_lang"] == "all" and len(found) > 20

    queries = {row["_id"]: row["text"] for row in rows("queries.jsonl")}
    language = {row["_id"]: row["metadata"]["lang"] for row in rows("queries.jsonl")}
    document_language = {row["_id"]: row["metadata"]["lang"] for row in rows("corpus.jsonl")}
    with open(os.path.join(SAMPLES, "qrels.tsv"), encoding="utf-8") as file:
        judgements = [line.rstrip("\n").split("\t")[:2] for line in file][1:]
    hits, relevance = {}, {}
    path = os.path.join(folder, "queries.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(text + "\n" for text in queries.values()))
    code, out, err = cognate("search", "--json", "-k", str(DEPTH), "--queries", path, db=db)
    by_text = {text: key for key, text in queries.items()}
    for line in out.splitlines():
        hit = json.loads(line)
        hits.setdefault(by_text[hit["query"]], []).append(hit["id"])
        relevance[by_text[hit["query"]], hit["id"]] = hit["relevance"]

    wanted = {q: [d for r, d in judgements if r == q] for q in queries}
    count, expected = means(5, queries, wanted, hits)
    total = found[-1]
    assert total["queries"] == count
    for name, value in zip(("recall", "mrr", "ndcg_10"), expected):
        assert abs(total[name] - value) < 1e-9, (name, total[name], value)

    shares = claims(5, queries, wanted, hits, relevance)
    assert [total["relevant"], total["relevant_without"]] == shares and shares[0] > 2 * shares[1], (total, shares)

    for pair in found[:-1]:
        chosen = [q for q in queries if language[q] == pair["query_lang"]]
        right = {q: [d for d in wanted[q] if document_language[d] == pair["document_lang"]] for q in chosen}
        seen = {q: [d for d in hits[q] if d in right[q] or d not in wanted[q]] for q in chosen}
        count, expected = means(5, chosen, right, seen)
        assert pair["queries"] == count, pair
        for name, value in zip(("recall", "mrr", "ndcg_10"), expected):
            assert abs(pair[name] - value) < 1e-9, (pair, name, value)
        every = {q: wanted[q] if right[q] else [] for q in chosen}
        assert pair["relevant"] == claims(5, chosen, right, seen, relevance)[0], pair
        assert pair["relevant_without"] == claims(5, chosen, every, seen, relevance)[1], pair
    code, out, err = cognate("eval", "--mode", "keyword", "--json", SAMPLES, db=db)
    assert code == 0 and all(json.loads(line)["relevant"] is None for line in out.splitlines()), out

    code, out, err = cognate("eval", "--format", "tsv", SAMPLES, db=db)
    assert code == 0 and out.splitlines()[0] == "query\tdocuments\tqueries\trecall@10\tmrr\tndcg@10\trelevant\twithout"

    bad = os.path.join(folder, "bad")
    os.mkdir(bad)
    for name in ("corpus.jsonl", "queries.jsonl"):
        with open(os.path.join(bad, name), "w", encoding="utf-8") as file:
            file.write('{"_id": "a", "text": "x"}\n')
    code, out, err = cognate("eval", bad, db=db)
    assert code == 2 and "qrels.tsv" in err, err
    with open(os.path.join(bad, "qrels.tsv"), "w", encoding="utf-8") as file:
        file.write("query-id\tcorpus-id\tscore\na\ta\tmuch\n")
    code, out, err = cognate("eval", bad, db=db)
    assert code == 2 and out == "" and "qrels.tsv:2" in err and "score" in err, err
