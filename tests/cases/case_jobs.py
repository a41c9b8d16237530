"""Work in the background: documents taken in by a job, cut off by kill -9 and gone on with; compaction; cancelling; expiry."""
import datetime
import json
import signal
import time

from harness import Scratch, Server, cognate


def wait(server, job, until=("done",), seconds=300):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        status, answer = server.call("GET", "/v1/jobs/" + job)
        assert status == 200, answer
        if answer["state"] in until:
            return answer
        assert answer["state"] in ("queued", "running"), answer
        time.sleep(0.05)
    raise AssertionError(answer)


def lines(n, first=0):
    return "".join(json.dumps({"id": "%05d" % i, "text": "Ship number %d sails to harbour %d." % (i, i * 7), "lang": "en"}) + "\n" for i in range(first, first + n))


NDJSON = {"Content-Type": "application/x-ndjson"}
DOCUMENTS = "/v1/collections/default/documents"

with Scratch() as folder:
    db = folder + "/jobs.db"
    with Server(db=db) as server:
        status, headers, job = server.exchange("POST", DOCUMENTS + "?async=true", lines(3) + "not json\n" + lines(1, 3), NDJSON)
        assert status == 202 and job["kind"] == "ingest" and job["total"] == 5 and job["collection"] == "default", (status, job)
        ended = wait(server, job["id"])
        assert (ended["done"], ended["errors"]) == (5, 1) and "row 3" in ended["message"], ended
        status, answer = server.call("GET", DOCUMENTS)
        assert [d["id"] for d in answer["documents"]] == ["%05d" % i for i in range(4)], answer
        status, job = server.call("POST", DOCUMENTS + "?async=true&mode=create", [{"id": "00001", "text": "x"}, {"id": "new", "text": "y"}])
        ended = wait(server, job["id"])
        assert (ended["done"], ended["errors"]) == (2, 1) and "already" in ended["message"], ended

        status, job = server.call("POST", DOCUMENTS + "?async=true", lines(3000, 10), NDJSON)
        assert status == 202, job
        while server.call("GET", "/v1/jobs/" + job["id"])[1]["done"] == 0:
            time.sleep(0.02)
        server.stop(signal.SIGKILL)
    with Server(db=db) as server:  # goes on by itself
        status, before = server.call("GET", "/v1/jobs/" + job["id"])
        assert before["done"] > 0, before
        ended = wait(server, job["id"])
        assert ended["done"] == 3000 and ended["errors"] == 0, ended
        status, answer = server.call("GET", "/v1/collections/default")
        assert answer["documents"] == 3005, answer

        status, answer = server.call("POST", DOCUMENTS + "/delete", {"prefix": "00"})
        assert answer["deleted"] == 1000 - 6, answer
        code, out, err = cognate("compact", "--json", db=db)
        assert code == 0 and json.loads(out)["state"] == "done", (code, out, err)
        code, out, err = cognate("job", "list", "--format", "tsv", db=db)
        assert code == 0 and out.splitlines()[1].split("\t")[1:3] == ["compact", "done"] and len(out.splitlines()) == 5, out
        code, out, err = cognate("job", "show", "--json", "--wait", "1", db=db)
        assert code == 0 and json.loads(out)["state"] == "done", (code, out, err)
        code, out, err = cognate("job", "cancel", "1", db=db)
        assert code == 2 and "ended already" in err, (code, err)
        code, out, err = cognate("job", "show", "none", db=db)
        assert code == 2 and "no job none" in err, (code, err)

        status, job = server.call("POST", DOCUMENTS + "?async=true", lines(4000, 10000), NDJSON)
        status, cancelled = server.call("DELETE", "/v1/jobs/" + job["id"])
        assert status == 200 and cancelled["state"] == "cancelled", cancelled
        status, answer = server.call("DELETE", "/v1/jobs/" + job["id"])
        assert status == 409, answer

        soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)).isoformat()
        status, answer = server.call("POST", "/v1/collections/brief/documents", {"id": "brief", "text": "gone in a moment", "expires_at": soon})
        assert status == 200 and answer["created"] == 1, answer
        while server.call("GET", "/v1/collections/brief")[1]["documents"] > 0:  # the row itself goes
            time.sleep(0.1)
        assert server.call("GET", "/v1/collections/brief/documents/brief")[0] == 404
    code, out, err = cognate("compact", db=db)  # without a server
    assert code == 0 and "before" in err, (code, err)
    code, out, err = cognate("check", db=db)
    assert code == 0, err
