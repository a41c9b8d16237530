"""The use case this program is for, over the command line and over HTTP: five one-sentence documents on one subject in five
languages among at least two hundred unrelated ones; each of five queries, one a language, finds exactly those five first."""
import json
import os

from harness import Scratch, Server, cognate

HERE = os.path.dirname(os.path.abspath(__file__))
CASE = json.load(open(os.path.join(HERE, "use_case.json"), encoding="utf-8"))
WANTED = {d["id"] for d in CASE["documents"]}
LANGUAGES = {d["lang"] for d in CASE["documents"]}
assert len(WANTED) == 5 and len(CASE["queries"]) == 5 and len(CASE["unrelated"]) >= 200
assert {q["lang"] for q in CASE["queries"]} == LANGUAGES == {d["lang"] for d in CASE["unrelated"]}


def check(hits, query):
    assert len(hits) == 5, (query, len(hits))
    assert {h["id"] for h in hits} == WANTED, (query, [h["id"] for h in hits])
    assert {h["lang"] for h in hits} == LANGUAGES
    cosines = [h["cosine"] for h in hits]
    assert cosines == sorted(cosines, reverse=True) and len(set(cosines)) > 1, cosines
    assert all(h["score"] == h["cosine"] and 0 <= h["relevance"] <= 1 for h in hits)


def over_the_command_line():
    with Scratch() as folder:
        db, rows = os.path.join(folder, "case.db"), os.path.join(folder, "documents.jsonl")
        with open(rows, "w", encoding="utf-8") as file:
            for d in CASE["unrelated"] + CASE["documents"]:
                file.write(json.dumps(d, ensure_ascii=False) + "\n")
        code, out, err = cognate("index", rows, db=db)
        assert code == 0, err
        for query in CASE["queries"]:
            code, out, err = cognate("search", "--json", query["text"], db=db)
            assert code == 0, err
            check([json.loads(line) for line in out.splitlines()], query)


def over_http():
    with Server() as server:
        status, answer = server.call("PUT", "/v1/collections/case", {})
        assert status in (200, 201), answer
        status, answer = server.call("POST", "/v1/collections/case/search", {"query": "anything"})
        assert status == 404 and "empty" in answer["detail"], answer
        status, answer = server.call("POST", "/v1/collections/case/documents", CASE["unrelated"] + CASE["documents"])
        assert status == 200, answer
        for query in CASE["queries"]:
            status, answer = server.call("POST", "/v1/collections/case/search", {"query": query["text"]})
            assert status == 200, answer
            check(answer["hits"], query)
            assert answer["plan"]["exact"] is True
        status, answer = server.call("POST", "/v1/collections/case/search", {"query": "anything", "k": 1000})
        assert status == 200 and len(answer["hits"]) == len(CASE["documents"]) + len(CASE["unrelated"])


over_the_command_line()
over_http()
