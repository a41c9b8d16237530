"""Documents and keys on the command line: list, get and delete, alone and through a running server, with the same answers."""
import json
import os
import stat

from harness import Scratch, Server, cognate

ROWS = [{"id": "a/%03d é" % i, "title": "Title %d" % i, "text": "Text number %d about ships." % i, "lang": "en"} for i in range(7)]


def check(db):
    body = "".join(json.dumps(row) + "\n" for row in ROWS)
    code, out, err = cognate("index", "-q", "-", db=db, stdin=body)
    assert code == 0 and out == "", (code, out, err)
    code, out, err = cognate("document", "list", "--json", db=db)
    assert code == 0 and [json.loads(line)["id"] for line in out.splitlines()] == [row["id"] for row in ROWS], (out, err)
    code, out, err = cognate("document", "list", "--json", "--text", "-k", "2", "--after", ROWS[3]["id"], db=db)
    assert [json.loads(line)["text"] for line in out.splitlines()] == [row["text"] for row in ROWS[4:6]], out
    code, out, err = cognate("document", "list", "--format", "tsv", "--after", "z", db=db)
    assert code == 1 and out == "id\tlang\tpassages\tupdated\ttitle\n", (code, out)
    code, out, err = cognate("document", "get", ROWS[2]["id"], db=db)
    assert code == 0 and out == ROWS[2]["text"] + "\n" and "Title 2" in err, (out, err)
    code, out, err = cognate("document", "get", "--json", ROWS[0]["id"], "missing", ROWS[1]["id"], db=db)
    assert code == 2 and "missing" in err, (code, err)
    assert [json.loads(line)["id"] for line in out.splitlines()] == [ROWS[0]["id"], ROWS[1]["id"]]
    code, out, err = cognate("document", "delete", "--json", ROWS[0]["id"], ROWS[1]["id"], "missing", db=db)
    assert code == 0 and json.loads(out) == {"deleted": 2}, (code, out, err)
    code, out, err = cognate("document", "delete", "--prefix", "a/00", "--dry-run", "--json", db=db)
    assert code == 0 and json.loads(out) == {"deleted": 5}, (code, out, err)
    code, out, err = cognate("document", "delete", "--prefix", "a/00", "--filter", '{"lang":{"eq":"de"}}', db=db)
    assert code == 1 and "0 documents deleted" in err, (code, out, err)
    code, out, err = cognate("document", "delete", "--filter", '{"id":', db=db)
    assert code == 2 and "column" in err, (code, err)
    code, out, err = cognate("document", "delete", db=db)
    assert code == 2 and "--prefix" in err, (code, err)
    code, out, err = cognate("document", "delete", "missing", db=db)
    assert code == 1 and out == "", (code, out, err)
    code, out, err = cognate("document", "delete", *[row["id"] for row in ROWS], db=db)
    assert code == 0 and "5 of 7" in err, (code, err)
    code, out, err = cognate("document", "list", db=db)
    assert code == 1 and out == "", (code, out)


with Scratch() as folder:
    check(os.path.join(folder, "alone.db"))

    keys = os.path.join(folder, "keys.txt")
    made = []
    for access in ("read", "write"):
        code, out, err = cognate("key", "create", "--access", access, "--name", access, keys)
        assert code == 0 and out.startswith("cog_"), (code, out, err)
        made.append(out.strip())
    assert stat.S_IMODE(os.stat(keys).st_mode) == 0o600
    with open(keys) as file:
        content = file.read()
    assert content.count("\n") == 2 and not any(key in content for key in made), "the file holds digests only"
    code, out, err = cognate("key", "create", "--expires", "tomorrow", keys)
    assert code == 2 and out == "" and "YYYY-MM-DD" in err, (code, out, err)

    with Server("--keys", keys) as server:
        check(server.db)  # the store's socket needs no key
        search = ("POST", "/v1/collections/default/search", {"query": "ships"})
        assert server.call(*search)[0] == 401
        status, answer = server.call(*search, headers={"Authorization": "Bearer " + made[0]})
        assert status == 404, (status, answer)  # allowed in; the collection is empty
        put = ("POST", "/v1/collections/default/documents", {"text": "x"})
        assert server.call(*put, headers={"Authorization": "Bearer " + made[0]})[0] == 403
        assert server.call(*put, headers={"Authorization": "Bearer " + made[1]})[0] in (200, 201)
