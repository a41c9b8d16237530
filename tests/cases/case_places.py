"""A hit links back to its file: page, line and headings, over HTTP, by MCP and on the command line."""
import json
import os

from harness import Scratch, Server, cognate

FILLER = "The mill by the river grinds wheat and rye for the whole valley, as it has done for two hundred years. "
TICKETS = ("A ticket to Vienna costs nineteen euros at the counter, and twelve for children. " * 6).strip()
GUIDE = f"# Guide\n\n{FILLER * 6}\n\n## Trains\n\n{FILLER * 6}\n\n### Tickets\n\n{TICKETS}\n"


def pdf(pages):
    """A file of one line a page."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    kids = []
    for line in pages:
        stream = f"BT /F1 9 Tf 20 100 Td ({line}) Tj ET"
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
        kids.append(len(objects) + 1)
        objects.append(f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9000 144]/Contents {len(objects)} 0 R/Resources<</Font<</F1 3 0 R>>>>>>")
    objects[1] = f"<</Type/Pages/Kids[{' '.join(f'{k} 0 R' for k in kids)}]/Count {len(kids)}>>"
    body = "".join(f"{i} 0 obj{o}endobj\n" for i, o in enumerate(objects, 1))
    return f"%PDF-1.4\n{body}trailer<</Root 1 0 R>>\n"


with Scratch() as folder:
    db, notes = os.path.join(folder, "t.db"), os.path.join(folder, "notes")
    os.mkdir(notes)
    files = {"guide.md": GUIDE, "greet.c": "/* Prints a greeting in Klingon. */\n",
             "page.html": "<title>Bread</title><main><h1>Rye bread</h1><p>The dough of rye bread rises all night.</main>",
             "paper.pdf": pdf([FILLER * 8, "Penguins dive for krill below the ice shelf. " * 12])}
    for name, text in files.items():
        with open(os.path.join(notes, name), "w") as file:
            file.write(text)
    code, out, err = cognate("index", "notes", "--json", db=db, cwd=folder)
    assert code == 0, err
    with_pdf = "paper.pdf" not in err and os.path.exists("/usr/bin/pdftotext")

    def best(query, *options, cwd=folder):
        code, out, err = cognate("search", "-k", "1", query, *options, db=db, cwd=cwd)
        assert code == 0, err
        return out

    # On the command line: a path that an editor opens, from the folder one is in.
    ticket = "What is the price of a ticket to Vienna?"
    line = 1 + GUIDE[:GUIDE.index("### Tickets")].count("\n")
    assert f"\n    notes/guide.md:{line}  Guide > Trains > Tickets\n" in best(ticket), best(ticket)
    assert f"\n    {notes}/guide.md:{line}  Guide" in best(ticket, cwd="/"), best(ticket, cwd="/")
    assert "\n    notes/greet.c:1\n" in best("greeting in Klingon")
    assert "\n    notes/page.html  Rye bread\n" in best("dough that rises overnight")
    hit = json.loads(best(ticket, "--json"))
    assert (hit["passage"]["page"], hit["passage"]["line"], hit["passage"]["heading"]) == (None, line, "Guide > Trains > Tickets"), hit
    row = best(ticket, "--format", "tsv").splitlines()
    assert row[0].split("\t")[-4:] == ["page", "line", "heading", "rerank"]
    assert row[1].split("\t")[-4:] == ["", str(line), "Guide > Trains > Tickets", ""], row
    if with_pdf:
        assert "\n    notes/paper.pdf:page 2\n" in best("what do penguins eat"), best("what do penguins eat")

    with Server(db=db) as server:
        search = "/v1/collections/default/search"
        status, answer = server.call("POST", search, {"query": ticket, "k": 1})
        assert status == 200 and answer["hits"][0]["passage"] == hit["passage"], answer
        status, answer = server.call("POST", search, {"query": ticket, "k": 1, "fields": ["title"]})
        assert status == 200 and "passage" not in answer["hits"][0], answer
        status, answer = server.call("POST", search, {"queries": [ticket, "rye bread"], "k": 2, "group_by": "path"})
        assert [r["hits"][0]["passage"]["heading"] for r in answer["results"]] == ["Guide > Trains > Tickets", "Rye bread"], answer
        # A document without headings and without pages.
        server.call("POST", "/v1/collections/plain/documents", {"id": "a", "text": "\n\nOne line."})
        status, answer = server.call("POST", "/v1/collections/plain/search", {"query": "line"})
        passage = answer["hits"][0]["passage"]
        assert (passage["page"], passage["line"], passage["heading"]) == (None, 3, None), passage

        # In a list of several collections each hit is looked up in its own, though both have a document of that id.
        server.call("POST", "/v1/collections/lists/documents", {"id": "notes/guide.md", "text": "\n\nThe lighthouse keeper counts ships."})
        status, answer = server.call("POST", search, {"query": "lighthouse keeper", "collections": ["lists"], "k": 50})
        lines = {(h["collection"], h["id"]): h["passage"]["line"] for h in answer["hits"]}
        assert lines[("lists", "notes/guide.md")] == 3 and ("default", "notes/guide.md") in lines and None not in lines.values(), lines
        # A passage in another language than its document says so; one too short to tell has the document's.
        letter = "The minutes of the meeting follow in the language of the partner town. " * 12 + \
            "\n\n## Protokoll\n\n" + "Der Gemeinderat hat die Brücke über den Bach beschlossen und die Kosten genannt. " * 10
        server.call("POST", "/v1/collections/mixed/documents", [{"id": "letter", "text": letter, "lang": "en"},
                                                                {"id": "short", "text": "Ja.", "lang": "en"}])
        status, answer = server.call("POST", "/v1/collections/mixed/search", {"query": "bridge over the stream", "k": 2})
        assert [(h["id"], h["lang"], h["passage"]["lang"]) for h in answer["hits"]] == [("letter", "en", "de"), ("short", "en", "en")], answer
        rows = [{"id": f"{lang}-{i:02}", "lang": "en", "text": text % i} for i in range(30) for lang, text in (
            ("de", "Die Brücke über den Bach wird im Jahr %d gebaut, sagt die Gemeinde ihren Bürgern."),
            ("fr", "La mairie annonce que le nouveau pont sur la rivière numéro %d ouvrira bientôt pour tous les habitants."))]
        server.call("POST", "/v1/collections/bridges/documents", rows)
        query = {"query": "Brücke über den Bach", "k": 20}
        def languages(**more):
            status, answer = server.call("POST", "/v1/collections/bridges/search", {**query, **more})
            assert status == 200 and answer["plan"]["exact"], answer
            return [h["passage"]["lang"] for h in answer["hits"]], answer
        assert set(languages()[0]) != {"fr"}
        found, answer = languages(passage_lang="fr")
        assert found == ["fr"] * 20 and answer["plan"]["candidates"] == 30, answer
        rest, second = languages(passage_lang="fr", cursor=answer["next_cursor"])
        assert rest == ["fr"] * 10 and second["next_cursor"] is None, second
        assert not {h["id"] for h in answer["hits"]} & {h["id"] for h in second["hits"]}
        status, other = server.call("POST", "/v1/collections/bridges/search", {**query, "cursor": answer["next_cursor"]})
        assert status == 400 and "another search" in other["detail"], other
        assert languages(passage_lang="fr", mode="keyword", query="mairie")[0] == ["fr"] * 20
        assert languages(passage_lang="de", mode="keyword", query="mairie")[0] == []
        assert set(languages(passage_lang="fr", mode="hybrid")[0]) == {"fr"}
        status, answer = server.call("POST", "/v1/collections/mixed/search", {"query": "minutes of the meeting", "passage_lang": "de"})
        assert [(h["id"], h["passage"]["lang"]) for h in answer["hits"]] == [("letter", "de")], answer
        assert languages(passage_lang=["FR", "de"], k=60)[0].count("fr") == 30
        assert languages(passage_lang="ja")[0] == [] and languages(passage_lang="fr", lang="fr")[0] == []
        code, out, err = cognate("search", "-c", "bridges", "--passage-lang", "fr", "-k", "40", "--format", "tsv", query["query"], db=db)
        assert code == 0 and len(out.splitlines()) == 31 and "de-" not in out, (out, err)
        code, out, err = cognate("search", "-c", "mixed", "-k", "1", "bridge over the stream", db=db)
        assert code == 0 and "letter  [en, passage de]" in out, (out, err)
        status, answer = server.call("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "search", "arguments": {"query": ticket, "k": 1}}})
        found = json.loads(answer["result"]["content"][0]["text"])["hits"][0]["passage"]
        assert found["line"] == line and found["heading"] == "Guide > Trains > Tickets", found
