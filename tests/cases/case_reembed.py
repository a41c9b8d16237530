"""From one model to another and back, while a server answers searches and takes documents in."""
import json
import os
import threading
import time

from cut_model import cut_model
from harness import Scratch, Server, cognate

TEXTS = ["The ferry to the island leaves at nine.", "Der Bäcker öffnet um sieben.", "Los gatos duermen al sol.", "今日は雨です。",
         "La bibliothèque est fermée le lundi.", "A bicycle needs air in its tyres.", "Il treno per Roma è in ritardo."]


def wait(server, job, state="done"):
    while True:
        status, answer = server.call("GET", "/v1/jobs/" + job["id"])
        assert status == 200, answer
        if answer["state"] not in ("queued", "running"):
            assert answer["state"] == state, answer
            return answer
        time.sleep(0.05)


def space(server):
    return server.call("GET", "/v1/collections/default")[1]


def vector_of(server, document):
    """The first vector a document has in the collection's space, as the export gives it."""
    status, text = server.call("GET", "/v1/collections/default/export?vectors=true")
    rows = [json.loads(line) for line in text.splitlines()]
    return next(row["vectors"]["passages"][0]["vector"] for row in rows if row["id"] == document)


with Scratch() as folder:
    second = folder + "/cut.gguf"
    cut_model(second)
    os.environ["XDG_DATA_HOME"] = folder
    code, out, err = cognate("model", "add", second)
    assert code == 0 and "cut@1" in err, (code, err)
    with Server() as server:
        rows = [{"id": "%03d" % i, "text": "%s (%d)" % (TEXTS[i % 7], i), "title": "Note %d" % i if i % 5 == 0 else ""} for i in range(60)]
        rows = [{k: v for k, v in row.items() if v} for row in rows]
        status, answer = server.call("POST", "/v1/collections/default/documents", rows)
        assert status == 200 and answer["created"] == 60, answer
        first, before = space(server), vector_of(server, "001")

        status, answer = server.call("POST", "/v1/admin/reembed", {"collection": "default", "model": "cut", "dry_run": True})
        assert status == 200 and answer["passages"] == first["passages"] and answer["tokens"] > 400 and answer["seconds"] > 0, answer
        for body, field in (({"collection": "default", "model": "none"}, "model"), ({"collection": "default"}, "model"), ({"collection": "none", "model": "cut"}, "collection")):
            status, answer = server.call("POST", "/v1/admin/reembed", body)
            assert status in (400, 404) and answer["field"] == field, answer
        status, answer = server.call("POST", "/v1/admin/reembed", {"collection": "default", "rollback": True})
        assert status == 404 and "one model only" in answer["detail"], answer

        status, job = server.call("POST", "/v1/admin/reembed", {"collection": "default", "model": "cut", "min_overlap": 1})
        ended = wait(server, job, "failed")
        assert "in common" in ended["message"] and space(server)["space_id"] == first["space_id"], ended

        stop, problems, searches = threading.Event(), [], [0]

        def search():
            while not stop.is_set():
                status, answer = server.call("POST", "/v1/collections/default/search", {"query": "when does the ferry leave?", "k": 3})
                searches[0] += 1
                if status != 200 or len(answer["hits"]) != 3:
                    problems.append((status, answer))

        searching = threading.Thread(target=search)
        searching.start()
        status, job = server.call("POST", "/v1/admin/reembed", {"collection": "default", "model": "cut"})
        assert status == 202 and job["kind"] == "reembed", job
        status, answer = server.call("POST", "/v1/collections/default/documents", [{"id": "late", "text": "Written while the model changes."}])
        assert status == 200 and answer["created"] == 1, answer
        ended = wait(server, job)
        assert "overlap@10" in ended["message"], ended
        changed = space(server)
        assert changed["model"] == "cut@1" and changed["space_id"] != first["space_id"] and changed["documents"] == 61, changed
        assert vector_of(server, "001") != before
        status, answer = server.call("POST", "/v1/collections/default/documents", [{"id": "later", "text": "Written after the model has changed."}])
        assert status == 200, answer
        status, answer = server.call("POST", "/v1/collections/default/search", {"query": "Written after the model has changed.", "k": 1})
        assert answer["hits"][0]["id"] == "later", answer
        code, out, err = cognate("check", db=server.db)
        assert code == 0, err

        code, out, err = cognate("collection", "reembed", "default", "--rollback", db=server.db)  # through the server
        assert code == 0 and "cognate-e5-512" in err, (code, out, err)
        back = space(server)
        assert back["space_id"] == first["space_id"] and back["documents"] == 62, back
        assert vector_of(server, "001") == before, "the same vectors as before"
        assert vector_of(server, "later") is not None
        stop.set()
        searching.join()
        assert not problems and searches[0] > 3, (problems[:2], searches)

        status, job = server.call("POST", "/v1/admin/reembed", {"collection": "default", "rollback": True, "grace_s": 0})
        wait(server, job)
        end = time.monotonic() + 60
        while server.call("POST", "/v1/admin/reembed", {"collection": "default", "rollback": True, "dry_run": True})[0] != 404:
            assert time.monotonic() < end  # the old vectors go when their time is over
            time.sleep(0.2)
        db = server.db
        code, out, err = cognate("check", db=db)
        assert code == 0, err
        server.stop()
        code, out, err = cognate("search", "--json", "-k", "1", "Written after the model has changed.", db=db)
        assert code == 0 and json.loads(out)["id"] == "later", (code, out, err)
        os.environ["XDG_DATA_HOME"] = folder + "/elsewhere"
        code, out, err = cognate("search", "ferry", db=db)
        assert code == 2 and "cut@1, which is not installed here" in err, (code, err)
