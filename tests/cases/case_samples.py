"""data/samples keeps its shape: BEIR files that agree with each other, and enough languages, scripts, subjects and
cross-lingual questions. Quality of retrieval on them is measured elsewhere; this reads files only."""
import json
import os
import unicodedata

from harness import SOURCE

SAMPLES = os.path.join(SOURCE, "data", "samples")
FEWEST = {"documents": 72, "subjects": 12, "languages": 14, "scripts": 7, "queries": 48, "query languages": 10, "cross-lingual queries": 36}
LONGEST = 1200  # characters of a sample document: short enough to read at a glance


def read(name):
    with open(os.path.join(SAMPLES, name), encoding="utf-8") as f:
        text = f.read()
    assert text.endswith("\n"), "%s does not end with a line end" % name
    assert unicodedata.is_normalized("NFC", text), "%s is not in NFC" % name
    return text[:-1].split("\n")


def by_id(rows, name):
    found = {row["_id"]: row for row in rows}
    assert len(found) == len(rows), "%s has an id twice" % name
    assert len({row["text"] for row in rows}) == len(rows), "%s has a text twice" % name
    for key, row in found.items():
        assert row["text"].strip() == row["text"] != "", "%s %s: text is empty or has blanks around it" % (name, key)
        assert row["metadata"]["lang"], "%s %s: no language" % (name, key)
    return found


def language(row):
    """zh-Hant → zh: the same language in another script or country does not count as another one"""
    return row["metadata"]["lang"].split("-")[0]


def main_script(text):
    """The script most letters are of, by the first word of their Unicode names; kana and Han together are Japanese."""
    count = {}
    for c in text:
        if unicodedata.category(c)[0] == "L":
            script = unicodedata.name(c).split()[0]
            count[script] = count.get(script, 0) + 1
    if "HIRAGANA" in count or "KATAKANA" in count:
        return "KANA"
    return max(count, key=count.get)


SCRIPTS = {"ar": "ARABIC", "el": "GREEK", "he": "HEBREW", "hi": "DEVANAGARI", "ja": "KANA", "ko": "HANGUL", "ru": "CYRILLIC", "th": "THAI",
           "uk": "CYRILLIC", "zh": "CJK"}

documents = by_id([json.loads(line) for line in read("corpus.jsonl")], "corpus.jsonl")
queries = by_id([json.loads(line) for line in read("queries.jsonl")], "queries.jsonl")
for kind, rows in (("document", documents), ("query", queries)):
    for key, row in rows.items():
        expected = SCRIPTS.get(language(row), "LATIN")
        assert main_script(row["text"]) == expected, "%s %s: written in %s, tagged %s" % (kind, key, main_script(row["text"]), language(row))
for key, row in documents.items():
    assert row["title"] and row["metadata"]["subject"], "document %s: no title or no subject" % key
    assert len(row["text"]) <= LONGEST, "document %s is longer than %d characters" % (key, LONGEST)

header, *lines = read("qrels.tsv")
assert header == "query-id\tcorpus-id\tscore", "qrels.tsv: its header is %r" % header
relevant = {}
for line in lines:
    query, document, score = line.split("\t")
    assert query in queries and document in documents, "qrels.tsv names something that is not there: %s" % line
    assert int(score) > 0, "qrels.tsv: judgements are of relevant documents only: %s" % line
    assert document not in relevant.setdefault(query, set()), "qrels.tsv has a judgement twice: %s" % line
    relevant[query].add(document)
assert set(relevant) == set(queries), "queries without a judgement: %s" % sorted(set(queries) - set(relevant))
assert set().union(*relevant.values()) == set(documents), "documents that answer no query: %s" % sorted(set(documents) - set().union(*relevant.values()))


def crosses(query):
    return all(language(documents[d]) != language(queries[query]) for d in relevant[query])


counts = {
    "documents": len(documents),
    "subjects": len({row["metadata"]["subject"] for row in documents.values()}),
    "languages": len({language(row) for row in documents.values()}),
    "scripts": len({main_script(row["text"]) for row in documents.values()}),
    "queries": len(queries),
    "query languages": len({language(row) for row in queries.values()}),
    "cross-lingual queries": sum(crosses(q) for q in queries),
}
for what, n in counts.items():
    assert n >= FEWEST[what], "%d %s, at least %d belong there" % (n, what, FEWEST[what])

# quickstart.tsv: one question in five languages, answered by the same documents, all in other languages
questions = [line.split("\t") for line in read("quickstart.tsv")]
ids = {(row["metadata"]["lang"], row["text"]): key for key, row in queries.items()}
assert len(questions) == 5 == len({lang for lang, _ in questions}), "quickstart.tsv is not one question in five languages"
answers = {frozenset(relevant[ids[lang, text]]) for lang, text in questions}
assert len(answers) == 1, "the questions of quickstart.tsv have different answers"
spoken = {language(documents[d]) for d in answers.pop()}
assert len(spoken) >= 3 and not spoken & {lang.split("-")[0] for lang, _ in questions}, "quickstart.tsv: answers in %s" % sorted(spoken)

print(", ".join("%d %s" % (n, what) for what, n in counts.items()))
