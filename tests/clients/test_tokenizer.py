"""The ids and ranges of `cognate tokenize` against the sentencepiece package, given the same pieces and rules.

Texts: the Tatoeba development sentences (from COGNATE_SHARED/eval), hand-made hard cases, and random ones out of every script,
emoji sequences, combining marks, control characters and mixtures of them, more than 100,000 in all. `cognate tokenize --json`
reads a text a line, so texts with line ends are not among them.
"""
import json
import lzma
import os
import struct
import subprocess
import sys
import time

import sentencepiece
from sentencepiece import sentencepiece_model_pb2, sentencepiece_pb2

from random_texts import random_texts

LEAST, RANDOM = 20000, 70000
PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
EVAL = os.path.join(os.environ.get("COGNATE_SHARED", ""), "eval", "tatoeba-dev.json.xz")
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9

HARD = [
    "", " ", "a", "▁", "▁▁x", "a▁b", "  two   spaces  ", "tab\tinside\x0b\x0c", "cafe\u0301 vs café", "q\u0323\u0307", "e\u0301\u0302\u0303\u0304",
    "e" + "\u0301" * 5000, "\u1112\u1161\u11ab\u1100\u1173\u11af vs 한글", "\uac00\u11a8\u11a9", "か\u3099 ｶﾞ", "ｆｕｌｌ　ｗｉｄｔｈ！", "ﬁne ﬂour ½ ① ㎏ Ⅳ",
    "\ufdfa \u00a8 x", "👩\u200d👩\u200d👧\u200d👦 🏳\ufe0f\u200d🌈 🇩🇪🇯🇵", "zero\u200bwidth\u200cand\u200djoin", "\ufeffbom\ufeff", "\ufffd", "a\u2028b\u2029c",
    "\x01\x02", "\x01 \x02 a\x7f", "</s> <s> <mask> <pad> <unk>", "น้ำปลา ก็ ที่", "שָׁלוֹם مُحَمَّد", "\U0002070e\U00010348\U0001f600", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "a" * 100000, "的" * 40000, "🙂" * 20000, "ab \u0301" * 5000, "-" * 3000, " x" * 3000, "\U0002070e" * 3000,
]


class Reader:
    """The key-value pairs of a GGUF file."""

    def __init__(self, path):
        self.data, self.at = open(path, "rb").read(1 << 24), 24
        self.pairs = {}
        for _ in range(struct.unpack_from("<Q", self.data, 16)[0]):
            key = self.string().decode()
            self.pairs[key] = self.value(self.number("I"))

    def number(self, kind):
        value, = struct.unpack_from("<" + kind, self.data, self.at)
        self.at += struct.calcsize("<" + kind)
        return value

    def string(self):
        n = self.number("Q")
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, kind):
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.number(SCALARS[kind])
        element, n = self.number("I"), self.number("Q")
        if element == STRING:
            return [self.string() for _ in range(n)]
        values = struct.unpack_from("<%d%s" % (n, SCALARS[element]), self.data, self.at)
        self.at += struct.calcsize("<%d%s" % (n, SCALARS[element]))
        return values


def processor(path):
    """A SentencePiece processor for the pieces of a GGUF file, with its numbers."""
    pairs, model = Reader(path).pairs, sentencepiece_model_pb2.ModelProto()
    get = lambda key: pairs["tokenizer.ggml." + key]  # noqa: E731
    spec = model.trainer_spec
    spec.model_type = spec.UNIGRAM
    for piece, score, kind in zip(get("tokens"), get("scores"), get("token_type")):
        model.pieces.add(piece=piece.decode(), score=score, type=kind)
    for name, key in (("bos", "bos"), ("pad", "padding"), ("eos", "eos"), ("unk", "unknown")):
        number = get(key + "_token_id")
        setattr(spec, name + "_id", number)
        setattr(spec, name + "_piece", model.pieces[number].piece)
    spec.vocab_size = len(model.pieces)
    model.normalizer_spec.precompiled_charsmap = bytes(v & 255 for v in get("precompiled_charsmap"))
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def expected(package, text, prefix):
    """(id, start, end) of each token; ranges in bytes of the text alone"""
    answer = sentencepiece_pb2.SentencePieceText()
    answer.ParseFromString(package.encode((prefix + text).encode(), out_type="serialized_proto"))
    shift = len(prefix.encode())
    return [(p.id, max(p.begin - shift, 0), max(p.end - shift, 0)) for p in answer.pieces]


PROMPTS = {"": "none", "query: ": "query", "passage: ": "document"}  # of the default model


def tokenize(texts, prefix):
    command = [PROGRAM, "tokenize", "--json", "--prompt", PROMPTS[prefix]]
    done = subprocess.run(command, input="".join(t + "\n" for t in texts).encode(), stdout=subprocess.PIPE, check=True)
    lines = done.stdout.decode().split("\n")[:-1]
    assert len(lines) == len(texts), "%d answers to %d texts" % (len(lines), len(texts))
    return [[(t["id"], t["start"], t["end"]) for t in json.loads(line)["tokens"] if t["id"] not in (0, 2)] for line in lines]


def compare(package, texts, prefix):
    start, wrong = time.monotonic(), 0
    for text, got in zip(texts, tokenize(texts, prefix)):
        wanted = expected(package, text, prefix)
        ids = [t[0] for t in got] == [t[0] for t in wanted]
        # What the text begins with and loses (white space, controls) belongs to the prefix's last token, which has no range.
        ranges = len(got) == len(wanted) and all(g == w or (prefix and g[1:] == (0, 0) and w[1] == 0) for g, w in zip(got, wanted))
        if not (ids and ranges):
            wrong += 1
            if wrong <= 5:
                print("differs: %r\n  got    %r\n  wanted %r" % (text[:80], got[:12], wanted[:12]))
    print("prefix %r: %d texts, %d differ, %.1f s" % (prefix, len(texts), wrong, time.monotonic() - start))
    return wrong


if not os.path.exists(PROGRAM) or not os.path.exists(EVAL):
    print("needs %s and %s" % (PROGRAM, EVAL))
    sys.exit(77)
sp = processor(os.environ["COGNATE_MODEL"])
sets = json.load(lzma.open(EVAL))
sentences = [t for pair in sets.values() for side in pair for t in side if "\n" not in t and "\r" not in t]
assert len(sentences) >= LEAST, len(sentences)
failed = compare(sp, sentences, "") + compare(sp, sentences[::10], "query: ")
failed += compare(sp, random_texts(RANDOM), "") + compare(sp, random_texts(RANDOM // 10), "query: ")
failed += compare(sp, HARD, "") + compare(sp, HARD, "passage: ")
sys.exit(1 if failed else 0)
