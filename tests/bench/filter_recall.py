"""Searches under filters that keep 20 % to 0.01 % of a collection, on real vectors: what is found of the exact answers.

    python3 tests/bench/filter_recall.py --folder /tmp/bench [--passages 199000] [--write]

Vectors and texts are those of index_peers.py. Every document has its language and four fields: `share`, a number by chance; `second`,
another; `topic`, which of 24 centres of the vectors it is nearest to; and `name`, which begins with its topic. Queries are descriptions
that are not in the collection; `its topic` and `another topic` are filters for the topic that a query is nearest to and for the
one that it is farthest from. The truth is a product in double precision over the documents that pass. Each filter is asked as the
program does it by default (all passages that pass, up to a million) and with clusters from 1,000 passages on, and each twice: with a
condition on an id that is not there, different each time, so that the filter is a new one; and as one that was asked before.
"""
import argparse
import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import time

import faiss
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cases"))
import report  # noqa: E402
from cluster_peers import prepare  # noqa: E402
from harness import PROGRAM, Server  # noqa: E402
from index_peers import K, MODEL, cognate, rows_of  # noqa: E402

QUERIES = 200
TOPICS = 24
CLUSTERS_FROM = 1000  # passages, in the second run


def lines(space, languages, texts, vectors, fields):
    """The collection as `cognate export --vectors` would write it."""
    for i, text in enumerate(texts):
        passage = {"start": 0, "end": len(text.encode()), "tokens": 1, "vector": base64.b64encode(vectors[i].astype("<f4").tobytes()).decode()}
        yield json.dumps({"id": f"d{i}", "lang": languages[i], "text": text, "metadata": {name: values[i] for name, values in fields.items()},
                          "vectors": {"space_id": space, "passages": [passage]}})


def store(options, languages, texts, vectors, fields):
    db = os.path.join(options.folder, f"filters-{len(texts)}.db")
    if not os.path.exists(db):
        cognate(options.cognate, "--db", db + ".new", "collection", "create", "filters")
        space = json.loads(cognate(options.cognate, "--db", db + ".new", "status", "--json"))["collections"][0]["space_id"]
        started = subprocess.Popen([options.cognate, "--model", MODEL, "--db", db + ".new", "--quiet", "import", "--collection", "filters", "-"],
                                   stdin=subprocess.PIPE, text=True)
        for line in lines(space, languages, texts, vectors, fields):
            started.stdin.write(line + "\n")
        started.stdin.close()
        assert started.wait() == 0
        cognate(options.cognate, "--db", db + ".new", "collection", "filterable", "filters", *fields)
        os.rename(db + ".new", db)
    return db


def filters(languages, fields, near, far):
    """(name, filter, which documents pass) for a query whose nearest topic is `near` and farthest `far`."""
    share, second, topic = (np.array(fields[name]) for name in ("share", "second", "topic"))
    languages = np.array(languages)

    def below(n):
        return {"field": "share", "lt": n}, share < n
    few = ["da", "ja", "uk"]
    return [
        ("20 %", *below(2000)),
        ("10 %", *below(1000)),
        ("4 %", *below(400)),
        ("1 %", *below(100)),
        ("0.01 %", *below(1)),
        ("10 %, and of two", {"and": [{"field": "share", "lt": 4000}, {"field": "second", "gte": 7500}]}, (share < 4000) & (second >= 7500)),
        ("1 %, and of two", {"and": [{"field": "share", "lt": 1000}, {"not": {"field": "second", "lt": 9000}}]}, (share < 1000) & (second >= 9000)),
        ("three languages", {"lang": {"in": few}}, np.isin(languages, few)),
        ("its topic", {"field": "topic", "eq": int(near)}, topic == near),
        ("another topic", {"field": "name", "prefix": f"t{far:02}-"}, topic == far),
    ]


def ask(connection, vector, condition):
    body = json.dumps({"vector": [float(x) for x in vector], "k": K, "filter": condition})
    start = time.perf_counter()
    connection.request("POST", "/v1/collections/filters/search", body, {"Content-Type": "application/json"})
    answer = json.loads(connection.getresponse().read())
    return answer, time.perf_counter() - start


