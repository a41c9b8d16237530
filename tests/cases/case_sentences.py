"""With `highlight` the sentence of a passage that is nearest to the query is marked, over HTTP and on the command line."""
import json
import os

from harness import Scratch, Server, cognate

HARBOUR = ("# Hafen\n\nDer Hafenmeister führt eine Liste aller Boote. Im Winter liegen die meisten an Land unter Planen. "
           "Ein Kran hebt sie im Oktober heraus. Hunde sind an der Leine zu führen. Das Café am Ende des Stegs öffnet mittags. "
           "Freitags morgens wird frischer Fisch vom Boot verkauft.")
SEA = "Freitags morgens wird frischer Fisch vom Boot verkauft."
DOCUMENTS = [{"id": "harbour", "text": HARBOUR, "lang": "de"}, {"id": "one", "text": "Fish is eaten on Fridays.", "lang": "en"},
             {"id": "table", "text": "| fish | price |\n|---|---|\n| cod | 9 |\n"}]


def marked(hit):
    start, end = hit["passage"]["sentence"]
    return {d["id"]: d["text"] for d in DOCUMENTS}[hit["id"]].encode()[start:end].decode()


with Scratch() as folder:
    db = os.path.join(folder, "t.db")
    with Server(db=db) as server:
        path = "/v1/collections/default/search"
        status, _ = server.call("POST", "/v1/collections/default/documents", DOCUMENTS)
        assert status == 200

        def search(expect=200, **body):
            status, answer = server.call("POST", path, body)
            assert status == expect, (status, answer)
            return answer

        # Questions in another language than the text; each mode has a sentence.
        for mode in ("semantic", "hybrid"):
            hits = {h["id"]: h for h in search(query="When can I buy fish?", highlight=True, mode=mode)["hits"]}
            assert marked(hits["harbour"]) == SEA and marked(hits["one"]) == DOCUMENTS[1]["text"], hits
            assert hits["table"]["passage"]["sentence"] is None
        hits = search(query="May I bring my dog?", highlight=True, k=3)["hits"]
        assert "Hunde" in marked(next(h for h in hits if h["id"] == "harbour")), hits
        hit = search(query="Boot Fisch", highlight=True, mode="keyword", k=1)["hits"][0]
        assert marked(hit) == SEA and len(hit["highlights"]) == 2, hit

        # A vector does as well as the text it is of; several queries have sentences of their own.
        _, answer = server.call("POST", "/v1/embed", {"input": "When can I buy fish?"})
        hits = search(vector=answer["data"][0]["embedding"], highlight=True)["hits"]
        assert marked(next(h for h in hits if h["id"] == "harbour")) == SEA
        answer = search(queries=["When can I buy fish?", "May I bring my dog?"], highlight=True, k=3)
        assert len({marked(h) for r in answer["results"] for h in r["hits"] if h["id"] == "harbour"}) == 2, answer

        # Not asked for: not there. What cannot be marked is refused.
        assert "sentence" not in search(query="fish")["hits"][0]["passage"]
        assert "passage" not in search(query="fish", highlight=True, fields=["title"])["hits"][0]
        assert search(400, like="one", highlight=True)["field"] == "highlight"
        assert search(413, query="fish", highlight=True, k=101)["field"] == "highlight"

    # On a terminal it is underlined, and the excerpt begins with it when it does not show otherwise.
    code, out, err = cognate("search", "When can I buy fish?", "--highlight", "--color", "always", db=db)
    assert code == 0 and f"    … \x1b[4m{SEA}\x1b[0m\n" in out, (out, err)
    code, out, err = cognate("search", "May I bring my dog?", "--highlight", "--color", "always", db=db, env={"COLUMNS": "200"})
    assert code == 0 and "\x1b[4mHunde sind an der Leine zu führen.\x1b[0m" in out and "# Hafen" in out, (out, err)
    code, out, err = cognate("search", "Boot Fisch", "--mode", "keyword", "--highlight", "--color", "always", db=db)
    assert "frischer \x1b[0m\x1b[4m\x1b[1mFisch\x1b[0m\x1b[4m vom " in out, out
    code, out, err = cognate("search", "When can I buy fish?", "--highlight", db=db)
    assert code == 0 and "\x1b" not in out and f"    … {SEA}\n" in out, (out, err)
    code, out, err = cognate("search", "When can I buy fish?", "--highlight", "--json", db=db)
    assert code == 0 and SEA in [marked(json.loads(line)) for line in out.splitlines() if '"harbour"' in line], (out, err)
