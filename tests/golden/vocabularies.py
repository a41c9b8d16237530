"""Writes texts.txt, wordpiece.txt, bpe.txt and tests/fixtures/tokenizers: small vocabularies, and what Hugging Face's tokenizers makes
of texts (0.23.3).

    pip install tokenizers==0.23.3 && python tests/golden/vocabularies.py

Run by hand; tests/unit/test_wordpiece.c, test_bpe.c and test_vocabulary_folder.c read the results. The texts are lines of data/samples and random ones; the
vocabularies are learnt from the former. Of each text the number of ids and their FNV-1a hash are kept: for WordPiece without
case and with it, for BPE followed by the hash of the ranges. At the end stands a hash over the ids of "aXb" for the characters X
of each stretch of 4096 that Unicode 3.2 had.
"""
import json
import os
import sys
import unicodedata

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "clients"))
from random_texts import random_texts  # noqa: E402

FNV = 1469598103934665603
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
HARD = [
    "", " ", "a", "Hello, World!", "don't stop-me", "$5.00+1=6", "x" * 100, "x" * 101, "The " + "Ab" * 60 + " end", "tab\tnew\nline\r\nfeed\x0b\x0c",
    "zero\u200bwidth\u00adsoft", "\ufeffbom\ufffd", "nul\x00inside", "Ärger café CAFÉ cafe\u0301 İstanbul ǅ ẞ", "東京都 中文字abc한글", "\uf900\U0002b830\U0002b920",
    "q\u0323\u0307 q\u0307\u0323 \U0001d165\U0001d16d\U0001d165 x\u302f\u302e", "👩\u200d👩\u200d👧 🏳\ufe0f 🤣", "[CLS] [SEP] [UNK] [unused1] ##ing", "▁a ▁▁", "\u166d\u111c9\u3001。！",
    "٣٤٥ ١٢ مُحَمَّد שָׁלוֹם", "ไทย ภาษา", "\u2028\u2029\x85\u3000\u00a0x", "e" + "\u0301" * 300, "a,b" * 40,
    "we'll they'd I'm 'tis ''s 'S can't've", "  two   spaces  ", "a \n\n b\t\t c \u3000 d", "\n", " \n", "x\n ", "١٢٣ ½²Ⅷ 5th", "a" * 3000, "ab" * 1500, " " * 500 + "x", "-" * 700,
    "<s> </s> <mask> Ġthe Ā",
]


def fnv(hash_, numbers):
    for n in numbers:
        hash_ = (hash_ ^ n) * 1099511628211 % 2**64
    return hash_


def save(tokenizer, start, end, name):
    """The whole tokenizer, as models bring it along"""
    numbered = [(piece, tokenizer.token_to_id(piece)) for piece in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(single="%s $A %s" % (start, end), special_tokens=numbered)
    tokenizer.save(os.path.join(HERE, "..", "fixtures", "tokenizers", name), pretty=False)


def wordpiece(lowercase, lines):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=2600, special_tokens=BERT, show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    if lowercase:
        save(tokenizer, "[CLS]", "[SEP]", "wordpiece.json")
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda p: p[1])
    vocabulary = {piece: number for piece, number in pieces}
    plain = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # without special pieces in text
    plain.normalizer, plain.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    return plain, [piece for piece, _ in pieces]


def bpe(lines):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    trainer = trainers.BpeTrainer(vocab_size=2600, special_tokens=ROBERTA, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    save(tokenizer, "<s>", "</s>", "bpe.json")
    model = json.loads(tokenizer.to_str())["model"]
    plain = Tokenizer(models.BPE(model["vocab"], [tuple(m) for m in model["merges"]]))
    plain.pre_tokenizer = tokenizer.pre_tokenizer
    return plain, sorted(model["vocab"], key=model["vocab"].get), [" ".join(m) for m in model["merges"]]


def escaped(text):
    return "".join("\\x%02x" % ord(c) if ord(c) < 0x20 or c in "\\\x7f" else c for c in text)


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def ranges(tokenizer, text):
    """Beginning and end of each token in bytes"""
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [at[border] for pair in tokenizer.encode(text, add_special_tokens=False).offsets for border in pair]


def write(name, parts):
    with open(os.path.join(HERE, name), "w", encoding="utf-8", newline="\n") as out:
        for part in parts:
            out.write(part + "\n")


def listed(strings):
    return [str(len(strings))] + strings


def characters(tokenizers):
    for start in range(0, 0x110000, 0x1000):
        old = [c for c in range(start, start + 0x1000) if unicodedata.ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs")]
        yield " ".join("%016x" % fnv(FNV, (i for c in old for i in ids(t, "a" + chr(c) + "b"))) for t in tokenizers)


samples = os.path.join(HERE, "..", "..", "data", "samples", "corpus.jsonl")
documents = [json.loads(line) for line in open(samples, encoding="utf-8")]
lines = [line for d in documents for line in (d["title"] + "\n" + d["text"]).split("\n") if line]
texts = HARD + [line[:160] for line in lines] + random_texts(2000)
write("texts.txt", listed([escaped(text) for text in texts]))

kinds = [wordpiece(lowercase, lines) for lowercase in (True, False)]
rows = [" ".join("%d %016x" % (len(ids(t, text)), fnv(FNV, ids(t, text))) for t, _ in kinds) for text in texts]
write("wordpiece.txt", [part for _, pieces in kinds for part in listed(pieces)] + rows + list(characters([t for t, _ in kinds])))

tokenizer, pieces, merges = bpe(lines)
rows = ["%d %016x %016x" % (len(ids(tokenizer, text)), fnv(FNV, ids(tokenizer, text)), fnv(FNV, ranges(tokenizer, text))) for text in texts]
write("bpe.txt", listed(pieces) + listed(merges) + rows + list(characters([tokenizer])))
print("%d texts" % len(texts))
