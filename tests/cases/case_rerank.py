"""Cross-encoders: installed, kept apart from models of vectors, in use as the reranker of the routes and of search."""
import json
import math
import os
import threading

from harness import Scratch, Server, cognate

SHIPPED = "cognate-e5-512"
FOLDER = os.path.join(os.environ["COGNATE_SOURCE"], "tests", "fixtures", "models", "cross-bert")
PAIRS = [json.loads(line) for line in open(os.path.join(FOLDER, "expected.jsonl"), encoding="utf-8")]
LONG = " ".join(["one two three four five six seven eight nine ten"] * 5)
os.environ.pop("COGNATE_MODEL", None)


def run(*arguments, code=0, **more):
    got, out, err = cognate(*arguments, **more)
    assert got == code, (arguments, got, out, err)
    return out, err


def refused(says, *arguments, **more):
    err = run(*arguments, code=2, **more)[1]
    assert says in err, (arguments, err)


def near(got, wanted):
    assert abs(got - wanted) < 0.1, (got, wanted)  # int8 beside f32


def rerank(server, route, status=200, **body):
    got, answer = server.call("POST", route, body)
    assert got == status, (route, body, got, answer)
    return answer


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder + "/data"
    db = folder + "/s.db"
    rows = [{"id": "d%d" % i, "title": "pair %d" % i, "text": p["document"]} for i, p in enumerate(PAIRS) if p["document"]]
    with open(folder + "/rows.ndjson", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    run("index", folder + "/rows.ndjson", db=db)

    # ---- without one, the order stays, and is said ----
    out, err = run("search", "late train", "--rerank", "--json", db=db)
    assert "no reranker is in use" in err, err
    plain = [json.loads(line) for line in out.splitlines()]
    assert all(hit["rerank"] is None and hit["score"] == hit["cosine"] for hit in plain), plain

    # ---- what it is, and what it is not for ----
    out, err = run("model", "add", FOLDER, "--name", "cross")
    assert "cross@1 is installed" in err and "cognate model rerank cross" in err, err
    about = json.loads(run("model", "show", "cross", "--json")[0])
    assert about["kind"] == "cross-encoder" and not about["reranks"] and not about["in_use"], about
    assert "cross-encoder" in run("model", "list")[0]
    for arguments in (("model", "use", "cross"), ("collection", "create", "new", "--model", "cross"), ("--model", "cross", "embed", "a"),
                      ("--model", about["path"], "similar", "a", "b"), ("collection", "reembed", "default", "--to", "cross"),
                      ("model", "quantize", "cross")):
        refused("cross-encoder", *arguments, db=db)
    refused("no cross-encoder", "model", "rerank", SHIPPED, db=db)
    refused("--off", "model", "rerank", db=db)
    refused("installed: cognate", "model", "rerank", "none", db=db)

    assert "cross@1, installed: a cross-encoder" in run("doctor", db=db)[0]

    # ---- in use ----
    assert "cross@1 is the reranker" in run("model", "rerank", "cross", db=db)[1]
    assert "reranker" in run("model", "list")[0]
    refused("in use as the reranker", "model", "remove", "cross", db=db)
    hits = [json.loads(line) for line in run("search", "late train", "--rerank", "-k", "20", "--json", db=db)[0].splitlines()]
    assert len(hits) == len(rows) and all(hit["score"] == hit["rerank"] and 0 < hit["rerank"] < 1 for hit in hits), hits
    assert [h["rerank"] for h in hits] == sorted((h["rerank"] for h in hits), reverse=True), hits
    first = [json.loads(line) for line in run("search", "late train", "--rerank", "-k", "2", "--json", db=db)[0].splitlines()]
    assert first == hits[:2], (first, hits)  # the best of 50, not of two
    with open(folder + "/queries.txt", "w", encoding="utf-8") as file:
        file.write("late train\n" * 23)
    many = [json.loads(line) for line in run("search", "--queries", folder + "/queries.txt", "--rerank", "-k", "2", "--json", db=db)[0].splitlines()]
    assert len(many) == 46 and [h["rerank"] for h in many] == [h["rerank"] for h in hits[:2]] * 23, many[:4]
    assert "(rerank 0." in run("search", "late train", "--rerank", db=db)[0]
    assert run("search", "late train", "--rerank", "--format", "tsv", db=db)[0].splitlines()[0].endswith("\trerank")
    refused("words of a query", "search", "--like", "d1", "--rerank", db=db)

    with Server(db=db) as server:
        # ---- the routes ----
        documents = [p["document"] for p in PAIRS if p["document"]]
        for p in PAIRS:
            if not p["query"] or len(p["ids"]) == 40:
                continue
            answer = rerank(server, "/v1/rerank", query=p["query"], documents=[p["document"]])
            near(answer["results"][0]["relevance_score"], p["score"])
            assert answer["model"] == "cross" and answer["meta"]["warnings"] == [], answer
            assert answer["usage"]["total_tokens"] == len(p["ids"]), (answer, p)
            answer = rerank(server, "/rerank", query=p["query"], texts=[p["document"]], raw_scores=True)
            near(answer[0]["score"], p["logit"])
        together = {r["index"]: r["relevance_score"] for r in rerank(server, "/v2/rerank", query="late train", documents=documents)["results"]}
        for i, document in enumerate(documents):  # the same bits alone and together
            assert rerank(server, "/rerank", query="late train", texts=[document], truncate=True)[0]["score"] == together[i], i
        raw = rerank(server, "/rerank", query="late train", texts=documents, raw_scores=True, truncate=True, return_text=True)
        assert all(abs(1 / (1 + math.exp(-r["score"])) - together[r["index"]]) < 1e-9 and r["text"] == documents[r["index"]] for r in raw)
        named = rerank(server, "/v1/rerank", query="late train", documents=documents, model="cross@1", top_n=3)
        assert [r["relevance_score"] for r in named["results"]] == sorted(together.values(), reverse=True)[:3], named
        other = rerank(server, "/v1/rerank", query="late train", documents=documents, model=SHIPPED)
        assert "no cross-encoder" in other["meta"]["warnings"][0] and other["model"] == SHIPPED, other

        # ---- what does not fit ----
        assert "lost their ends" in rerank(server, "/v1/rerank", query="late train", documents=[LONG, "a"])["meta"]["warnings"][0]
        assert "takes 40" in rerank(server, "/rerank", 422, query="late train", texts=[LONG])["error"]
        rerank(server, "/rerank", query="late train", texts=[LONG], truncate=True)
        assert "truncation_direction" in json.dumps(rerank(server, "/rerank", 422, query="a", texts=["a"], truncate=True,
                                                           truncation_direction="left"))

        # ---- search, over HTTP ----
        path = "/v1/collections/default/search"
        answer = rerank(server, path, queries=["late train", "a"], rerank=True, k=3, fields=["rerank"])
        assert answer["reranker"] == "cross@1" and answer["warnings"] == [], answer
        assert [set(hit) for r in answer["results"] for hit in r["hits"]] == [{"id", "score", "rerank"}] * 6, answer
        assert answer["results"][0]["hits"][0]["id"] == hits[0]["id"] and answer["results"][0]["next_cursor"] is None, answer
        assert "500" in rerank(server, path, 413, queries=["a"] * 20, rerank=True)["detail"]
        assert rerank(server, path, query="late train", k=3)["hits"] == [{**h, "rerank": None} for h in plain[:3]]
        answer = rerank(server, "/v1/embed", 400, input="a", model="cross")
        assert "cross-encoder" in answer["detail"] and answer["field"] == "model", answer

        # ---- what is said of it ----
        status, about = server.call("GET", "/v1/models/cross")
        assert status == 200 and about["model_version_status"][0]["state"] == "AVAILABLE", about
        status, about = server.call("GET", "/v1/models")
        assert status == 200 and {m["id"]: m["reranks"] for m in about["data"]} == {SHIPPED: False, "cross": True}, about
        status, about = server.call("POST", "/v1/models/cross:predict", {"instances": ["a"]})
        assert status == 400 and "cross-encoder" in about["error"], about
        figures = server.exchange("GET", "/metrics")[2]
        counted = [line for line in figures.splitlines() if line.startswith("cognate_pairs_scored_total ")]
        assert float(counted[0].split()[1]) > 50, counted

        # ---- loaded, unloaded and changed under load: nothing fails ----
        run("model", "add", FOLDER, "--name", "cross", "--version", "2")
        stop, problems, done = threading.Event(), [], []

        def ask():
            while not stop.is_set() and not problems:
                answer = server.call("POST", "/v1/rerank", {"query": "late train", "documents": documents})
                done.append(1)
                if answer[0] != 200 or {r["index"]: r["relevance_score"] for r in answer[1]["results"]} != together:
                    problems.append(answer)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(6):
            for version in ("2", "1"):
                assert rerank(server, "/v1/admin/models", action="rerank", model="cross@" + version)["reranks"]
                rerank(server, "/v1/admin/models", action="unload", model="cross@" + ("1" if version == "2" else "2"))
        stop.set()
        for thread in threads:
            thread.join()
        assert not problems and len(done) > 3, problems[:1]
        print("%d answers while the reranker changed twelve times" % len(done))
        assert not rerank(server, "/v1/admin/models", action="rerank_off")["reranks"]
        assert rerank(server, path, query="late train", rerank=True)["reranker"] is None
        assert "leave model out" in rerank(server, "/v1/admin/models", 400, action="rerank_off", model="cross")["detail"]
    run("model", "rerank", "cross", db=db)
    run("model", "rerank", "--off", db=db)
    run("model", "remove", "cross@1", db=db)
