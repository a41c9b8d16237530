"""Cognate's search by clusters beside other approximate indexes, on real vectors, one thread.

    python3 tests/bench/cluster_peers.py --folder /tmp/bench [--passages 199000] [--rounds 3] [--write]
    python3 tests/bench/cluster_peers.py --folder /tmp/bench --large 2000000 [--write]

Vectors and queries are those of index_peers.py, with 500 queries. The indexes of the others are built once, on all cores, and kept in the
folder with the time that took. Cognate's figures are those of `cognate bench search`, which makes clusters on one thread. Share of the
exact answers: by cosine, so that equal vectors do not matter. --large measures Cognate alone, exact search beside clusters, on the same
vectors and copies of them with noise of 0.35 of their length.
"""
import argparse
import json
import os
import statistics
import sys
import time

import faiss
import hnswlib
import numpy as np
import report
import usearch
import usearch.index
from descriptions import descriptions
from index_peers import K, SOURCE, bytes_of, cognate, embedded, figures, lines, p50, rows_of

QUERIES = 500
AT_ONCE = 50  # queries of a product
CLUSTERS_FROM = 100_000
NOISE = 0.35


# ---- the others: built, kept, and asked with more and more effort ----


def kept(folder, name, build, save, load):
    """(index, seconds that building took)"""
    path = os.path.join(folder, "built", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not os.path.exists(path + ".json"):
        start = time.perf_counter()
        index = build()
        seconds = time.perf_counter() - start
        save(index, path)
        with open(path + ".json", "w") as file:
            json.dump(seconds, file)
    with open(path + ".json") as file:
        return load(path), json.load(file)


class Hnswlib:
    name, unit, efforts = "hnswlib M=16", "ef", (40, 80, 120, 160, 240)

    def __init__(self, folder, vectors):
        def build():
            index = hnswlib.Index("ip", vectors.shape[1])
            index.init_index(len(vectors), M=16, ef_construction=200)
            index.add_items(vectors, num_threads=os.cpu_count())
            return index

        def load(path):
            index = hnswlib.Index("ip", vectors.shape[1])
            index.load_index(path)
            return index
        self.index, self.built = kept(folder, "hnswlib", build, lambda index, path: index.save_index(path), load)
        self.index.set_num_threads(1)
        self.bytes = self.index.index_file_size() / len(vectors)

    def prepare(self, effort):
        self.index.set_ef(effort)

    def search(self, query):
        return self.index.knn_query(query, K)[0][0]


class Usearch:
    name, unit, efforts = "usearch int8 M=16", "expansion", (64, 128, 256, 512)

    def __init__(self, folder, vectors):
        def make():
            return usearch.index.Index(ndim=vectors.shape[1], metric="cos", dtype="i8", connectivity=16, expansion_add=200)

        def build():
            index = make()
            index.add(np.arange(len(vectors)), bytes_of(vectors), threads=os.cpu_count())
            return index

        def load(path):
            index = make()
            index.load(path)
            return index
        self.index, self.built = kept(folder, "usearch", build, lambda index, path: index.save(path), load)
        self.bytes = self.index.memory_usage / len(vectors)

    def prepare(self, effort):
        self.index.expansion_search = effort

    def search(self, query):
        return self.index.search(bytes_of(query), K, threads=1).keys


class FaissIvf:
    name, unit, efforts = "faiss IVF2048, SQ8", "probes", (16, 32, 64, 128, 256)

    def __init__(self, folder, vectors):
        def build():
            faiss.omp_set_num_threads(os.cpu_count())
            index = faiss.index_factory(vectors.shape[1], "IVF2048,SQ8", faiss.METRIC_INNER_PRODUCT)
            index.train(vectors)
            index.add(vectors)
            return index
        self.index, self.built = kept(folder, "faiss", build, faiss.write_index, faiss.read_index)
        faiss.omp_set_num_threads(1)
        self.bytes = os.path.getsize(os.path.join(folder, "built", "faiss")) / len(vectors)

    def prepare(self, effort):
        self.index.nprobe = effort

    def search(self, query):
        return self.index.search(query[None], K)[1][0]


# ---- measuring ----


def shares(vectors, queries, floors, search):
    """Of each query: how many of the hits are as near as the exact ones."""
    return sorted(float(np.mean(vectors[search(query)[:K]] @ query >= floor - 1e-6)) for query, floor in zip(queries, floors))


def worst_tenth(values):
    return statistics.mean(values[:max(1, len(values) // 10)])


def floors_of(vectors, queries):
    floors = []
    for first in range(0, len(queries), AT_ONCE):
        floors.extend(np.partition(queries[first:first + AT_ONCE] @ vectors.T, -K, axis=1)[:, -K])
    return floors


def store_of(program, folder, name, texts, vectors):
    db, text_path, vector_path = (os.path.join(folder, name + end) for end in (".db", ".txt", ".npy"))
    if not os.path.exists(db):
        with open(text_path, "w", encoding="utf-8") as file:
            file.write(lines(texts))
        if not os.path.exists(vector_path):
            np.save(vector_path, vectors)
        cognate(program, "bench", "ingest", "--json", "--no-keywords", "--vectors", vector_path, "--store", db + ".new", text_path)
        os.rename(db + ".new", db)
    return db


def own(program, db, path):
    answer = cognate(program, "--db", db, "bench", "search", "--json", "--threads", "1", "-k", str(K), "--seconds", "1",
                     "--clusters-from", str(CLUSTERS_FROM), path)
    return figures(answer), json.loads(answer)["about"]


def prepare(options):
    rows = descriptions(options.folder, options.passages + QUERIES)
    beginnings = [beginning for _, beginning, _ in rows]
    vectors = embedded(options.cognate, options.folder, beginnings)[:-QUERIES]
    path = os.path.join(options.folder, "asked.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write(lines(beginnings[-QUERIES:]))
    return rows, vectors, path


def measure(options):
    rows, vectors, path = prepare(options)
    with open(path, "rb") as file:
        queries = rows_of(cognate(options.cognate, "embed", "--format", "npy", stdin=file.read(), text=False), path + ".npy")
    db = store_of(options.cognate, options.folder, "real", [text for _, _, text in rows[:-QUERIES]], vectors)
    floors, table, runs = floors_of(vectors, queries), [], []
    for kind in (FaissIvf, Usearch, Hnswlib):
        peer = kind(options.folder, vectors)
        for effort in peer.efforts:
            peer.prepare(effort)
            found = shares(vectors, queries, floors, peer.search)
            table.append({"name": f"{peer.name}, {peer.unit} {effort}", "found": statistics.mean(found), "worst": worst_tenth(found),
                          "times": [], "ask": (peer, effort), "built": peer.built, "bytes": peer.bytes})
    for number in range(options.rounds):
        runs.append(own(options.cognate, db, path))
        for row in table:
            peer, effort = row["ask"]
            peer.prepare(effort)
            row["times"].append(p50(peer.search, queries))
        print(number, [round(row["times"][-1], 3) for row in table], runs[-1][0]["search by vector", "p50"]["value"], file=sys.stderr, flush=True)
    return {"passages": len(vectors), "table": table, "runs": runs, "languages": len({language for language, _, _ in rows})}


def noisy(vectors, path, count):
    """The vectors, and copies of them with noise, in a file."""
    random = np.random.default_rng(7)
    out = np.lib.format.open_memmap(path, "w+", np.float32, (count, vectors.shape[1]))
    for first in range(0, count, len(vectors)):
        some = vectors[:count - first].copy()
        if first > 0:
            noise = random.standard_normal(some.shape, dtype=np.float32)
            some += noise * (NOISE / np.linalg.norm(noise, axis=1, keepdims=True))
            some /= np.linalg.norm(some, axis=1, keepdims=True)
        out[first:first + len(some)] = some
    out.flush()


def measure_large(options):
    rows, vectors, path = prepare(options)
    few = path + ".few"
    with open(path, encoding="utf-8") as file, open(few, "w", encoding="utf-8") as out:
        out.writelines(file.readlines()[:256])
    vector_path = os.path.join(options.folder, "large.npy")
    if not os.path.exists(vector_path):
        noisy(vectors, vector_path, options.large)
    texts = (f"{rows[i % len(vectors)][2]} {i}" for i in range(options.large))
    return {"passages": options.large, "real": len(vectors), "runs": [own(options.cognate, store_of(options.cognate, options.folder, "large", texts, None), few)]}


# ---- the report ----


def best_of(result, figure, of):
    return min(run[figure, of]["value"] for run, _ in result["runs"])


def own_row(name, result, figure, exact):
    run, about = result["runs"][0]
    clusters = about["cluster_bytes"] / about["passages"]
    built = min(found["making clusters", None]["value"] for found, _ in result["runs"])
    return [name, f"{best_of(result, figure, 'p50'):.2f}", "1.000" if exact else f"{run['found', 'mean']['value']:.3f}",
            "1.000" if exact else f"{run['found', 'worst tenth']['value']:.3f}", "" if exact else f"{built:.0f} (one thread)",
            f"{run['memory', None]['value'] + (0 if exact else clusters):.0f}"]


def heading(load):
    return (f"{report.today()}, {report.machine()}. Cognate {report.commit()}, faiss {faiss.__version__}, usearch {usearch.__version__}, hnswlib 0.8. Load "
            f"average {load[0]:.1f} before the run and {load[1]:.1f} after it.")


COLUMNS = ["index", "p50, ms", "found", "in the worst tenth", "built in s", "bytes of memory a vector"]


def section(options, result, load):
    own_rows = [own_row("Cognate, clusters", result, "search by vector", False), own_row("Cognate, exact", result, "exact search by vector", True)]
    rows = [[row["name"], f"{min(row['times']):.2f}", f"{row['found']:.3f}", f"{row['worst']:.3f}", f"{row['built']:.0f} ({os.cpu_count()} threads)",
             f"{row['bytes']:.0f}"] for row in result["table"]]
    return "\n\n".join([
        heading(load),
        f"{result['passages']:,} vectors of 512 numbers, of package descriptions in {result['languages']} languages; {QUERIES:,} queries, the ten nearest, one "
        f"thread; best p50 of {options.rounds} rounds. Cognate's times include reading ten hits with their texts from SQLite, its memory what SQLite keeps; "
        "the others give row numbers and distances, and their memory is the index alone. Found is the share of the exact answers.",
        f"    python3 tests/bench/cluster_peers.py --folder FOLDER --passages {result['passages']} --rounds {options.rounds} --write",
        report.table(COLUMNS, own_rows + rows)])


def section_large(options, result, load):
    run, about = result["runs"][0]
    return "\n\n".join([
        heading(load),
        f"{result['passages']:,} vectors: {result['real']:,} real ones, the rest copies of them with noise of {NOISE} of their length, so that recall says little "
        "here; 256 queries, the ten nearest, one thread.",
        f"    python3 tests/bench/cluster_peers.py --folder FOLDER --large {result['passages']} --write",
        report.table(COLUMNS, [own_row(f"Cognate, {about['clusters']:,.0f} clusters", result, "search by vector", False),
                               own_row("Cognate, exact", result, "exact search by vector", True)]),
        f"By clusters the p50 is 1/{best_of(result, 'exact search by vector', 'p50') / best_of(result, 'search by vector', 'p50'):.1f} of the exact search's. The vectors were "
        f"loaded from the store at {run['load', None]['value']:.2f} GB/s of floats."])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cognate", default=os.path.join(SOURCE, "build", "cognate"), help="the built program")
    parser.add_argument("--folder", required=True, help="where texts, vectors, indexes and stores are made and kept")
    parser.add_argument("--passages", type=int, default=199_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--large", type=int, help="measure Cognate alone on so many vectors")
    parser.add_argument("--write", action="store_true", help="put the tables into results.md")
    options = parser.parse_args()
    load = [os.getloadavg()[1]]
    result = measure_large(options) if options.large else measure(options)
    load.append(os.getloadavg()[1])
    text = section_large(options, result, load) if options.large else section(options, result, load)
    print(text)
    if options.write:
        report.write("Searching by clusters: two million" if options.large else "Searching by clusters", text)


if __name__ == "__main__":
    main()
