"""How much of the encoder's own speed is left behind HTTP, when many clients call at a time.

Only with COGNATE_LONG=1, on a machine that does nothing else. In turn, best of each: "cognate bench encode" in one process, and clients of
a server with the same texts. COGNATE_PASSAGES sets the size of the collection that is searched.
"""
import json
import os
import random
import resource
import subprocess
import sys

from harness import PROGRAM, Scratch, Server
from load import request, served

PASSAGES = int(os.environ.get("COGNATE_PASSAGES") or 100000)
ROUNDS, SECONDS = 3, 5
SOME = 4000  # texts whose processor time is looked at
WORDS = ("when where does leave open close train ferry bakery library market school doctor harbour river mountain island garden winter summer "
         "ticket letter music bread water price street station museum bridge").split()


def sentence(choice, n):
    return " ".join(choice.choice(WORDS) for _ in range(n))


def alone(texts):
    """Texts a second in one process, with all threads."""
    out = subprocess.run([PROGRAM, "--json", "bench", "encode", "--seconds", str(SECONDS), texts], check=True, capture_output=True, text=True).stdout
    return max(figure["value"] for figure in json.loads(out)["figures"] if figure["figure"] == "texts")


def cost_alone(texts):
    """Seconds of processor time a text takes in one process: other programs on the machine change it little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([PROGRAM, "embed", "--format", "npy"], check=True, input="\n".join(texts[:SOME]).encode(), stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(texts[:SOME])


def processor_seconds(server):
    with open(f"/proc/{server.process.pid}/stat") as file:
        return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def compare(name, server, texts, path, serve, per_request):
    """Best of each, in turn."""
    with open(path, "w") as file:
        file.write("\n".join(texts))
    rates, costs = [], []
    for _ in range(ROUNDS):
        bulk, before = alone(path), processor_seconds(server)
        http = serve() * per_request
        rates.append((bulk, http))
        costs.append((processor_seconds(server) - before) / (http * SECONDS))
    bulk, http = (max(side) for side in zip(*rates))
    print(f"{name}: {http:.0f} texts a second of {bulk:.0f} in one process, {100 * http / bulk:.0f} %; {1000 * min(costs):.2f} ms of processor "
          f"time a text, {1000 * cost_alone(texts):.2f} ms in one process")
    return http / bulk


def fill(server):
    choice = random.Random(1)
    for start in range(0, PASSAGES, 1000):
        rows = [{"id": f"p{i}", "lang": "en", "text": f"{sentence(choice, 8)} {i}"} for i in range(start, min(PASSAGES, start + 1000))]
        status, answer = server.call("POST", "/v1/collections/large/documents", rows, timeout=600)
        assert status == 200, answer


def main():
    if not os.environ.get("COGNATE_LONG"):
        print("skipped: needs a quiet machine; run it with COGNATE_LONG=1")
        return 77
    choice = random.Random(2)
    with Scratch() as folder, Server() as server:
        path = os.path.join(folder, "texts")
        texts = [sentence(choice, 20) for _ in range(8 * 32 * 20)]
        # documents, since vectors of queries are kept in memory: what is asked twice would cost nothing
        calls = [request("/v1/embeddings", {"input": texts[i : i + 32], "model": "cognate-e5-512", "encoding_format": "base64",
                                            "input_type": "document"}) for i in range(0, len(texts), 32)]
        address = (server.host, server.port)
        embeddings = compare("/v1/embeddings, 32 texts a call, 8 clients", server, texts, path, lambda: served(address, calls, 8, SECONDS), 32)
        fill(server)
        queries = [f"{sentence(choice, 6)} {i}" for i in range(ROUNDS * 16 * 1000)]
        parts = iter([queries[i::ROUNDS] for i in range(ROUNDS)])  # nothing is asked twice

        def search():
            return served(address, [request("/v1/collections/large/search", {"query": query, "k": 10}) for query in next(parts)], 16, SECONDS)

        compare(f"search in {PASSAGES} passages, 16 clients", server, queries, path, search, 1)
        assert embeddings > 0.7, "far from what a quiet machine reaches"
    return 0


if __name__ == "__main__":
    sys.exit(main())
