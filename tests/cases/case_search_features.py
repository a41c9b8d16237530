"""Searches by example, in groups, with diversity, in pages, of several collections and of several queries, over HTTP and on the
command line; filters with an index and without one."""
import json
import os
import random

from harness import Scratch, Server, cognate

WORDS = ("train river bread ticket sea harbour garden winter lamp violin bridge market letter window forest clock coffee stone "
         "cloud ladder").split()


def texts(n):
    random.seed(7)
    return [f"A note on the {random.choice(WORDS)}, the {random.choice(WORDS)} and the {random.choice(WORDS)}, number {i}."
            for i in range(n)]


def fill(server, collection, n, first=0):
    rows = [{"id": f"{collection}-{i:03d}", "text": text, "lang": ("en", "de", "fr")[i % 3],
             "metadata": {"year": 1990 + i % 30, "kind": WORDS[i % 7], "tags": [WORDS[i % 5], "all"]}}
            for i, text in enumerate(texts(n), first)]
    status, answer = server.call("POST", f"/v1/collections/{collection}/documents", rows)
    assert status == 200 and all(r["status"] == "created" for r in answer["results"]), answer


def search(server, collection="a", expect=200, **body):
    status, answer = server.call("POST", f"/v1/collections/{collection}/search", body)
    assert status == expect, (status, answer)
    return answer


def ids(answer):
    return [h["id"] for h in answer["hits"]]


def examples(server):
    answer = search(server, like="a-004", k=5)
    assert len(answer["hits"]) == 5 and "a-004" not in ids(answer)
    assert ids(answer) == ids(search(server, like=["a-004"], k=5))
    assert 0 < answer["hits"][0]["relevance"] <= 1
    away = search(server, like=["a-004"], unlike=[ids(answer)[0]], k=5)
    assert ids(answer)[0] not in ids(away) and ids(away) != ids(answer)
    both = search(server, query="a boat in the harbour", unlike="a-004", k=5)
    assert "a-004" not in ids(both)
    assert search(server, like="nobody", expect=404)["code"] == "not_found"
    assert search(server, unlike="a-004", expect=400)["code"] == "invalid_argument"
    assert search(server, queries=["x", "y"], like="a-004", expect=400)["field"] == "like"
    assert search(server, query="x", like="a-004", mode="hybrid", expect=400)["field"] == "mode"


def groups(server):
    answer = search(server, query="winter in the garden", k=7, group_by="kind")
    kinds = [h["group"] for h in answer["hits"]]
    assert len(kinds) == 7 and len(set(kinds)) == 7, kinds
    assert answer["plan"]["exact"] and answer["next_cursor"] is None
    everything = search(server, query="winter in the garden", k=1000)
    best = {}
    for hit in everything["hits"]:
        best.setdefault(hit["metadata"]["kind"], hit["id"])
    assert ids(answer) == list(best.values())
    pairs = search(server, query="winter in the garden", k=20, group_by="kind", group_size=2)
    assert len(pairs["hits"]) == 14 and max(kinds.count(k) for k in kinds) <= 2
    tags = search(server, query="winter", k=10, group_by="tags")
    assert len(tags["hits"]) == 5
    assert len(search(server, query="winter", k=10, group_by="none")["hits"]) == 10


def diversity(server):
    near = search(server, query="a train on a bridge", k=8)
    wide = search(server, query="a train on a bridge", k=8, diversity=0.7)
    assert ids(wide)[0] == ids(near)[0] and ids(wide) != ids(near) and len(set(ids(wide))) == 8
    assert search(server, query="x", diversity=1.5, expect=400)["field"] == "diversity"


