"""A server that is killed (SIGKILL) again and again under a mixed load: what it acknowledged is there, with its vectors; what it did not
is there whole or not at all; jobs go on, with at most one batch done twice.

12 kills, or 200 with COGNATE_LONG=1; COGNATE_KILLS and COGNATE_SEED choose others. Each kill comes after a drawn number of requests,
whatever is going on: puts and deletes, a bulk job, compaction, a change of the model.
"""
import base64
import http.client
import json
import os
import random
import signal
import struct
import threading
import time

from cut_model import cut_model
from harness import Scratch, Server, cognate

KILLS = int(os.environ.get("COGNATE_KILLS") or (200 if os.environ.get("COGNATE_LONG") else 12))
SEED = int(os.environ.get("COGNATE_SEED") or 1)
IDS = 60          # documents that are written and deleted over and over
JOB_ROWS = 600    # of a bulk job
JOB_BATCH = 256   # rows in a transaction of it
PATH = "/v1/collections/default/documents"
SEARCH = "/v1/collections/default/search"
chance = random.Random(SEED)


def text_of(name, version):
    return "Logbook %s, entry %d: wind from %s, sea calm, %d sails in sight." % (name, version, ["north", "south", "east", "west"][version % 4], version)


class Client:
    """Sends requests one after the other and keeps what was acknowledged; `pending` is what a request under way may have done."""

    def __init__(self):
        self.known = {}    # id → version, None when deleted
        self.pending = []  # [(id, version)] of one transaction
        self.version = 0
        self.jobs = []     # bulk jobs whose rows are there to stay
        self.started = 0
        self.ahead = 0     # rows that a job had done and did not know of, at most

    def request(self, server, method, path, body=None):
        try:
            return server.call(method, path, body)
        except (OSError, ValueError, http.client.HTTPException):
            return None, None  # it died on the way

    def change(self, server, changes, method, path, body):
        self.pending = changes
        status, answer = self.request(server, method, path, body)
        if status is None:
            return False
        assert status == 200, (status, answer)
        self.known.update(changes)
        self.pending = []
        return True

    def step(self, server, kind=None):
        kind = kind or chance.choice(["put", "put", "put", "delete", "search", "job", "compact", "reembed"])
        if kind == "put":
            self.version += 1
            names = chance.sample(range(IDS), chance.choice([1, 5, 20]))
            rows = [{"id": "d%03d" % i, "lang": "en", "text": text_of("d%03d" % i, self.version)} for i in names]
            return self.change(server, [(r["id"], self.version) for r in rows], "POST", PATH, rows)
        if kind == "delete":
            names = ["d%03d" % i for i in chance.sample(range(IDS), 5)]
            return self.change(server, [(name, None) for name in names], "POST", PATH + "/delete", {"ids": names})
        if kind == "search":
            status, answer = self.request(server, "POST", SEARCH, {"query": "calm sea", "k": 5, "mode": chance.choice(["semantic", "hybrid"])})
            return status == 200
        if kind == "job" and len(self.jobs) > 1:
            prefix = self.jobs.pop(0)["prefix"]
            status, answer = self.request(server, "POST", PATH + "/delete", {"prefix": prefix})
            return status == 200
        if kind == "job":
            self.started += 1
            prefix = "j%d-" % self.started
            self.jobs.append({"prefix": prefix, "id": None})
            rows = [{"id": "%s%03d" % (prefix, i), "lang": "en", "text": text_of(prefix, i)} for i in range(JOB_ROWS)]
            status, answer = self.request(server, "POST", PATH + "?async=true", rows)
            assert status in (None, 202), (status, answer)
            self.jobs[-1]["id"] = answer and answer["id"]
            return status is not None
        if kind == "compact":
            status, answer = self.request(server, "POST", "/v1/admin/compact")
            assert status in (None, 202), (status, answer)
            return status is not None
        status, answer = self.request(server, "GET", "/v1/collections/default")
        if status is None:
            return False
        body = {"collection": "default", "model": "cut" if answer["model"] != "cut" else "cut-3", "grace_s": 0}
        status, answer = self.request(server, "POST", "/v1/admin/reembed", body)
        assert status in (None, 202, 409), (status, answer)  # 409: one is under way
        return status is not None


def rows_of(db):
    code, out, err = cognate("export", db=db)
    assert code == 0, err
    return {row["id"]: row for row in map(json.loads, out.splitlines()) if "id" in row}


