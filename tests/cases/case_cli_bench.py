"""cognate bench: what it prints, and that each figure is there. How high they are depends on the machine and is no test."""
import json
import os

from harness import SOURCE, Scratch, cognate

QUICK = ("--seconds", "0.02")


def figures(*arguments, db=None):
    code, out, err = cognate("bench", *arguments, *QUICK, "--json", db=db)
    assert code == 0 and err == "" and len(out.splitlines()) == 1, (arguments, code, out, err)
    answer = json.loads(out)
    assert answer["bench"] == arguments[0] and answer["about"]["model"] == "cognate-e5-512", answer
    for row in answer["figures"]:
        assert list(row) == ["figure", "of", "threads", "value", "unit", "median", "share"], row
        assert row["value"] > 0 and (row["median"] is None or row["median"] > 0), row
    return answer, {(row["figure"], row["of"], row["threads"]): row for row in answer["figures"]}


def fails(*arguments, saying, db=None):
    code, out, err = cognate("bench", *arguments, db=db)
    assert code == 2 and out == "" and saying in err and len(err.splitlines()) == 1, (arguments, code, out, err)


with Scratch() as folder:
    texts = os.path.join(folder, "texts.txt")
    with open(texts, "w", encoding="utf-8") as file:
        file.write("The train is late.\n\nDer Zug hat Verspätung.\n電車が遅れています。\n")

    answer, found = figures("encode", "--threads", "2", texts)
    assert answer["threads"] == 2 and 6 < answer["about"]["tokens_per_text"] < 16, answer
    for threads in (1, 2):
        assert found[("memory read", None, threads)]["unit"] == "GB/s"
        texts_row, tokens_row = found[("texts", None, threads)], found[("tokens", None, threads)]
        ratio = tokens_row["value"] / texts_row["value"]
        assert abs(ratio / answer["about"]["tokens_per_text"] - 1) < 0.1, (ratio, answer["about"])
        known = ("arithmetic", None, threads) in found
        assert (texts_row["share"] is not None) == known, texts_row
    assert found[("linear layer", "96 tokens", 1)]["unit"] == "Gop/s" and ("linear layer", "96 tokens", 2) not in found

    answer, found = figures("encode", "--threads", "1", "--tokens", "60", texts)
    assert abs(answer["about"]["tokens_per_text"] - 60) <= 2 and answer["threads"] == 1, answer
    answer, found = figures("encode", "--threads", "1", "--precision", "f32", texts)
    assert answer["about"]["precision"] == "f32" and ("linear layer", "96 tokens", 1) not in found

    answer, found = figures("query", "--threads", "1")
    assert found[("one text", "best", 1)]["value"] <= found[("one text", "p50", 1)]["value"] <= found[("one text", "p99", 1)]["value"]

    answer, found = figures("tokenize")
    assert found[("text", "th", 1)]["unit"] == found[("text", "all", 1)]["unit"] == "MiB/s"
    answer, found = figures("tokenize", texts)
    assert list(found) == [("text", "all", 1), ("tokens", "all", 1)], found

    db = os.path.join(folder, "s.db")
    fails("search", saying="no store", db=db)
    assert cognate("index", "-q", os.path.join(SOURCE, "data", "samples", "corpus.jsonl"), db=db)[0] == 0
    answer, found = figures("search", "--threads", "1", texts, db=db)
    assert answer["about"]["passages"] == 99, answer
    assert found[("scan", None, 1)]["unit"] == "ns/passage" and found[("scan", None, 1)]["share"] > 0
    assert ("search by vector", "p99", 1) in found and ("search by text", "p50", 1) in found
    assert found[("load", None, 1)]["unit"] == "GB/s"
    assert ("making clusters", None, 1) not in found
    answer, found = figures("search", "--threads", "1", "--clusters-from", "50", texts, db=db)
    assert answer["about"]["clusters"] >= 8 and found[("making clusters", None, 1)]["value"] > 0
    assert 0 < found[("found", "worst tenth", None)]["value"] <= found[("found", "mean", None)]["value"] <= 1
    assert ("exact search by vector", "p50", 1) in found
    fails("search", "--collection", "other", saying="other", db=db)

    vectors, trial = os.path.join(folder, "v.npy"), os.path.join(folder, "trial.db")
    with open(texts, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if line]
    code, data, err = cognate("embed", "--format", "npy", "--input-type", "document", *lines, text=False)
    assert code == 0, err
    with open(vectors, "wb") as file:
        file.write(data)
    code, out, err = cognate("bench", "ingest", "--json", "--vectors", vectors, "--store", trial, texts)
    assert code == 0, err
    answer = json.loads(out)
    assert [(row["figure"], row["of"], row["unit"]) for row in answer["figures"]] == [
        ("ingest", "best batch", "passages/s"), ("ingest", "all", "passages/s"), ("file", None, "bytes/passage")], answer
    code, out, err = cognate("search", "--json", "-k", "1", "Is the train late?", db=trial)
    assert code == 0 and json.loads(out.splitlines()[0])["id"] == "text-0000000000", (out, err)
    fails("ingest", "--vectors", vectors, "--store", trial, texts, saying="exists already")
    fails("ingest", "--vectors", texts, "--store", trial + "2", texts, saying="no npy file")
    fails("ingest", "--store", trial + "2", texts, saying="--vectors")
    fails("ingest", "--vectors", vectors, "--store", trial + "2", texts, texts, saying="3 rows for 6 texts")

    code, out, err = cognate("bench", "tokenize", "--format", "tsv", *QUICK, texts)
    assert code == 0 and out.splitlines()[0] == "figure\tof\tthreads\tvalue\tunit\tmedian\tshare", out
    assert "model cognate-e5-512" in err
    code, out, err = cognate("bench", "tokenize", "-q", *QUICK, texts)
    assert code == 0 and out.startswith("figure") and err == "", (out, err)

    empty = os.path.join(folder, "empty.txt")
    open(empty, "w").close()
    fails("encode", empty, saying="empty.txt")
    fails("encode", os.path.join(folder, "none.txt"), saying="none.txt")
    fails("encode", "--seconds", "0", saying="--seconds")
    with open(empty, "w") as file:
        file.write("  \nword\n")
    fails("encode", "--tokens", "20", empty, saying="text 1 is blank")
