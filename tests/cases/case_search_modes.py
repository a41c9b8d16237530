"""Searches by meaning, by words and by both, on the command line and over HTTP."""
import json
import os
import pty
import subprocess

from harness import PROGRAM, Scratch, Server, cognate

DOCUMENTS = [
    {"id": "pump", "lang": "en", "title": "Pump manual", "text": "The pump AB-1234/7 stops with ERR_DRY_RUN when the tank is empty."},
    {"id": "other", "lang": "en", "title": "Pump manual", "text": "The pump AB-1234/9 never stops by itself."},
    {"id": "train", "lang": "en", "text": "The last train to the coast leaves late in the evening."},
    {"id": "zug", "lang": "de", "text": "Der letzte Zug an die Küste fährt spät am Abend ab.", "metadata": {"kind": "note"}},
    {"id": "thai", "lang": "th", "text": "ภาษาไทยไม่มีช่องว่างระหว่างคำ"},
    {"id": "korean", "lang": "ko", "text": "서울에서 부산까지 기차를 탄다"},
]


def ids(answer):
    return [hit["id"] for hit in answer["hits"]]


def marked(hit):
    """The words that are highlighted, cut out of the document's text by their bytes."""
    text = next(d["text"] for d in DOCUMENTS if d["id"] == hit["id"]).encode()
    return [text[start:end].decode() for start, end in hit["highlights"]]


with Server() as server:
    def search(**body):
        status, answer = server.call("POST", "/v1/collections/default/search", body)
        assert status == 200, answer
        return answer

    def refused(code, field, **body):
        status, answer = server.call("POST", "/v1/collections/default/search", body)
        assert status == code and answer.get("field") == field, (status, answer)

    status, answer = server.call("POST", "/v1/collections/default/documents", DOCUMENTS)
    assert status == 200, answer

    found = search(query="last train", mode="keyword")
    assert ids(found) == ["train"] and found["plan"]["kind"] == "keywords" and found["plan"]["exact"], found
    hit = found["hits"][0]
    assert hit["cosine"] is None and hit["relevance"] is None and hit["score"] == hit["bm25"] > 0
    assert marked(hit) == ["last", "train"]
    assert marked(search(query="spät kuste", mode="keyword")["hits"][0]) == ["Küste", "spät"]
    assert ids(search(query='"train last"', mode="keyword")) == []
    assert ids(search(query="coas*", mode="keyword")) == ["train"]
    assert ids(search(query="ไทย", mode="keyword")) == ["thai"]
    assert ids(search(query="부산", mode="keyword")) == ["korean"]
    assert ids(search(query="zug train", mode="keyword", lang="de")) == ["zug"]
    assert ids(search(query="zug train", mode="keyword", filter={"field": "kind", "eq": "note"})) == ["zug"]
    for odd in ('"', "NEAR(", "* OR *", "(", "'; DROP TABLE documents"):
        search(query=odd, mode="keyword")

    for fusion in ("sum", "rrf"):
        found = search(query="spare parts for AB-1234/7", mode="hybrid", fusion=fusion, k=6, explain=True)
        assert ids(found)[0] == "pump" and found["hits"][0]["score"] > 1, found
        assert len(found["hits"]) == 6 and found["plan"]["kind"] == "hybrid"
        assert all(h["cosine"] is not None and h["bm25"] is not None for h in found["hits"])
        assert ids(search(query="spare parts for AB-1234/7", mode="hybrid", fusion=fusion, k=2)) == ids(found)[:2]
    assert ids(search(query="the last train", mode="hybrid"))[:2] == ["train", "zug"]

    plain = search(query="the last train")
    assert plain == {**search(query="the last train", mode="semantic"), "took_ms": plain["took_ms"], "next_cursor": plain["next_cursor"]}
    assert all(h["bm25"] is None and h["highlights"] == [] and h["score"] == h["cosine"] for h in plain["hits"])

    status, answer = server.call("GET", "/v1/collections/default/search?query=ERR_DRY_RUN&mode=keyword")
    assert status == 200 and ids(answer) == ["pump"] and marked(answer["hits"][0]) == ["ERR_DRY_RUN"]

    refused(400, "mode", query="x", mode="fuzzy")
    refused(400, "mode", vector=[1] * 512, mode="hybrid")
    refused(400, "min_relevance", query="x", mode="keyword", min_relevance=0.5)
    assert server.call("PUT", "/v1/collections/plain", {"keyword": False})[0] == 201
    status, answer = server.call("GET", "/v1/collections/plain")
    assert answer["keyword"] is False
    server.call("POST", "/v1/collections/plain/documents", DOCUMENTS[0])
    status, answer = server.call("POST", "/v1/collections/plain/search", {"query": "pump", "mode": "keyword"})
    assert status == 422 and "keywords" in answer["detail"], answer

with Scratch() as folder:
    rows, db = os.path.join(folder, "rows.jsonl"), os.path.join(folder, "s.db")
    with open(rows, "w", encoding="utf-8") as file:
        for d in DOCUMENTS:
            file.write(json.dumps({"_id": d["id"], "text": d["text"], "lang": d["lang"]}, ensure_ascii=False) + "\n")
    assert cognate("index", rows, db=db)[0] == 0
    # By keywords no model is needed.
    code, out, err = cognate("search", "--mode", "keyword", "err_dry_run", db=db, env={"COGNATE_MODEL": "/nowhere"})
    assert code == 0 and "pump" in out and "bm25" in out and "cosine" not in out, (code, out, err)
    assert cognate("search", "--mode", "keyword", "nowhere", db=db)[0] == 1
    code, out, err = cognate("search", "--mode", "hybrid", "--json", "-k", "1", "AB-1234/9", db=db)
    assert code == 0 and json.loads(out)["id"] == "other", out
    code, out, err = cognate("search", "--mode", "rrf", "--format", "tsv", "train", db=db)
    assert code == 0 and out.split("\n")[0].split("\t")[3:6] == ["cosine", "bm25", "relevance"], out
    assert cognate("collection", "create", "--no-keywords", "plain", db=db)[0] == 0
    code, out, err = cognate("collection", "show", "--json", "plain", db=db)
    assert json.loads(out)["keyword"] is False, out
    try:
        master, slave = pty.openpty()
    except OSError:
        master = None
    if master is not None: # words of the query stand out on a terminal
        subprocess.run([PROGRAM, "--db", db, "search", "--color", "always", "--mode", "keyword", "train"], stdout=slave, stdin=subprocess.DEVNULL,
                       timeout=60)
        os.close(slave)
        shown = os.read(master, 65536).decode()
        os.close(master)
        assert "\x1b[1mtrain\x1b[0m" in shown.replace("\x1b[m", "\x1b[0m"), repr(shown)
