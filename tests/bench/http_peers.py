"""Cognate's server beside llama.cpp's, with the same backbone, the same texts and the same clients, in turns.

    VENV/bin/python tests/bench/http_peers.py --folder /tmp/peers --llama-server PATH [--rounds 3] [--seconds 5] [--write]

llama-server is built from the source that the llama-cpp-python package carries:

    pip download --no-deps --no-binary :all: llama-cpp-python && tar xzf llama_cpp_python-*.tar.gz
    cmake -S llama_cpp_python-*/vendor/llama.cpp -B BUILD -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON -DLLAMA_CURL=OFF -DBUILD_SHARED_LIBS=OFF
    cmake --build BUILD --target llama-server

Its file has the backbone alone, with mean pooling, so that Cognate's head and pooling come on top; its settings are the best of those
in SETTINGS, found by a trial. Many texts: 8 clients send 32 at a time to /v1/embeddings. Queries: 16 clients send one at a time; to Cognate
as a search in a collection of package descriptions, to llama.cpp as an embedding alone, since it has nothing to search in.
"""
import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "cases"))
import report  # noqa: E402
from descriptions import descriptions  # noqa: E402
from harness import PROGRAM, Server, cognate  # noqa: E402
from load import request, served  # noqa: E402
from peers import of_length, prepare, sentences, tokenized  # noqa: E402

TYPES = ["q4_0", "q8_0"]
SETTINGS = [(parallel, batch) for parallel in (1, 8, 16) for batch in (128, 512)]  # slots, tokens of a pass
CONTEXT = 512
TEXTS_A_CALL, BULK_CLIENTS, QUERY_CLIENTS, TOKENS = 32, 8, 16, 21


def post(address, path, body):
    connection = http.client.HTTPConnection(*address, timeout=300)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    data = json.loads(answer.read())
    assert answer.status == 200, data
    connection.close()
    return data


class Own:
    """A running server of Cognate's, with the collection "large"."""

    def __init__(self, server):
        self.address = (server.host, server.port)

    def embedding(self, texts):
        return request("/v1/embeddings", {"model": "cognate-e5-512", "encoding_format": "base64", "input_type": "document",
                                          "input": [text["text"] for text in texts]})

    def query(self, query):
        return request("/v1/collections/large/search", {"query": query, "k": 10})


