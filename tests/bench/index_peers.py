"""Cognate's search beside other exact indexes, on real vectors, one thread, in turns.

    python3 tests/bench/index_peers.py --folder /tmp/bench [--passages 100000] [--rounds 5] [--write]

Vectors are those that Cognate makes of the beginnings of Debian's package descriptions in all their languages (descriptions.py); they
are made once, in parts, and kept in the folder. Queries are descriptions that are not in the index, with the prompt of queries. The
truth is a product in double precision. Cognate's time is a search by vector from
`cognate bench search`: scan, rescoring from the
stored floats and reading ten hits with their texts from SQLite; the others give row numbers and distances. --write puts the tables
into results.md.
"""
import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import time

import faiss
import hnswlib
import numpy as np
import report
import sqlite_vec
import usearch
import usearch.index
from descriptions import descriptions

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
MODEL = os.path.join(SOURCE, "data", "cognate-e5-512.gguf")
K = 10
QUERIES = 128
SLOW = 16  # queries a round for an index that takes long
PART = 5000
GRAPH = {"M": 16, "ef_construction": 200}
EFFORTS = (40, 80, 160)


def cognate(program, *arguments, stdin=None, text=True):
    return subprocess.run([program, "--model", MODEL, *arguments], input=stdin, capture_output=True, text=text, check=True).stdout


def rows_of(data, path):
    with open(path, "wb") as file:
        file.write(data)
    return np.load(path)


def lines(texts):
    return "".join(text + "\n" for text in texts)


def embedded(program, folder, texts):
    """Vectors of the texts, a part at a time, from the folder where they are there already."""
    parts = []
    os.makedirs(os.path.join(folder, "emb"), exist_ok=True)
    for number, first in enumerate(range(0, len(texts), PART)):
        path = os.path.join(folder, "emb", f"part.{number:03}.npy")
        if not os.path.exists(path):
            some = lines(texts[first:first + PART]).encode()
            rows_of(cognate(program, "embed", "--format", "npy", "--input-type", "document", stdin=some, text=False), path + ".new")
            os.rename(path + ".new", path)
        parts.append(np.load(path)[:len(texts) - first])
    return np.concatenate(parts)


# ---- the others: a name, one query's neighbours, what it gives for building ----


def bytes_of(vectors):
    """Each vector over the whole range of a byte, which a cosine does not notice."""
    return np.rint(vectors * (127 / np.abs(vectors).max(axis=-1, keepdims=True))).astype(np.int8)


class SqliteVec:
    def __init__(self, vectors, kind):
        self.convert = bytes_of if kind == "int8" else np.asarray
        value = "vec_int8(?)" if kind == "int8" else "?"
        self.db = sqlite3.connect(":memory:")
        self.db.enable_load_extension(True)
        sqlite_vec.load(self.db)
        self.db.execute(f"CREATE VIRTUAL TABLE v USING vec0(x {kind}[{vectors.shape[1]}] distance_metric=cosine)")
        rows = enumerate(self.convert(vectors))
        self.db.executemany(f"INSERT INTO v (rowid, x) VALUES (?, {value})", ((number, row.tobytes()) for number, row in rows))
        self.find = f"SELECT rowid FROM v WHERE x MATCH {value} AND k = {K}"

    def search(self, query):
        return [row for row, in self.db.execute(self.find, (self.convert(query).tobytes(),))]


class Faiss:
    def __init__(self, vectors, index):
        self.index = index
        if not index.is_trained:
            index.train(vectors)
        index.add(vectors)

    def search(self, query):
        return self.index.search(query[None], K)[1][0]


class Usearch:
    def __init__(self, vectors):
        self.codes = bytes_of(vectors)

    def search(self, query):
        return usearch.index.search(self.codes, bytes_of(query), K, usearch.index.MetricKind.Cos, exact=True, threads=1).keys


class Hnsw:
    def __init__(self, vectors):
        self.index = hnswlib.Index("ip", vectors.shape[1])
        self.index.init_index(len(vectors), **GRAPH)
        start = time.perf_counter()
        self.index.add_items(vectors, num_threads=os.cpu_count())
        self.built = time.perf_counter() - start
        self.index.set_num_threads(1)

    def with_effort(self, effort):
        def search(query):
            self.index.set_ef(effort)
            return self.index.knn_query(query, K)[0][0]
        return search


def peers(vectors):
    width = vectors.shape[1]
    faiss.omp_set_num_threads(1)
    found = {
        "sqlite-vec float": SqliteVec(vectors, "float").search,
        "sqlite-vec int8": SqliteVec(vectors, "int8").search,
        "faiss flat f32": Faiss(vectors, faiss.IndexFlatIP(width)).search,
        "faiss SQ8": Faiss(vectors, faiss.IndexScalarQuantizer(width, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)).search,
        "usearch exact int8": Usearch(vectors).search,
    }
    graph = Hnsw(vectors)
    for effort in EFFORTS:
        found[f"hnswlib M=16, ef={effort}"] = graph.with_effort(effort)
    return found, graph.built


# ---- measuring ----


def truth(vectors, queries):
    """The K nearest rows of each query, by cosine in double precision."""
    nearest = []
    whole = vectors.astype(np.float64)
    whole /= np.linalg.norm(whole, axis=1, keepdims=True)
    for query in queries.astype(np.float64):
        scores = whole @ query
        best = np.argpartition(-scores, K)[:K]
        nearest.append(best[np.argsort(-scores[best])])
    return nearest


def recall(found, nearest):
    return statistics.mean(len(set(map(int, f)) & set(map(int, n))) / K for f, n in zip(found, nearest))


def p50(search, queries):
    times = []
    for query in queries:
        start = time.perf_counter()
        search(query)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def figures(answer):
    return {(row["figure"], row["of"]): row for row in json.loads(answer)["figures"]}


