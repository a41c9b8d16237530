"""Files that llama.cpp reads and writes: the backbone of the default model without its head, in each type of tensor that
llama.cpp's quantiser makes of it, against llama.cpp's own tokens and vectors.

Needs the package llama_cpp_python, which compiles for minutes and is therefore not among those that are fetched: put it into the
environment by hand to run this.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import llama_cpp
except ImportError:
    print("skipped: no llama_cpp here")
    sys.exit(77)
sys.path.insert(0, os.path.join(os.environ["COGNATE_SOURCE"], "tests", "cases"))
from cut_model import cut_model  # noqa: E402

PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
TEXTS = ["query: Where does the train to Vienna leave?", "query: Der Zug nach Wien fährt von Gleis vier.", "passage: 猫は庭で寝る。",
         "passage: The bakery opens at seven, and bread is sold out by nine.", "query: متى تفتح المكتبة؟", "query: a",
         "passage: Сегодня утром в горах выпал первый снег, и дорога закрыта до полудня."]
TYPES = ["ALL_F32", "MOSTLY_F16", "MOSTLY_BF16", "MOSTLY_Q8_0", "MOSTLY_Q4_0", "MOSTLY_Q4_1", "MOSTLY_Q5_0", "MOSTLY_Q5_1",
         "MOSTLY_Q6_K"]


def ours(path, *options):
    out = subprocess.run([PROGRAM, "--model", path, *options], input="\n".join(TEXTS) + "\n", capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines()]


def cosine(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return dot / (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5


def compare(path, kind):
    theirs = llama_cpp.Llama(path, embedding=True, n_ctx=512, n_batch=512, n_ubatch=512, n_threads=2, verbose=False)
    for text, line in zip(TEXTS, ours(path, "tokenize", "--json")):
        wanted = theirs.tokenize(text.encode(), add_bos=True, special=False)
        got = [token["id"] for token in line["tokens"]]
        assert got == wanted, (kind, text, got, wanted)
    wanted = [theirs.embed(text, normalize=True) for text in TEXTS]
    for precision in ("f32", "int8"):
        got = [line["embedding"] for line in ours(path, "--precision", precision, "embed", "--json")]
        cosines = [cosine(a, b) for a, b in zip(got, wanted)]
        print("%-12s %-4s cosine with llama.cpp at least %.5f, mean %.5f" % (kind, precision, min(cosines), sum(cosines) / len(cosines)))
        assert min(cosines) >= (0.99 if precision == "f32" else 0.98), (kind, precision, cosines)


with tempfile.TemporaryDirectory() as folder:
    whole, other = os.path.join(folder, "bare.gguf"), os.path.join(folder, "other.gguf")
    cut_model(whole, layers=12, bare=True)
    compare(whole, "as it is")
    for kind in TYPES:
        wishes = llama_cpp.llama_model_quantize_default_params()
        wishes.ftype, wishes.allow_requantize, wishes.nthread = getattr(llama_cpp, "LLAMA_FTYPE_" + kind), True, 2
        assert llama_cpp.llama_model_quantize(whole.encode(), other.encode(), wishes) == 0, kind
        compare(other, kind.replace("MOSTLY_", ""))
