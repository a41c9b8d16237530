"""How often `cognate detect` names the language of a Tatoeba sentence of 50 characters or more, by language; pairs that nobody
tells apart by a sentence are reported beside it.

The sentences are those of the development set (COGNATE_SHARED/eval) in languages that the library knows. English is not
counted: it is half of the set.
"""
import collections
import json
import lzma
import os
import subprocess
import sys

LEAST, CHARACTERS = 0.93, 50
PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
EVAL = os.path.join(os.environ.get("COGNATE_SHARED", ""), "eval", "tatoeba-dev.json.xz")
# The set's names for what libcld2 knows; the last ones have a neighbour for which a sentence is often good as well.
TAGS = {
    "afr": "af", "aze": "az", "ben": "bn", "bul": "bg", "ces": "cs", "cmn": "zh", "ell": "el", "est": "et", "fra": "fr", "gla": "gd",
    "heb": "he", "hun": "hu", "isl": "is", "kaz": "kk", "kor": "ko", "lvs": "lv", "mar": "mr", "mon": "mn", "nld": "nl",
    "por": "pt", "rus": "ru", "slv": "sl", "sqi": "sq", "swe": "sv", "swh": "sw", "tat": "tt", "tgl": "tl", "tuk": "tk",
    "ukr": "uk", "uzb": "uz", "xho": "xh",
}
CLOSE = {"nob": ("no", {"da", "nn"}), "dan": ("da", {"no", "nn"}), "hrv": ("hr", {"bs", "sr"}), "bos": ("bs", {"hr", "sr"}),
         "glg": ("gl", {"pt", "es"}), "fao": ("fo", {"is"}), "oci": ("oc", {"ca"})}


def detect(sentences):
    lines = "".join(s + "\n" for s in sentences).encode()
    done = subprocess.run([PROGRAM, "detect", "--json"], input=lines, stdout=subprocess.PIPE, check=True)
    found = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert len(found) == len(sentences)
    return found


if not os.path.exists(PROGRAM) or not os.path.exists(EVAL):
    print("needs %s and %s" % (PROGRAM, EVAL))
    sys.exit(77)
sets, certain, right, total = json.load(lzma.open(EVAL)), collections.Counter(), 0, 0
print("language    n  right  most often taken for")
for name in list(TAGS) + list(CLOSE):
    sentences = [s for s in sets[name][0] if len(s) >= CHARACTERS and "\n" not in s and "\r" not in s]
    if not sentences:
        continue
    wanted, neighbours = CLOSE[name] if name in CLOSE else (TAGS[name], set())
    answers = detect(sentences)
    tags = [a["lang"].split("-")[0] for a in answers]
    hits, near = tags.count(wanted), sum(t in neighbours for t in tags)
    wrong = collections.Counter(t for t in tags if t != wanted).most_common(2)
    print("%-6s %6d  %5.1f  %s" % (name, len(tags), 100 * hits / len(tags), " ".join("%s %d" % w for w in wrong)) +
          ("  (a neighbour: %.1f)" % (100 * near / len(tags)) if name in CLOSE else ""))
    if name in TAGS:
        right += hits
        total += len(tags)
        for answer, tag in zip(answers, tags):
            bucket = min(int(answer["confidence"] * 5), 4)
            certain[bucket, tag == wanted] += 1
for bucket in range(5):
    n = certain[bucket, True] + certain[bucket, False]
    if n:
        print("confidence %.1f to %.1f: %5d sentences, %5.1f %% right" % (bucket / 5, bucket / 5 + 0.2, n, 100 * certain[bucket, True] / n))
print("overall, without the close pairs: %.2f %% of %d (at least %.0f %%)" % (100 * right / total, total, 100 * LEAST))
sys.exit(0 if total > 1000 and right / total >= LEAST else 1)