def pages(server):
    whole = search(server, query="letters by the window", k=1000)
    filters = {"lang": ["de", "fr"], "filter": {"field": "year", "gte": 1995}}
    for extra in ({}, filters, {"min_relevance": 0.01}):
        whole = search(server, query="letters by the window", k=1000, **extra)
        seen, cursor, turns = [], None, 0
        while True:
            page = search(server, query="letters by the window", k=1 + turns % 9, **extra, **({"cursor": cursor} if cursor else {}))
            seen += ids(page)
            cursor, turns = page["next_cursor"], turns + 1
            if cursor is None:
                break
        assert seen == ids(whole), (len(seen), len(whole["hits"]))
    cursor = search(server, query="letters", k=5)["next_cursor"]
    refused = search(server, query="other letters", k=5, cursor=cursor, expect=400)
    assert refused["field"] == "cursor" and "another search" in refused["detail"]
    assert search(server, query="letters", k=5, cursor=cursor[:-2], expect=400)["field"] == "cursor"
    assert search(server, query="letters", k=5, cursor=cursor, group_by="kind", expect=400)["field"] == "cursor"
    status, page = server.call("GET", f"/v1/collections/a/search?query=letters&k=5")
    status, page = server.call("GET", f"/v1/collections/a/search?query=letters&k=5&cursor={page['next_cursor']}")
    assert status == 200 and len(page["hits"]) == 5
    fill(server, "a", 1, first=900)
    gone = search(server, query="letters", k=5, cursor=cursor, expect=410)
    assert gone["code"] == "gone"
    status, _ = server.call("DELETE", "/v1/collections/a/documents/a-900")
    assert status == 200


def several(server):
    queries = ["bread and coffee", "the clock", "forest", "sea"] * 3
    answer = search(server, queries=queries, k=4, explain=True)
    assert len(answer["results"]) == len(queries)
    for query, result in zip(queries, answer["results"]):
        alone = search(server, query=query, k=4)
        assert [(h["id"], h["score"]) for h in result["hits"]] == [(h["id"], h["score"]) for h in alone["hits"]]
    plan = answer["results"][0]["plan"]
    for key in ("encode_ms", "filter_ms", "scan_ms", "rescore_ms", "fetch_ms", "rescored"):
        assert plan[key] >= 0, plan
    one, other = search(server, query="clock", k=6), search(server, "b", query="clock", k=6)
    both = search(server, query="clock", k=6, collections=["b"])
    merged = sorted(((-h["score"], h["id"], h["collection"]) for a in (one, other) for h in a["hits"]))[:6]
    assert [(-h["score"], h["id"], h["collection"]) for h in both["hits"]] == merged
    assert both["plan"]["candidates"] == one["plan"]["candidates"] + other["plan"]["candidates"]
    assert search(server, query="clock", collections=["a"], expect=400)["field"] == "collections"
    assert search(server, query="clock", collections=["none"], expect=404)["field"] == "collection"
    assert search(server, query="clock", collections=["b"], like="a-001", expect=400)["field"] == "collections"
    assert search(server, query="clock", surprise=1, expect=400)["field"] == "surprise"


def filterable(server):
    """An index changes how documents are found, and nothing else."""
    filters = [{"field": "year", "gte": 2010}, {"field": "year", "in": list(range(2010, 2020))}, {"field": "tags", "eq": "river"},
               {"and": [{"field": "year", "lt": 2000}, {"lang": {"eq": "de"}}]}, {"not": {"field": "kind", "eq": "sea"}},
               {"field": "kind", "prefix": "b"}, {"field": "kind", "exists": False}, {"id": {"in": ["a-001", "a-002"]}},
               {"or": [{"field": "kind", "eq": "sea"}, {"field": "title", "exists": True}]}]
    ask = [dict(query="a walk in the forest", k=1000, filter=f) for f in filters]
    without = [search(server, **a) for a in ask]
    status, answer = server.call("PATCH", "/v1/collections/a", {"filterable": ["year", "kind", "tags"]})
    assert status == 200 and answer["filterable"] == ["kind", "tags", "year"], answer
    for a, before in zip(ask, without):
        after = search(server, **a, explain=True)
        assert after["hits"] == before["hits"], a
        assert after["plan"]["filter"] in ("index", "rows"), after["plan"]
        assert (after["plan"]["filter_rows"] == 0) == (after["plan"]["filter"] == "index")
        assert after["plan"]["filter"] == "index" or a is not ask[3], after["plan"]
    assert without[0]["hits"] == without[1]["hits"]
    again = search(server, **ask[3], explain=True)
    assert without[0]["plan"]["filter"] == "rows" and again["plan"]["filter"] == "kept" and again["plan"]["filter_rows"] == 0
    assert again["hits"] == without[3]["hits"]
    mixed = search(server, query="x", filter={"and": [{"field": "year", "lt": 1993}, {"field": "size", "exists": False}]})
    assert mixed["plan"]["filter"] == "index+rows"
    status, answer = server.call("PUT", "/v1/collections/new", {"filterable": ["x"]})
    assert status == 201 and answer["filterable"] == ["x"]
    assert server.call("PATCH", "/v1/collections/a", {"filterable": [""]})[0] == 400
    assert server.call("PATCH", "/v1/collections/nobody", {"filterable": ["x"]})[0] == 404


