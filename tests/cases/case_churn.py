"""Documents that come and go (insert : delete : search as 4 : 4 : 1) leave the store as good as a new one, once it is compacted.

A few thousand operations; 200,000 with COGNATE_LONG=1. Vectors are those of the sample texts, and mixtures of two of them, or, where
COGNATE_TEXTS and COGNATE_VECTORS name a file of lines and their vectors (.npy, float32), those; what is found is compared with a plain scan
over all survivors and with a fresh build, whose size (and in the long run memory) the compacted store keeps within a tenth. Latency of the
two is printed.
"""
import base64
import json
import os
import random
import statistics
import struct
import time

from harness import SOURCE, Scratch, Server

LONG = os.environ.get("COGNATE_LONG")
OPERATIONS = 200000 if LONG else 3600
POPULATION = 10000 if LONG else 900
BATCH, WIDTH = 40, 512
PATH = "/v1/collections/default/documents"
random.seed(7)


def unit(v):
    length = sum(x * x for x in v) ** 0.5
    return [x / length for x in v]


def given_vectors():
    """Lines of a file and, beside each, its vector as the model made it."""
    with open(os.environ["COGNATE_TEXTS"], encoding="utf-8") as file:
        texts = [line.rstrip("\n") for line in file]
    with open(os.environ["COGNATE_VECTORS"], "rb") as file:
        data = file.read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    assert data[:8] == b"\x93NUMPY\x01\x00" and b"'<f4'" in data[:start] and len(data) - start == len(texts) * 4 * WIDTH
    return texts, data[start:]


def base_vectors(server):
    texts = [json.loads(line)["text"] for name in ("corpus.jsonl", "queries.jsonl") for line in open(os.path.join(SOURCE, "data/samples", name), encoding="utf-8")]
    vectors = []
    for i in range(0, len(texts), 32):
        status, answer = server.call("POST", "/v1/embed", {"input": texts[i:i + 32], "input_type": "document"})
        assert status == 200, answer
        vectors += [row["embedding"] for row in answer["data"]]
    return texts, vectors


class Documents:
    def __init__(self, server):
        self.given = given_vectors() if "COGNATE_VECTORS" in os.environ else None
        self.texts, self.base = base_vectors(server)
        self.made = 0

    def take(self):
        """A line of those given and its vector; the last tenth of them is for queries."""
        texts, vectors = self.given
        at = self.made % (len(texts) * 9 // 10)
        self.made += 1
        return texts[at], vectors[at * 4 * WIDTH:(at + 1) * 4 * WIDTH]

    def next(self):
        if self.given:
            text, packed = self.take()
            return {"id": "d%07d" % self.made, "lang": "en", "text": "%s %d" % (text, self.made), "packed": packed}
        a, b = random.sample(self.base, 2)
        v = unit([0.8 * x + 0.3 * y for x, y in zip(a, b)])
        packed = struct.pack("<%df" % WIDTH, *v)
        self.made += 1
        text = "%s %d" % (random.choice(self.texts)[:300], self.made)
        return {"id": "d%07d" % self.made, "lang": "en", "text": text, "packed": packed}

    def query(self):
        if self.given:
            texts, vectors = self.given
            at = random.randrange(len(texts) * 9 // 10, len(texts))
            return struct.unpack("<%df" % WIDTH, vectors[at * 4 * WIDTH:(at + 1) * 4 * WIDTH])
        a, b = random.sample(self.base, 2)
        return unit([0.6 * x + 0.5 * y for x, y in zip(a, b)])


def put(server, space, rows):
    lines = "".join(json.dumps({"id": r["id"], "lang": r["lang"], "text": r["text"],
                                "vectors": {"space_id": space, "passages": [{"start": 0, "end": len(r["text"].encode()), "tokens": 9, "vector": base64.b64encode(r["packed"]).decode()}]}}) + "\n"
                    for r in rows)
    status, answer = server.call("POST", PATH, lines, {"Content-Type": "application/x-ndjson"})
    assert status == 200 and answer["created"] == len(rows), answer


def search(connection, vector, k=10):
    start = time.perf_counter()
    connection.request("POST", "/v1/collections/default/search", json.dumps({"vector": vector, "k": k}), {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    return [hit["id"] for hit in answer["hits"]], time.perf_counter() - start


def compact(server):
    status, job = server.call("POST", "/v1/admin/compact")
    while job["state"] in ("queued", "running"):
        time.sleep(0.05)
        status, job = server.call("GET", "/v1/jobs/" + job["id"])
    assert job["state"] == "done", job


def memory(server):
    with open("/proc/%d/status" % server.process.pid, encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def size(server):
    return sum(os.path.getsize(server.db + end) for end in ("", "-wal") if os.path.exists(server.db + end))


with Scratch() as folder:
    churned, fresh = Server(db=folder + "/churned.db"), Server(db=folder + "/fresh.db")
    try:
        documents, alive, done = Documents(churned), {}, 0
        base_vectors(fresh)  # so that both have embedded as much
        for server in (churned, fresh):
            assert server.call("PUT", "/v1/collections/default", {})[0] == 201
        space = churned.call("GET", "/v1/collections/default")[1]["space_id"]

        def insert(n):
            rows = [documents.next() for _ in range(n)]
            put(churned, space, rows)
            alive.update((r["id"], r) for r in rows)

        for _ in range(POPULATION // 100):
            insert(100)
        connection = churned.connect()
        while done < OPERATIONS:
            insert(BATCH)
            gone = random.sample(sorted(alive), BATCH)
            status, answer = churned.call("POST", PATH + "/delete", {"ids": gone})
            assert status == 200 and answer["deleted"] == BATCH, answer
            for each in gone:
                del alive[each]
            for _ in range(BATCH // 4):
                hits, _ = search(connection, documents.query())
                assert len(hits) == 10 and all(hit in alive for hit in hits), hits  # nothing that is gone
            done += 2 * BATCH + BATCH // 4
        grown = size(churned)
        compact(churned)

        rows = list(alive.values())
        for i in range(0, len(rows), 100):
            put(fresh, space, rows[i:i + 100])
        compact(fresh)

        vectors = [(r["id"], struct.unpack("<%df" % WIDTH, r["packed"])) for r in rows]
        other, times = fresh.connect(), {"churned": [], "fresh": []}
        for i in range(200 if LONG else 8):
            query = documents.query()
            hits, a = search(connection, query)
            same, b = search(other, query)
            times["churned"].append(a)
            times["fresh"].append(b)
            assert hits == same, (hits, same)
            if i < 5:
                truth = sorted(vectors, key=lambda row: (-sum(x * y for x, y in zip(query, row[1])) / sum(y * y for y in row[1]) ** 0.5, row[0]))[:10]
                assert hits == [row[0] for row in truth], "recall"
        facts = {"bytes": (size(churned), size(fresh)), "MiB": (memory(churned), memory(fresh)),
                 "ms": tuple(1000 * statistics.median(times[name]) for name in ("churned", "fresh"))}
        print("%d operations on %d documents; before compaction %d bytes" % (done, len(rows), grown))
        for name, (a, b) in facts.items():
            print("%6s  churned %.3f  fresh %.3f  ratio %.3f" % (name, a, b, a / b))
        assert facts["bytes"][0] <= 1.10 * facts["bytes"][1], facts
        assert not LONG or facts["MiB"][0] <= 1.10 * facts["MiB"][1], facts
        for server in (churned, fresh):
            assert server.call("GET", "/v1/collections/default")[1]["documents"] == len(rows)
    finally:
        churned.stop()
        fresh.stop()
