"""Writes unigram.txt, unigram_words.txt and tests/fixtures/tokenizers/unigram.model: a small model, and what SentencePiece (0.2.3) and
Hugging Face's tokenizers (0.23.3) make of texts.

    pip install sentencepiece==0.2.3 tokenizers==0.23.3 protobuf && python tests/golden/unigram.py

Run by hand; tests/unit/test_spm_model.c and test_unigram_words.c read the results. The model is learnt from data/samples and has two pieces of the user's. Of
each line of texts.txt the number of ids and their FNV-1a hash are kept, followed by the hash of their ranges; in unigram_words.txt that for the words that white space
ends and for those that spaces begin.
"""
import json
import os

import sentencepiece
from sentencepiece import sentencepiece_model_pb2, sentencepiece_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

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

proto = sentencepiece_model_pb2.ModelProto.FromString(open(MODEL, "rb").read())
# Text never becomes a control piece here, so those have names that no text has.
pieces = [(p.piece if p.type == 1 else chr(0x10fff0) + str(i), p.score) for i, p in enumerate(proto.pieces)]
charsmap = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)


def words(normalizer, pre_tokenizer):
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    return tokenizer


def row(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return "%d %016x" % (len(ids), fnv(ids))


metaspace = pre_tokenizers.Metaspace(prepend_scheme="always")
kinds = [words(charsmap, pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])),
         words(normalizers.Sequence([charsmap, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")]), metaspace),
         words(charsmap, pre_tokenizers.Metaspace(prepend_scheme="never")),
         words(normalizers.Sequence([]), pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace]))]
with open(os.path.join(HERE, "unigram_words.txt"), "w") as out:
    for text in texts:
        out.write(" ".join(row(kind, text) for kind in kinds) + "\n")
print("%d texts, %d bytes of model" % (len(texts), os.path.getsize(MODEL)))