def bench_search(program, db, path):
    return figures(cognate(program, "--db", db, "bench", "search", "--json", "--threads", "1", "-k", str(K), "--seconds", "1", path))


def ingest(program, folder, texts, vectors):
    """With and without the keyword leg: figures and the store."""
    text_path, vector_path = os.path.join(folder, "texts.txt"), os.path.join(folder, "vectors.npy")
    with open(text_path, "w", encoding="utf-8") as file:
        file.write(lines(texts))
    np.save(vector_path, vectors)
    made = {}
    for name, options in (("keywords", []), ("no keywords", ["--no-keywords"])):
        db = os.path.join(folder, name.replace(" ", "-") + ".db")
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(db + end):
                os.remove(db + end)
        answer = cognate(program, "bench", "ingest", "--json", *options, "--vectors", vector_path, "--store", db, text_path)
        made[name] = (db, figures(answer), json.loads(answer)["about"]["text_bytes"])
    return made


def own_hits(program, db, path, texts):
    """Row numbers of the hits of each query text."""
    hits = {text: [] for text in texts}
    for line in cognate(program, "--db", db, "search", "--json", "-k", str(K), "--queries", path).splitlines():
        hit = json.loads(line)
        hits[hit["query"]].append(int(hit["id"].removeprefix("text-")))
    return [hits[text] for text in texts]


def measure(options):
    rows = descriptions(options.folder, options.passages + QUERIES)
    beginnings = [beginning for _, beginning, _ in rows]
    vectors = embedded(options.cognate, options.folder, beginnings)
    asked, vectors, n = beginnings[-QUERIES:], vectors[:-QUERIES], len(rows) - QUERIES
    queries = rows_of(cognate(options.cognate, "embed", "--format", "npy", stdin=lines(asked).encode(), text=False),
                      os.path.join(options.folder, "queries.npy"))
    path = os.path.join(options.folder, "queries.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(lines(asked))
    stores = ingest(options.cognate, options.folder, [text for _, _, text in rows[:n]], vectors)
    db, nearest = stores["keywords"][0], truth(vectors, queries)
    searches, built = peers(vectors)
    recalls = {name: recall([search(query) for query in queries], nearest) for name, search in searches.items()}
    recalls["Cognate"] = recall(own_hits(options.cognate, db, path, asked), nearest)
    times, own = {name: [] for name in ["Cognate", *searches]}, []
    for number in range(options.rounds):
        own.append(bench_search(options.cognate, db, path))
        times["Cognate"].append(own[-1]["search by vector", "p50"]["value"])
        for name, search in searches.items():
            times[name].append(p50(search, queries[:SLOW] if name.startswith("sqlite") else queries))
        print({name: round(values[-1], 3) for name, values in times.items()}, file=sys.stderr, flush=True)
    return {"passages": n, "times": times, "recalls": recalls, "stores": stores, "own": own, "built": built,
            "languages": len({language for language, _, _ in rows})}


# ---- the report ----


def section(options, result, load):
    times, own = result["times"], result["own"]
    best = {name: min(values) for name, values in times.items()}
    rows = [[name, f"{best[name]:.2f} ({statistics.median(values):.2f})", f"{result['recalls'][name]:.3f}",
             "" if name == "Cognate" else f"{best[name] / best['Cognate']:.1f}"] for name, values in times.items()]
    scan = min((o["scan", None] for o in own), key=lambda row: row["value"])
    parts = [
        f"{report.today()}, {report.machine()}. Cognate {report.commit()}, sqlite-vec {sqlite_vec.__version__}, faiss {faiss.__version__}, "
        f"usearch {usearch.__version__}, hnswlib 0.8. Load average {load[0]:.1f} before the run and {load[1]:.1f} after it.",
        f"{result['passages']:,} vectors of 512 numbers, of package descriptions in {result['languages']} languages; {QUERIES} queries, the ten nearest, one "
        f"thread; p50 in milliseconds, best of {options.rounds} rounds (median).",
        f"    python3 tests/bench/index_peers.py --folder FOLDER --passages {result['passages']} --rounds {options.rounds} --write",
        report.table(["index", "p50, ms", "recall@10", "times Cognate's"], rows),
        f"The inner loop of the scan: {scan['value']:.1f} ns a passage, {100 * max(o['scan', None]['share'] for o in own):.0f} % of the read bandwidth of the "
        f"same run. A search by text, encoding included: {min(o['search by text', 'p50']['value'] for o in own):.2f} ms. Loading the vectors from the store: "
        f"{max(o['load', None]['value'] for o in own):.2f} GB/s of floats, {min(o['memory', None]['value'] for o in own):.0f} bytes of memory a passage. hnswlib was "
        f"built in {result['built']:.0f} s on {os.cpu_count()} threads.",
        report.table(["ingest of ready vectors", "passages/s: all", "best batch (median)", "bytes of file a passage", "bytes of text"], [
            [name, f"{f['ingest', 'all']['value']:,.0f}", f"{f['ingest', 'best batch']['value']:,.0f} ({f['ingest', 'best batch']['median']:,.0f})",
             f"{f['file', None]['value']:,.0f}", f"{text_bytes:.0f}"] for name, (_, f, text_bytes) in result["stores"].items()]),
    ]
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cognate", default=os.path.join(SOURCE, "build", "cognate"), help="the built program")
    parser.add_argument("--folder", required=True, help="where texts, vectors and stores are made and kept")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the tables into results.md")
    options = parser.parse_args()
    load = [os.getloadavg()[1]]
    result = measure(options)
    load.append(os.getloadavg()[1])
    text = section(options, result, load)
    print(text)
    if options.write:
        report.write("Searching", text)


if __name__ == "__main__":
    main()
