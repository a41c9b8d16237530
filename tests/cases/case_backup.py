"""Copies of a store in use, over HTTP and on the command line, and back again."""
import json
import os
import threading

from harness import Scratch, Server, cognate


def count(db):
    code, out, err = cognate("collection", "list", "--json", db=db)
    assert code == 0, (code, err)
    return json.loads(out)["documents"]


def put(server, first, n):
    rows = "".join(json.dumps({"id": "%05d" % i, "text": "Ship number %d." % i, "lang": "en"}) + "\n" for i in range(first, first + n))
    status, answer = server.call("POST", "/v1/collections/default/documents", rows, {"Content-Type": "application/x-ndjson"})
    assert status == 200 and answer["created"] == n, (status, answer)


with Scratch() as folder:
    backup, restored = os.path.join(folder, "b.db"), os.path.join(folder, "r.db")
    keys = os.path.join(folder, "keys.txt")
    made = {access: cognate("key", "create", "--access", access, keys)[1].strip() for access in ("write", "admin")}
    with Server("--keys", keys) as server:
        code, out, err = cognate("index", "-q", "--as", "lines", "-", db=server.db, stdin="One text.\n")
        assert code == 0, err
        writer = threading.Thread(target=lambda: cognate("index", "-q", "--as", "lines", "-", db=server.db, stdin="".join("Line %d.\n" % i for i in range(300))))
        writer.start()
        code, out, err = cognate("backup", backup, db=server.db)  # while it is written to
        assert code == 0 and backup in err, (code, err)
        writer.join()
        code, out, err = cognate("check", db=backup)
        assert code == 0, err
        code, out, err = cognate("backup", backup, db=server.db)
        assert code == 2 and "already" in err, (code, err)
        code, out, err = cognate("backup", "--json", "--replace", backup, db=server.db)
        assert code == 0 and json.loads(out) == {"store": server.db, "backup": backup}, (out, err)
        code, out, err = cognate("restore", "--replace", backup, db=server.db)
        assert code == 2 and "process" in err, (code, err)  # a server has it open

        assert server.call("POST", "/v1/admin/backup", headers={"Authorization": "Bearer " + made["write"]})[0] == 403
        connection = server.connect()
        connection.request("POST", "/v1/admin/backup", headers={"Authorization": "Bearer " + made["admin"]})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type") == "application/vnd.sqlite3", answer.status
        with open(os.path.join(folder, "http.db"), "wb") as file:
            file.write(answer.read())
        connection.close()
        assert not [name for name in os.listdir(os.path.dirname(server.db)) if "backup" in name or "part" in name]
        total = count(server.db)
    for source in (backup, os.path.join(folder, "http.db")):
        code, out, err = cognate("restore", "--json", "--replace", source, db=restored)
        assert code == 0 and json.loads(out)["documents"] == total, (code, out, err)
        assert count(restored) == total
    code, out, err = cognate("search", "--json", "-k", "1", "Line 200.", db=restored)
    assert code == 0 and json.loads(out)["passage"]["text"] == "Line 200.", (out, err)
    code, out, err = cognate("restore", backup, db=restored)
    assert code == 2 and "already" in err, (code, err)
    with open(backup, "r+b") as file:
        file.seek(os.path.getsize(backup) // 2)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    code, out, err = cognate("restore", "--replace", backup, db=restored)
    assert code == 2 and "damaged" in err, (code, err)
    assert count(restored) == total
    code, out, err = cognate("restore", os.path.join(folder, "none.db"), db=os.path.join(folder, "new.db"))
    assert code == 2 and "none.db" in err, (code, err)
