"""Retrieval and similarity quality of the shipped program, measured through POST /v1/embeddings as a client sees it.

Tatoeba: for each language the first 200 sentence pairs; the share of sentences whose nearest neighbour by cosine on the other
side is their translation, both directions, mean over languages. STS-B: for each language the first 400 pairs; Spearman
correlation of cosine with the human score, mean over languages. Development sets are read from COGNATE_SHARED/eval.
"""
import base64
import json
import lzma
import os
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.environ["COGNATE_SOURCE"], "tests", "cases"))
from harness import Server  # noqa: E402

FLOORS = {"tatoeba": 78.2, "sts": 87.2}
EVAL = os.path.join(os.environ.get("COGNATE_SHARED", ""), "eval")


def embed(server, texts, size=256):
    """float32 [n, width], unit rows"""
    rows = []
    for i in range(0, len(texts), size):
        status, answer = server.call("POST", "/v1/embeddings", {"input": texts[i:i + size], "encoding_format": "base64"})
        assert status == 200, answer
        rows += [np.frombuffer(base64.b64decode(d["embedding"]), "<f4") for d in answer["data"]]
    v = np.stack(rows)
    assert np.abs(np.linalg.norm(v, axis=1) - 1).max() < 1e-5
    return v


def ranks(x):
    """Ranks with ties averaged."""
    order = np.argsort(x, kind="stable")
    r = np.empty(len(x))
    r[order] = np.arange(len(x))
    for value in np.unique(x):
        same = x == value
        r[same] = r[same].mean()
    return r


def tatoeba(server):
    sets = json.load(lzma.open(os.path.join(EVAL, "tatoeba-dev.json.xz")))
    texts = [t for pair in sets.values() for side in pair for t in side[:200]]
    v, at, accuracy = embed(server, texts), 0, []
    for pair in sets.values():
        n = len(pair[0][:200])
        a, b = v[at:at + n], v[at + n:at + 2 * n]
        at += 2 * n
        s = a @ b.T
        accuracy.append(((s.argmax(1) == np.arange(n)).mean() + (s.argmax(0) == np.arange(n)).mean()) / 2)
    return 100 * float(np.mean(accuracy)), len(texts)


def sts(server):
    sets = json.load(lzma.open(os.path.join(EVAL, "stsb-dev.json.xz")))
    texts = [t for pairs in sets.values() for a, b, _ in pairs[:400] for t in (a, b)]
    v, at, rho = embed(server, texts), 0, []
    for pairs in sets.values():
        n = len(pairs[:400])
        x = v[at:at + 2 * n]
        at += 2 * n
        cosine = (x[0::2] * x[1::2]).sum(1)
        rho.append(np.corrcoef(ranks(cosine), ranks(np.array([p[2] for p in pairs[:400]])))[0, 1])
    return 100 * float(np.mean(rho)), len(texts)


if not os.path.isdir(EVAL):
    print("the development sets are not at %s" % EVAL)
    sys.exit(77)
failed = 0
with Server() as running:
    for name, measure in (("tatoeba", tatoeba), ("sts", sts)):
        start = time.monotonic()
        score, n = measure(running)
        print("%s: %.2f (floor %.1f), %d texts, %.0f texts/s" % (name, score, FLOORS[name], n, n / (time.monotonic() - start)))
        failed += score < FLOORS[name]
sys.exit(1 if failed else 0)