class LlamaServer:
    """llama-server, which knows nothing of prompts."""

    def __init__(self, program, model, setting, threads, port):
        parallel, batch = setting
        self.address = ("127.0.0.1", port)
        self.process = subprocess.Popen([program, "-m", model, "--embeddings", "--pooling", "mean", "--host", "127.0.0.1", "--port", str(port),
                                         "-t", str(threads), "-tb", str(threads), "-np", str(parallel), "-c", str(parallel * CONTEXT),
                                         "-b", str(batch), "-ub", str(batch), "-fa", "on"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                connection = http.client.HTTPConnection(*self.address, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.close()
        raise RuntimeError(f"{program} {setting}: did not start")

    def embedding(self, texts):
        return request("/v1/embeddings", {"encoding_format": "base64", "input": [text["prompt"] + text["text"] for text in texts]})

    def query(self, query):
        return request("/v1/embeddings", {"encoding_format": "base64", "input": "query: " + query})

    def close(self):
        self.process.terminate()
        self.process.wait(60)


def check(own, llama, texts):
    """The lowest cosine of llama.cpp's vectors with the mean of what Cognate's last layer makes of the tokens."""
    lowest = 1.0
    for text in texts:
        states = np.array(post(own.address, "/embed_all", {"inputs": text["text"], "prompt_name": "document"})[0])
        other = np.array(post(llama.address, "/v1/embeddings", {"input": text["prompt"] + text["text"]})["data"][0]["embedding"])
        mean = states.mean(axis=0)
        lowest = min(lowest, float(mean @ other / np.linalg.norm(mean) / np.linalg.norm(other)))
    assert lowest > 0.97, f"llama.cpp gives other vectors: lowest cosine {lowest:.4f}; nothing was timed"
    return lowest


def bulk(server, texts, seconds):
    """Texts a second, many a call."""
    calls = [server.embedding(texts[i : i + TEXTS_A_CALL]) for i in range(0, len(texts), TEXTS_A_CALL)]
    return TEXTS_A_CALL * served(server.address, calls, BULK_CLIENTS, seconds)


def single(server, queries, seconds):
    """Queries a second, one a call. Each is asked once in a run: what is asked again comes from Cognate's memory."""
    return served(server.address, [server.query(query) for query in queries], QUERY_CLIENTS, seconds)


def collection(folder, passages):
    """A store with `passages` descriptions, made once."""
    path = os.path.join(folder, f"http-{passages}.db")
    if not os.path.exists(path):
        rows = "".join(json.dumps({"id": str(i), "lang": lang, "text": beginning}) + "\n"
                       for i, (lang, beginning, _) in enumerate(descriptions(folder, passages)))
        code, _, err = cognate("index", "--collection", "large", "--as", "jsonl", "-", db=path + ".new", stdin=rows, timeout=3600)
        assert code == 0, err
        os.rename(path + ".new", path)
    return path


def trial(options, texts):
    """The type and setting with which llama.cpp is fastest, for many texts and for single ones."""
    best, queries = {}, [f"{text['text']} {n}" for n in range(400) for text in texts][:4000]
    for kind in TYPES:
        for setting in SETTINGS:
            llama = LlamaServer(options.llama_server, os.path.join(options.folder, kind + ".gguf"), setting, options.threads, options.port)
            for measure, of in ((bulk, texts), (single, queries)):
                rate = measure(llama, of, 1)
                best[measure] = max(best.get(measure, (0, None)), (rate, (kind, setting)))
                print(f"  trial {kind} {setting} {measure.__name__}: {rate:.0f}", file=sys.stderr, flush=True)
            llama.close()
    return {measure: chosen for measure, (_, chosen) in best.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True, help="where the peers' models and the collection are made and kept")
    parser.add_argument("--llama-server", required=True, help="the built program")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--port", type=int, default=18099, help="for llama-server")
    parser.add_argument("--write", action="store_true", help="put the table into results.md")
    options = parser.parse_args()
    prepare(options.folder)
    plain = tokenized(PROGRAM, sentences(), "document")
    texts = tokenized(PROGRAM, of_length(plain, TOKENS, BULK_CLIENTS * TEXTS_A_CALL), "document")
    tokens = statistics.mean(len(text["ids"]) for text in texts)
    chosen = trial(options, texts)
    rates, load = {}, [os.getloadavg()[1]]
    with Server("--threads", str(options.threads), db=collection(options.folder, options.passages)) as server:
        own = Own(server)
        for measure, asked in ((bulk, texts), (single, None)):
            kind, setting = chosen[measure]
            for number in range(options.rounds):
                part = asked or [f"{text['text']} {number}.{n}" for n in range(40) for text in texts]
                llama = LlamaServer(options.llama_server, os.path.join(options.folder, kind + ".gguf"), setting, options.threads, options.port)
                agreed = check(own, llama, texts[:8])
                for side in (own, llama) if number % 2 else (llama, own):
                    rate = measure(side, part, options.seconds)
                    rates.setdefault((measure, type(side)), []).append(rate)
                    print(f"  {measure.__name__} {type(side).__name__}: {rate:.0f}", file=sys.stderr, flush=True)
                llama.close()
    load.append(os.getloadavg()[1])

    rows = []
    for measure, what in ((bulk, f"/v1/embeddings, {TEXTS_A_CALL} texts a call, {BULK_CLIENTS} clients"),
                          (single, f"one query a call, {QUERY_CLIENTS} clients; Cognate searches {options.passages:,} passages as well")):
        mine, theirs = rates[measure, Own], rates[measure, LlamaServer]
        kind, (parallel, batch) = chosen[measure]
        rows.append([what, f"{max(mine):,.0f} ({statistics.median(mine):,.0f})", f"{max(theirs):,.0f} ({statistics.median(theirs):,.0f})",
                     f"{max(mine) / max(theirs):.2f}", f"{kind.upper()}, -np {parallel} -ub {batch}"])
    package = [line for line in open(os.path.join(HERE, "requirements.txt")) if line.startswith("llama-cpp-python")][0].strip()
    text = "\n\n".join([
        f"{report.today()}, {report.machine()}. Cognate {cognate('version')[1].split()[1]} ({report.commit()}), llama-server of the source in {package}. "
        f"{options.threads} threads each, {tokens:.1f} tokens a text. Load average {load[0]:.1f} before and {load[1]:.1f} after. "
        f"Lowest cosine of llama.cpp's vectors with Cognate's means {agreed:.4f}.",
        f"    VENV/bin/python tests/bench/http_peers.py --folder FOLDER --llama-server PATH --rounds {options.rounds} --seconds {options.seconds:g} --write",
        report.table(["texts a second, best (median)", "Cognate", "llama-server", "ratio", "llama-server's best setting"], rows),
    ])
    print(text)
    if options.write:
        report.write("Serving", text)


if __name__ == "__main__":
    main()
