"""The same text has the same vector to the last bit: alone, in shuffled batches, on one, two and four threads, on every instruction set.

Texts in many languages and in letters of many scripts, through the API: one text a request takes the schedule of a lone query, many
take the schedule for bulk. A hundred and fifty texts, fewer where the instruction
set is slow; with COGNATE_LONG=1 five thousand everywhere.
"""
import json
import os
import random
import sys

from harness import SOURCE, Server, cognate

LONG = os.environ.get("COGNATE_LONG")
COUNT, ALONE = (5000, 1000) if LONG else (150, 10)
ISAS = {"avx512": 1, "avx-vnni": 2, "avx2": 2, "reference": 10}  # one in so many texts where time is short

FLAGS = {"avx512": {"avx512_vnni", "avx512bw", "avx512dq", "avx512vl", "fma"}, "avx-vnni": {"avx_vnni", "fma"}, "avx2": {"avx2", "fma"}}

SCRIPTS = [(0x41, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x52F), (0x531, 0x586), (0x5D0, 0x5EA), (0x620, 0x64A), (0x710, 0x72F),
           (0x904, 0x939), (0x985, 0x9B9), (0xA05, 0xA39), (0xA85, 0xAB9), (0xB85, 0xBB9), (0xC05, 0xC39), (0xC85, 0xCB9), (0xD05, 0xD39),
           (0xD85, 0xDC6), (0xE01, 0xE3A), (0xE81, 0xEB0), (0xF40, 0xF6C), (0x1000, 0x102A), (0x10D0, 0x10FA), (0x1200, 0x1356),
           (0x1780, 0x17B3), (0x1820, 0x1877), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0x1F300, 0x1F64F),
           (0x2000, 0x206F), (0x300, 0x36F)]


def flags():
    """What the processor can do; nothing is known of others than x86."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((set(line.split()) for line in f if line.startswith("flags")), set())


def texts(count):
    chance = random.Random(11)
    with open(os.path.join(SOURCE, "data", "samples", "corpus.jsonl"), encoding="utf-8") as f:
        samples = [json.loads(line)["text"] for line in f]
    made = ["", " ", "a", "\n", "</s>", "\u0301"]
    while len(made) < count:
        kind = chance.random()
        if kind < 0.5:  # a stretch of a sample
            sample = chance.choice(samples)
            start = chance.randrange(len(sample))
            made.append(sample[start:start + chance.choice((10, 20, 40, 80, 200))])
        elif kind < 0.99:  # words of one script, or of several
            scripts = [chance.choice(SCRIPTS) for _ in range(chance.choice((1, 1, 1, 2, 4)))]
            words = ["".join(chr(chance.randint(*chance.choice(scripts))) for _ in range(chance.randint(1, 9)))
                     for _ in range(chance.choice((1, 2, 4, 8, 16)))]
            made.append(" ".join(words))
        else:  # longer than a pass of the encoder takes at once
            made.append(" ".join(chance.choice(samples) for _ in range(4)))
    return made[:count]


def vectors(server, some):
    """Documents: queries would come from memory the second time."""
    status, answer = server.call("POST", "/v1/embed", {"input": some, "input_type": "document", "encoding_format": "base64"}, timeout=600)
    assert status == 200, answer
    assert [row["index"] for row in answer["data"]] == list(range(len(some)))
    return [row["embedding"] for row in answer["data"]]


def compare(server, all_texts, wanted, indexes, size, what):
    for start in range(0, len(indexes), size):
        chosen = indexes[start:start + size]
        for i, vector in zip(chosen, vectors(server, [all_texts[i] for i in chosen])):
            assert vector == wanted[i], f"{what}: text {i} has other bits: {all_texts[i][:60]!r}"


def main():
    chance = random.Random(5)
    all_texts = texts(COUNT)
    wanted = None
    tried = []
    for isa, portion in ISAS.items():
        code, _, err = cognate("--isa", isa, "tokenize", "x")
        if code != 0:
            assert f"this machine has no {isa}; use auto" in err and not FLAGS[isa] <= flags(), err
            continue
        threads = (1, 2, 4) if not tried or LONG else (2,)
        for count in threads:
            with Server("--isa", isa, "--threads", str(count)) as server:
                if wanted is None:
                    wanted = []
                    for start in range(0, COUNT, 100):
                        wanted += vectors(server, all_texts[start:start + 100])
                order = list(range(COUNT))
                chance.shuffle(order)
                order = order if LONG else order[::portion]
                compare(server, all_texts, wanted, order, chance.choice((37, 64, 150)), f"{isa}, {count} threads, shuffled")
                compare(server, all_texts, wanted, order[:ALONE], 1, f"{isa}, {count} threads, alone")
        tried.append(isa)
    assert "reference" in tried, tried
    print(f"{COUNT} texts on {', '.join(tried)}")


if __name__ == "__main__":
    main()
    sys.exit(0)
