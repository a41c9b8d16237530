"""Export and import: what comes out goes in again, with its vectors and without, here and through a server."""
import base64
import json
import os
import struct

from harness import Scratch, Server, cognate

ROWS = [{"id": "a/%03d é" % i, "title": "Title %d" % i if i % 2 else "", "text": "Text number %d about ships. Und noch ein Satz." % i,
         "metadata": {"n": i, "deep": {"x": [1, None]}}, "expires_at": "2199-01-01T00:00:00Z"} for i in range(230)]


def search(db):
    code, out, err = cognate("search", "--json", "-k", "20", "-c", "ships", "ships of number 17", db=db)
    assert code == 0, err
    return out


with Scratch() as folder:
    first, second, third, lines = (os.path.join(folder, name) for name in ("1.db", "2.db", "3.db", "lines.jsonl"))
    code, out, err = cognate("collection", "create", "ships", "--passage-tokens", "64", db=first)
    assert code == 0, err
    with Server(db=first) as server:
        rows = "".join(json.dumps(row) + "\n" for row in ROWS)
        status, answer = server.call("POST", "/v1/collections/ships/documents", rows, {"Content-Type": "application/x-ndjson"})
        assert status == 200 and answer["created"] == len(ROWS), answer
        code, out, err = cognate("export", "--vectors", db=first)
        assert code == 0, err
        through = out
    code, out, err = cognate("export", "--vectors", "-c", "ships", db=first)
    assert code == 0 and out == through, "a server changes nothing"
    header, *exported = [json.loads(line) for line in out.splitlines()]
    assert header["collection"]["passage_tokens"] == 64 and len(exported) == len(ROWS), header
    assert exported[0]["metadata"] == ROWS[0]["metadata"] and "title" not in exported[0] and exported[1]["title"] == "Title 1"
    assert exported[0]["expires_at"] == "2199-01-01T00:00:00.000Z"
    passage = exported[0]["vectors"]["passages"][0]
    assert len(base64.b64decode(passage["vector"])) == 4 * 512 and passage["start"] == 0, passage
    with open(lines, "w", encoding="utf-8") as file:
        file.write(out)

    code, _, err = cognate("import", lines, db=second)
    assert code == 0 and "230 created, 0 updated, 0 unchanged, 0 failed; 0 tokens embedded" in err, (code, err)
    assert search(second) == search(first), "the same bits"
    code, again, err = cognate("export", "--vectors", db=second)
    assert again == through
    with Server(db=second) as server:
        code, _, err = cognate("import", "-", db=second, stdin=through)
        assert code == 0 and "230 unchanged" in err, (code, err)

    code, plain, err = cognate("export", db=first)
    assert code == 0 and "vectors" not in plain
    code, _, err = cognate("import", "-c", "ships", "-", db=third, stdin="".join(plain.splitlines(True)[:41]))
    assert code == 0 and "40 created" in err and " 0 tokens" not in err, (code, err)
    foreign = dict(exported[50], vectors=dict(exported[50]["vectors"], space_id="0" * 64))
    code, _, err = cognate("import", "-c", "ships", "-", db=third, stdin=json.dumps(foreign) + "\n")
    assert code == 0 and "1 created" in err and " 0 tokens" not in err, (code, err)  # embedded here
    for wrong in (dict(passage, vector="AAAA"), dict(passage, vector="!" * 2732), dict(passage, end=10 ** 6), dict(passage, vector=base64.b64encode(bytes(2048)).decode()), dict(passage, lang="i t"),
                  dict(passage, lang="0123456789abcdef")):
        row = {"id": "bad", "text": "A text.", "vectors": {"space_id": exported[0]["vectors"]["space_id"], "passages": [wrong]}}
        code, _, err = cognate("import", "-c", "ships", "-", db=third, stdin=json.dumps(row) + "\n")
        assert code == 2 and "1 failed" in err, (code, err, wrong)
    spoken = {"id": "spoken", "text": "A text.", "lang": "en", "vectors": {
        "space_id": exported[0]["vectors"]["space_id"], "passages": [dict(passage, end=7, lang="it")]}}
    code, _, err = cognate("import", "-c", "ships", "-", db=third, stdin=json.dumps(spoken) + "\n")
    assert code == 0 and "1 created" in err and " 0 tokens" in err, (code, err)
    code, out, err = cognate("search", "-c", "ships", "--json", "--passage-lang", "it", "text", db=third)
    assert code == 0 and [(h["id"], h["lang"], h["passage"]["lang"]) for h in map(json.loads, out.splitlines())] == [("spoken", "en", "it")], out
    code, out, err = cognate("export", "-c", "ships", "--vectors", db=third)
    assert [r for r in map(json.loads, out.splitlines()) if r.get("id") == "spoken"][0]["vectors"] == spoken["vectors"], out
    code, _, err = cognate("import", "-", db=third, stdin='{"id":"x",\n')
    assert code == 2 and "line 1" in err, (code, err)
    code, out, err = cognate("export", "-c", "none", db=third)
    assert code == 2 and "none" in err, (code, err)
    for db in (first, second, third):
        assert cognate("check", db=db)[0] == 0

    # Tables for the Embedding Projector: the same vectors, number by number, and what they are of.
    tables = os.path.join(folder, "projector")
    code, out, err = cognate("export", "--projector", tables, "-c", "ships", db=first)
    assert code == 0 and out == "" and "230 passages" in err, (code, out, err)
    with open(os.path.join(tables, "vectors.tsv")) as vectors, open(os.path.join(tables, "metadata.tsv"), encoding="utf-8") as metadata:
        assert metadata.readline() == "id\ttitle\tlang\ttext\tn\n"
        for row, vector, facts in zip(exported, vectors, metadata):
            bytes_of = b"".join(struct.pack("<f", float(x)) for x in vector.split("\t"))
            assert bytes_of == base64.b64decode(row["vectors"]["passages"][0]["vector"]), row["id"]
            assert facts == "\t".join([row["id"], row.get("title", ""), row["lang"], row["text"], str(row["metadata"]["n"])]) + "\n", facts
    code, out, err = cognate("export", "--projector", tables, "-c", "ships", db=first)
    assert code == 2 and "is there already" in err, (code, err)
    code, out, err = cognate("export", "--projector", tables, "-c", "ships", "-c", "boats", db=first)
    assert code == 2 and "one collection" in err, (code, err)
    # A tab or a line end within a value does not make a cell or a row.
    with Server() as server:
        server.call("POST", "/v1/collections/default/documents", {"id": "a", "text": "One\tline\nand another.", "title": "T\tU", "metadata": {"k": "v\nw"}})
        code, out, err = cognate("export", "--projector", tables + "2", db=server.db)
    assert code == 0 and "1 passages" in err, (code, err)
    with open(os.path.join(tables + "2", "metadata.tsv"), encoding="utf-8") as file:
        assert file.read() == "id\ttitle\tlang\ttext\tk\na\tT U\ten\tOne line and another.\tv w\n"
