"""Writes unigram.txt and tests/fixtures/tokenizers/unigram.model: a small model, and what SentencePiece makes of texts (0.2.3).

    pip install sentencepiece==0.2.3 protobuf && python tests/golden/unigram.py

Run by hand; tests/unit/test_spm_model.c reads the results. The model is learnt from data/samples and has two pieces of the user's. Of
each line of texts.txt the number of ids and their FNV-1a hash are kept, followed by the hash of their ranges.
"""
import json
import os

import sentencepiece
from sentencepiece import sentencepiece_pb2

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "..", "fixtures", "tokenizers", "unigram.model")
FNV = 1469598103934665603


def fnv(numbers):
    hash_ = FNV
    for n in numbers:
        hash_ = (hash_ ^ n) * 1099511628211 % 2**64
    return hash_


def unescaped(line):
    parts = line.split("\\x")
    return parts[0] + "".join(chr(int(part[:2], 16)) + part[2:] for part in parts[1:])


samples = os.path.join(HERE, "..", "..", "data", "samples", "corpus.jsonl")
documents = [json.loads(line) for line in open(samples, encoding="utf-8")]
lines = [line for d in documents for line in (d["title"] + "\n" + d["text"]).split("\n") if line]
with open(MODEL, "wb") as out:
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=out, vocab_size=2600, character_coverage=0.999,
                                             normalization_rule_name="nmt_nfkc", user_defined_symbols=["<tag>", "Guten Tag"], minloglevel=2)
package = sentencepiece.SentencePieceProcessor(model_file=MODEL)
with open(os.path.join(HERE, "texts.txt"), encoding="utf-8", newline="\n") as f:
    texts = [unescaped(line) for line in f.read().split("\n")[1:-1]]
with open(os.path.join(HERE, "unigram.txt"), "w") as out:
    for text in texts + ["<tag> a<tag>b <tag", "Guten Tag, guten Tag"]:
        answer = sentencepiece_pb2.SentencePieceText()
        answer.ParseFromString(package.encode(text.encode(), out_type="serialized_proto"))
        ids = [p.id for p in answer.pieces]
        out.write("%d %016x %016x\n" % (len(ids), fnv(ids), fnv(n for p in answer.pieces for n in (p.begin, p.end))))
print("%d texts, %d bytes of model" % (len(texts), os.path.getsize(MODEL)))
