"""A collection with clusters through the whole program: made by the server beside its work, told apart in plans, figures and settings, left
aside where the answer must be exact, and without a trace in the store: a server that is killed while it makes them loses nothing."""
import base64
import json
import math
import random
import re
import signal
import struct
import time

from harness import Scratch, Server, cognate

WIDTH = 512
DOCUMENTS = 1500
FROM = 1000
PATH = "/v1/collections/default"
random.seed(5)


def unit(v):
    length = math.sqrt(sum(x * x for x in v))
    return [x / length for x in v]


topics = [[random.gauss(0, 1) for _ in range(WIDTH)] for _ in range(60)]


def vector(topic):
    return unit([x + random.gauss(0, 0.5) for x in topics[topic]])


def put(server, space, first, n):
    lines = ""
    for number in range(first, first + n):
        packed = base64.b64encode(struct.pack("<%df" % WIDTH, *vector(number % 60))).decode()
        passage = {"start": 0, "end": 4, "tokens": 1, "vector": packed}
        lines += json.dumps({"id": "d%d" % number, "lang": "en", "text": "text %d" % number, "metadata": {"topic": number % 60},
                             "vectors": {"space_id": space, "passages": [passage]}}) + "\n"
    status, answer = server.call("POST", PATH + "/documents", lines, {"Content-Type": "application/x-ndjson"})
    assert status == 200 and answer["created"] == n, answer


def search(server, **what):
    status, answer = server.call("POST", PATH + "/search", {"vector": query, "k": 10, **what})
    assert status == 200, answer
    return answer


def wait_for_clusters(server):
    search(server)  # brings the vectors into memory
    until = time.monotonic() + 120
    while time.monotonic() < until:
        about = server.call("GET", PATH)[1]
        if about["clusters"] > 0:
            return about
        time.sleep(0.1)
    raise AssertionError("no clusters after two minutes")


query = vector(7)
with Scratch() as folder:
    db = folder + "/s.db"
    with Server("--clusters-from", str(FROM), db=db) as server:
        assert server.call("PUT", PATH, {})[0] == 201
        space = server.call("GET", PATH)[1]["space_id"]
        put(server, space, 0, DOCUMENTS)
        about = server.call("GET", PATH)[1]
        if about["clusters"] == 0:
            assert about["clusters_made"] is None and about["unclustered"] == DOCUMENTS, about
        about = wait_for_clusters(server)
        assert about["unclustered"] == 0 and about["clusters_made"].endswith("Z"), about
        some, every = search(server), search(server, exact=True)
        assert some["plan"]["kind"] == "ivf" and some["plan"]["exact"] is False, some["plan"]
        assert 0 < some["plan"]["clusters"] < about["clusters"] and some["plan"]["candidates"] < DOCUMENTS, some["plan"]
        assert some["next_cursor"] is None and every["next_cursor"] is not None
        assert every["plan"]["kind"] == "scan" and every["plan"]["exact"] is True and "clusters" not in every["plan"], every["plan"]
        assert len(some["hits"]) == 10 and len({hit["id"] for hit in some["hits"]} & {hit["id"] for hit in every["hits"]}) >= 7, (some, every)
        next_page = search(server, cursor=every["next_cursor"])
        assert next_page["plan"]["exact"] is True and len(next_page["hits"]) == 10
        one_topic = search(server, filter={"field": "topic", "eq": 7})  # few pass: all of them are looked at
        assert one_topic["plan"]["kind"] == "scan" and one_topic["plan"]["candidates"] == DOCUMENTS // 60, one_topic["plan"]
        near = sorted(range(60), key=lambda topic: -sum(x * y for x, y in zip(query, unit(topics[topic]))))
        elsewhere = {"field": "topic", "in": near[-DOCUMENTS * 3 // 4 // (DOCUMENTS // 60):]}  # what a filter keeps may all be far from the query
        far = [[(hit["id"], hit["score"]) for hit in search(server, filter=elsewhere, exact=exact)["hits"]] for exact in (False, True)]
        assert len(far[0]) == 10 and far[0] == far[1], far
        like = search(server, vector=None, like=["d7"])
        assert like["plan"]["kind"] == "ivf" and len(like["hits"]) == 10 and "d7" not in [hit["id"] for hit in like["hits"]], like
        put(server, space, 1000 * 60, 1)  # of topic 0, and found at once
        assert server.call("GET", PATH)[1]["unclustered"] == 1
        assert "d60000" in [hit["id"] for hit in search(server, vector=None, like=["d60"], k=30)["hits"]]
        metrics = server.exchange("GET", "/metrics")[2]
        metrics = metrics.decode() if isinstance(metrics, bytes) else metrics
        assert re.search(r'cognate_searches_total\{plan="ivf",exact="false"\} [1-9]', metrics), metrics
        code, out, err = cognate("collection", "show", "default", db=db)
        assert code == 0 and re.search(r"^clusters +%d$" % about["clusters"], out, re.M) and "clusters_made" in out, out + err
        server.stop()
    for _ in range(3):  # killed while clusters are made, or just before or after
        server = Server("--clusters-from", str(FROM), db=db)
        search(server)
        time.sleep(random.random() / 5)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    code, out, err = cognate("check", db=db)
    assert code == 0, out + err
    with Server("--clusters-from", "0", db=db) as server:
        assert search(server)["plan"]["kind"] == "scan"
        assert [hit["id"] for hit in search(server)["hits"]] == [hit["id"] for hit in every["hits"]]
        server.stop()
