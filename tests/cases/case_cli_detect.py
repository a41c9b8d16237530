"""`cognate detect`: operands and lines of stdin, every format, what cannot be told, what is refused."""
import json

from harness import cognate

GERMAN, GREEK = "Der Zug nach Wien fährt heute von Gleis vier ab.", "Η βιβλιοθήκη ανοίγει στις εννέα το πρωί."

code, out, err = cognate("detect", GERMAN)
head, row = out.splitlines()
assert code == 0 and err == "" and head.split() == ["lang", "confidence", "share", "text"], (out, err)
assert row.split()[0] == "de" and row.endswith("ab."), row

code, out, err = cognate("detect", "--format", "tsv", GERMAN + " " + GERMAN + " " + GREEK)
assert sorted(line.split("\t")[0] for line in out.splitlines()[1:]) == ["de", "el"], out

code, out, err = cognate("detect", "--json", stdin=GERMAN + "\n\n123\n" + GREEK + "\n")
rows = [json.loads(line) for line in out.splitlines()]
assert code == 0 and [r["lang"] for r in rows] == ["de", "und", "und", "el"], rows
for r in rows:
    assert 0 <= r["confidence"] <= r["share"] <= 1 and (r["lang"] == "und") == (r["candidates"] == []), r
    assert not r["candidates"] or r["candidates"][0] == {k: r[k] for k in ("lang", "share", "confidence")}, r

code, out, err = cognate("detect", "--format", "csv", stdin="")
assert code == 0 and out.splitlines() == ["lang,confidence,share,text"], out
code, out, err = cognate("detect", stdin=b"good\nbad \xff\n", text=False)
assert code == 2 and b"stdin:2" in err, err
code, out, err = cognate("detect", "--format", "xml", "a")
assert code == 2 and out == "" and "--format" in err, err
code, out, err = cognate("help", "detect")
assert code == 0 and "confidence" in out and "detect --format tsv" in out, out