def verify_store(db, client, where):
    """What the file holds, with nobody at work."""
    code, out, err = cognate("check", db=db)
    assert code == 0, (where, err)
    rows = rows_of(db)
    for change in [[], client.pending]:
        wanted = {**{name: None for name, _ in client.pending}, **client.known, **dict(change)}
        wrong = [name for name, version in wanted.items()
                 if (version is None) != (name not in rows) or (version is not None and rows[name]["text"] != text_of(name, version))]
        if not wrong:
            client.known = wanted
            break
    else:
        raise AssertionError((where, "acknowledged and not there, or there and deleted, or half of a batch", wrong[:5], client.pending[:2]))
    client.pending = []
    unknown = [name for name in rows if name.startswith("d") and client.known.get(name) is None]
    assert not unknown, (where, unknown)

    code, out, err = cognate("job", "list", "--json", db=db)
    assert code in (0, 1), err
    jobs = {job["id"]: job for job in map(json.loads, out.splitlines())}
    for mine in client.jobs:
        written = sum(name.startswith(mine["prefix"]) for name in rows)
        if mine["id"] is None:  # not acknowledged: all of it was queued, or nothing
            continue
        job = jobs.get(mine["id"])
        assert job is not None, (where, "an acknowledged job is gone", mine)
        ahead = written - job["done"]
        assert 0 <= ahead <= JOB_BATCH, (where, "a batch is done more than twice", written, job)
        client.ahead = max(client.ahead, ahead)
        assert job["state"] != "done" or written == JOB_ROWS, (where, job, written)
    return rows


def verify_search(server, rows, where):
    """Some documents are found by the vector they are stored with, and by their words."""
    status, exported = server.call("GET", "/v1/collections/default/export?vectors=true")
    assert status == 200, where
    there = [row for row in map(json.loads, exported.splitlines()) if row.get("id", "").startswith("d")]
    assert sorted(row["id"] for row in there) == sorted(name for name in rows if name.startswith("d")), where
    for row in chance.sample(there, min(5, len(there))):
        packed = base64.b64decode(row["vectors"]["passages"][0]["vector"])
        vector = struct.unpack("<%df" % (len(packed) // 4), packed)
        status, answer = server.call("POST", SEARCH, {"vector": vector, "k": 1})
        assert status == 200 and answer["hits"][0]["cosine"] > 0.999999 and answer["hits"][0]["passage"]["text"] == row["text"], (where, row["id"], answer)
        status, answer = server.call("POST", SEARCH, {"query": row["text"], "mode": "keyword", "k": 3, "filter": {"id": {"eq": row["id"]}}})
        assert status == 200 and [hit["id"] for hit in answer["hits"]] == [row["id"]], (where, row["id"], answer)


with Scratch() as folder:
    db, models = folder + "/kill.db", [folder + "/cut.gguf", folder + "/cut-3.gguf"]
    cut_model(models[0])
    cut_model(models[1], layers=3, name=b"cut-3")
    os.environ["XDG_DATA_HOME"] = folder
    for model in models:
        code, out, err = cognate("model", "add", model)
        assert code == 0, err
    arguments = ["--model", "cut"]
    client = Client()
    met = {}
    for kill in range(KILLS):
        where = "kill %d of seed %d" % (kill, SEED)
        server = Server(*arguments, db=db)
        try:
            assert client.step(server, "put"), where
            if kill % 4 == 3:  # while the model changes
                while any(job["state"] in ("queued", "running") for job in server.call("GET", "/v1/jobs")[1]["jobs"]):
                    time.sleep(0.05)
                assert client.step(server, "reembed"), where
            else:
                for _ in range(chance.randrange(1, 12)):
                    assert client.step(server), where
            # The kill comes while a request is under way.
            timer = threading.Timer(chance.random() * (0.05 if kill % 4 == 3 else 0.2), lambda: server.process.send_signal(signal.SIGKILL))
            timer.start()
            while client.step(server):
                pass
            timer.join()
        finally:
            server.stop(signal.SIGKILL)
        code, out, err = cognate("job", "list", "--json", db=db)
        for job in map(json.loads, out.splitlines()):
            if job["state"] == "running":
                met[job["kind"]] = met.get(job["kind"], 0) + 1
        rows = verify_store(db, client, where)
        if kill % 4 == 0 or kill == KILLS - 1:
            with Server(*arguments, db=db) as server:
                verify_search(server, rows, where)
    # The rest of the jobs is done without being asked for.
    with Server(*arguments, db=db) as server:
        end = time.monotonic() + 600
        while any(job["state"] in ("queued", "running") for job in server.call("GET", "/v1/jobs")[1]["jobs"]):
            assert time.monotonic() < end
            time.sleep(0.1)
        verify_search(server, rows_of(db), "the end")
    rows = verify_store(db, client, "the end")
    for mine in client.jobs:
        assert mine["id"] is None or sum(name.startswith(mine["prefix"]) for name in rows) == JOB_ROWS, mine
    print("%d kills, seed %d: %d documents and %d jobs acknowledged, at most %d rows done twice; jobs under way at a kill: %s" % (
        KILLS, SEED, len(client.known), client.started, client.ahead, met))