def keywords(server):
    """Given up, and made again of what is there."""
    before = search(server, query="river forest", k=20, mode="keyword")
    assert before["hits"]
    status, answer = server.call("PATCH", "/v1/collections/a", {"keyword": False})
    assert status == 200 and answer["keyword"] is False, answer
    assert search(server, query="river forest", mode="keyword", expect=422)["field"] == "mode"
    status, answer = server.call("PATCH", "/v1/collections/a", {"keyword": True})
    assert status == 200 and answer["keyword"] is True, answer
    assert search(server, query="river forest", k=20, mode="keyword")["hits"] == before["hits"]
    status, answer = server.call("PUT", "/v1/collections/a", {"keyword": False})
    assert status == 409 and "PATCH" in answer["detail"], answer


def command_line(server):
    db = server.db
    code, out, err = cognate("similar", "--id", "a-004", "-c", "a", "-k", "3", "--format", "tsv", db=db)
    assert code == 0 and len(out.splitlines()) == 4, (out, err)
    code, out, _ = cognate("search", "--like", "a-004", "-c", "a", "-k", "3", "--exact", "--explain", "--json", db=db)
    assert code == 0 and [json.loads(l)["id"] for l in out.splitlines()] == ids(search(server, like="a-004", k=3))
    code, out, _ = cognate("search", "-c", "a", "--also", "b", "-k", "4", "--group-by", "kind", "--json", "clock", db=db)
    assert code == 0 and len({json.loads(l)["group"] for l in out.splitlines()}) == 4
    code, out, _ = cognate("search", "-c", "a", "--diversity", "0.5", "clock", db=db)
    assert code == 0
    assert cognate("search", "-c", "a", db=db)[0] == 2
    assert cognate("similar", "--id", "nobody", "-c", "a", db=db)[0] == 2
    code, _, err = cognate("collection", "filterable", "a", "kind", db=db)
    assert code == 0, err
    code, out, _ = cognate("collection", "show", "a", "--json", db=db)
    assert json.loads(out)["filterable"] == ["kind"]
    code, _, err = cognate("collection", "create", "c", "--filterable", "x", "--filterable", "y", db=db)
    assert code == 0, err
    with Scratch() as folder:
        path = os.path.join(folder, "queries.txt")
        with open(path, "w", encoding="utf-8") as f:
            f.write("bread\nsea\n\nclock\n")
        code, out, _ = cognate("search", "-c", "a", "--queries", path, "-k", "2", "--min-relevance", "0", "--json", db=db)
        assert code == 0 and [json.loads(l)["query"] for l in out.splitlines()] == ["bread"] * 2 + ["sea"] * 2 + ["clock"] * 2


def main():
    with Server() as server:
        fill(server, "a", 120)
        fill(server, "b", 40)
        for case in (examples, groups, diversity, pages, several, filterable, keywords, command_line):
            case(server)
            print("ok", case.__name__, flush=True)


main()
