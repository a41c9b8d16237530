"""Writes wordpiece.txt: two small vocabularies, texts, and what Hugging Face's tokenizers makes of them (0.23.3).

    pip install tokenizers==0.23.3 && python tests/golden/wordpiece.py

Run by hand; tests/unit/test_wordpiece.c reads the result. The texts are lines of data/samples and random ones; the vocabularies
are learnt from the former. Of each text the number of ids and their FNV-1a hash are kept, without case and with it. At the
end stands a hash over the ids of "aXb" for the characters X of each stretch of 4096 that Unicode 3.2 had.
"""
import json
import os
import sys
import unicodedata

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
from random_texts import random_texts  # noqa: E402

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
HARD = [
    "", " ", "a", "Hello, World!", "don't stop-me", "$5.00+1=6", "x" * 100, "x" * 101, "The " + "Ab" * 60 + " end", "tab\tnew\nline\r\nfeed\x0b\x0c",
    "zero\u200bwidth\u00adsoft", "\ufeffbom\ufffd", "nul\x00inside", "Ärger café CAFÉ cafe\u0301 İstanbul ǅ ẞ", "東京都 中文字abc한글", "\uf900\U0002b830\U0002b920",
    "q\u0323\u0307 q\u0307\u0323 \U0001d165\U0001d16d\U0001d165 x\u302f\u302e", "👩\u200d👩\u200d👧 🏳\ufe0f 🤣", "[CLS] [SEP] [UNK] [unused1] ##ing", "▁a ▁▁", "\u166d\u111c9\u3001。！",
    "٣٤٥ ١٢ مُحَمَّد שָׁלוֹם", "ไทย ภาษา", "\u2028\u2029\x85\u3000\u00a0x", "e" + "\u0301" * 300, "a,b" * 40,
]


def fnv(hash_, ids):
    for i in ids:
        hash_ = (hash_ ^ i) * 1099511628211 % 2**64
    return hash_


def build(lowercase, lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=2600, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda p: p[1])
    vocabulary = {piece: number for piece, number in pieces}
    plain = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # without special pieces in text
    plain.normalizer, plain.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    return plain, [piece for piece, _ in pieces]


def escaped(text):
    return "".join("\\x%02x" % ord(c) if ord(c) < 0x20 or c in "\\\x7f" else c for c in text)


samples = os.path.join(HERE, "..", "..", "data", "samples", "corpus.jsonl")
documents = [json.loads(line) for line in open(samples, encoding="utf-8")]
lines = [line for d in documents for line in (d["title"] + "\n" + d["text"]).split("\n") if line]
texts = HARD + [line[:160] for line in lines] + random_texts(2000)
with open(os.path.join(HERE, "wordpiece.txt"), "w", encoding="utf-8", newline="\n") as out:
    built = [build(lowercase, lines) for lowercase in (True, False)]
    for _, pieces in built:
        out.write("%d\n%s\n" % (len(pieces), "\n".join(pieces)))
    out.write("%d\n" % len(texts))
    for text in texts:
        for tokenizer, _ in built:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            out.write("%d %016x " % (len(ids), fnv(1469598103934665603, ids)))
        out.write(escaped(text) + "\n")
    for start in range(0, 0x110000, 0x1000):
        for tokenizer, _ in built:
            hash_ = 1469598103934665603
            for c in range(start, start + 0x1000):
                if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs"):
                    hash_ = fnv(hash_, tokenizer.encode("a" + chr(c) + "b", add_special_tokens=False).ids)
            out.write("%016x " % hash_)
        out.write("\n")
print("%d texts" % len(texts))