def measure(options, languages, vectors, fields, queries, centres, arguments):
    by_name = {}
    nearness = queries @ centres.T
    products = (queries.astype(np.float64) @ vectors.T.astype(np.float64))
    with Server(*arguments, db=options.db) as server:
        connection = http.client.HTTPConnection(server.host, server.port)
        wait_for_clusters(connection, arguments)
        for number, query in enumerate(queries):
            for name, condition, passes in filters(languages, fields, np.argmax(nearness[number]), np.argmin(nearness[number])):
                _, first = ask(connection, query, {"and": [condition, {"not": {"id": {"eq": f"none {number}"}}}]})
                answer, seconds = ask(connection, query, condition)
                ids = [int(hit["id"][1:]) for hit in answer["hits"]]
                allowed = np.flatnonzero(passes)
                there = min(K, len(allowed))
                floor = np.partition(products[number, allowed], -there)[-there]
                assert passes[ids].all(), f"{name}: a hit that does not pass"
                row = by_name.setdefault(name, {"passes": [], "found": [], "missing": 0, "first": [], "again": [], "exact": []})
                row["passes"].append(len(allowed))
                row["found"].append(float(np.sum(products[number, ids] >= floor - 1e-6)) / there)
                row["missing"] += there - len(ids)
                row["first"].append(first)
                if answer["plan"]["filter"] == "kept":
                    row["again"].append(seconds)
                row["exact"].append(answer["plan"]["exact"])
    return by_name


def wait_for_clusters(connection, arguments):
    """A search that opens the collection, then until its clusters are made."""
    while arguments:
        body = json.dumps({"vector": [1.0] + [0.0] * 511, "k": 1})
        connection.request("POST", "/v1/collections/filters/search", body, {"Content-Type": "application/json"})
        if json.loads(connection.getresponse().read())["plan"]["kind"] == "ivf":
            return
        time.sleep(0.5)


def section(options, runs, load):
    rows = []
    for name in runs[0]:
        cells = [name, f"{100 * statistics.mean(runs[0][name]['passes']) / options.passages:.2f} %"]
        for run in runs:
            row = run[name]
            cells += [f"{statistics.mean(row['found']):.4f}", f"{min(row['found']):.1f}", row["missing"], f"{100 * statistics.mean(row['exact']):.0f} %",
                      *(f"{1000 * statistics.median(row[times]):.2f}" for times in ("first", "again"))]
        rows.append(cells)
    columns = ["found", "least", "missing", "exact", "p50, ms", "asked again"]
    return "\n\n".join([
        f"{report.today()}, {report.machine()}. Cognate {report.commit()}. Load average {load[0]:.1f} before the run and {load[1]:.1f} after it.",
        f"{options.passages:,} documents of one passage, with vectors of real text in {options.languages} languages; {QUERIES} queries, the ten nearest, over HTTP, one after "
        f"the other. First as the program does it by default, then with clusters from {CLUSTERS_FROM:,} passages on. Found is the share of the exact answers and "
        "least that of the worst query; missing are hits that are there and did not come; exact is the share of answers whose plan says that they are. Times are of a filter that was not asked before, and of one that was.",
        f"    python3 tests/bench/filter_recall.py --folder FOLDER --passages {options.passages} --write",
        report.table(["filter", "keeps"] + columns + [f"{name}, clusters" for name in columns], rows)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="where texts, vectors and the store are made and kept")
    parser.add_argument("--passages", type=int, default=199_000)
    parser.add_argument("--write", action="store_true", help="put the table into results.md")
    options = parser.parse_args()
    options.cognate = PROGRAM
    load = [os.getloadavg()[1]]
    rows, vectors, path = prepare(options)
    rows = rows[:len(vectors)]
    with open(path, "rb") as file:
        questions = b"".join(file.readlines()[:QUERIES])
    queries = rows_of(cognate(options.cognate, "embed", "--format", "npy", stdin=questions, text=False), path + ".some.npy")
    kmeans = faiss.Kmeans(vectors.shape[1], TOPICS, spherical=True, seed=5)
    kmeans.train(vectors)
    topics = np.argmax(vectors @ kmeans.centroids.T, axis=1)
    random = np.random.default_rng(11)
    fields = {"share": random.integers(0, 10000, len(vectors)).tolist(), "second": random.integers(0, 10000, len(vectors)).tolist(),
              "topic": topics.tolist(), "name": [f"t{topic:02}-{i}" for i, topic in enumerate(topics)]}
    languages = [language for language, _, _ in rows]
    options.languages = len(set(languages))
    options.db = store(options, languages, [beginning for _, beginning, _ in rows], vectors, fields)
    runs = [measure(options, languages, vectors, fields, queries, kmeans.centroids, arguments) for arguments in ((), ("--clusters-from", str(CLUSTERS_FROM)))]
    load.append(os.getloadavg()[1])
    text = section(options, runs, load)
    print(text)
    if options.write:
        report.write("Searching under filters", text)


if __name__ == "__main__":
    main()
