"""The command line from outside: help, exit codes, what goes to stdout, folders and tables in, interruptions, wrong input."""
import json
import os
import signal
import subprocess
import sys
import time

from harness import PROGRAM, Scratch, cognate

MODEL = os.environ["COGNATE_MODEL"]
COMMANDS = ["index", "search", "similar", "embed", "tokenize", "detect", "serve", "status", "collection list", "collection show",
            "collection create", "collection delete", "bench encode", "bench query", "bench tokenize", "bench search", "doctor", "check", "help", "version"]


def write(folder, name, content, mode="wb"):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path


def lines_of(out):
    return [json.loads(line) for line in out.splitlines()]


def fails(*arguments, saying, db=None, env=None, stdin=None):
    """Exit code 2, nothing on stdout, and one message that holds the words."""
    code, out, err = cognate(*arguments, db=db, env=env, stdin=stdin)
    assert code == 2, (arguments, code, out, err)
    assert out == "", (arguments, out)
    for words in [saying] if isinstance(saying, str) else saying:
        assert words in err, (arguments, words, err)
    assert len(err.strip().splitlines()) == 1, err


def help_and_usage():
    code, out, err = cognate("help")
    for topic in ("scores", "keywords", "languages", "filters", "files", "models", "limits", "backup"):
        code, page, err = cognate("help", topic)
        assert code == 0 and topic in out and len(page) > 300 and max(map(len, page.splitlines())) <= 100, (topic, page)
    assert code == 0 and err == ""
    for name in COMMANDS:
        assert name in out
        code, page, err = cognate("help", *name.split())
        assert code == 0 and page.startswith("cognate [OPTIONS] " + name) and err == "", name
        code, same, err = cognate(*name.split(), "--help")
        assert code == 0 and same == page, name
    code, out, err = cognate()
    assert code == 2 and out == "" and "Commands:" in err
    code, out, err = cognate("collection")
    assert code == 2 and "collection list" in err
    fails("serch", "x", saying='did you mean "search"?')
    fails("search", "x", "--limt", "3", saying="did you mean --limit?")
    fails("search", "x", "-k", "many", saying=["--limit", "whole number", "many"])
    fails("search", "x", "-k0", saying="--limit takes 1 to 1000")
    fails("search", "two", "words", saying="quotes")
    fails("search", saying="QUERY")
    fails("search", "x", "--format", "xml", saying="text, json, tsv, csv, md")
    fails("similar", "only one", saying="two texts")
    fails("collection", "show", saying="needs NAME")
    code, out, _ = cognate("version")
    assert code == 0 and out.startswith("cognate ")


def folders_and_tables():
    with Scratch() as folder:
        db = os.path.join(folder, "s.db")
        docs = os.path.join(folder, "docs")
        write(docs, "a.txt", "The bakery opens at seven in the morning.")
        write(docs, "b/zug.md", "# Der Zug\n\nDer Zug nach Wien fährt heute von Gleis vier.\n")
        write(docs, "b/latin.txt", "Le café est fermé le dimanche après-midi, mais la pâtisserie reste ouverte.".encode("latin-1"))
        write(docs, "binary.txt", b"\x00\x01\x02")
        write(docs, ".hidden.txt", "not read")
        write(docs, "empty.txt", "")
        write(docs, "image.png", b"\x89PNG")
        write(docs, "rows.jsonl", '{"_id":"r1","text":"Los gatos duermen al sol.","metadata":{"lang":"es","year":2020}}\nbroken\n{"text":5}\n')
        write(docs, "t.csv", 'id,title,text,year\nc1,One,"A quoted, text",2019\nc2,Two\n')
        os.symlink("/etc", os.path.join(docs, "link"))
        code, out, err = cognate("index", docs, db=db, env={"LC_ALL": "C.UTF-8"})
        assert code == 2, (code, out, err)  # two broken rows and a short one
        assert "rows.jsonl:2" in err and "t.csv" in err, err
        code, out, err = cognate("index", "--json", docs, db=db)
        assert len(out.splitlines()) == 1
        summary = lines_of(out)[-1]["summary"]
        assert summary["created"] == 0 and summary["unchanged"] == 5 and summary["tokens"] == 0, summary
        code, out, err = cognate("index", "--json", "--rows", docs, db=db)
        assert [row["index"] for row in lines_of(out)[:-1]] == list(range(5)) and lines_of(out)[-1]["summary"] == summary
        assert summary["converted"] == 1 and sum(summary["skipped"].values()) >= 4, summary
        code, out, err = cognate("search", "--json", "When can I buy bread?", db=db)
        hits = lines_of(out)
        assert code == 0 and hits[0]["id"] == "docs/a.txt", hits
        assert {h["lang"] for h in hits} >= {"en", "de", "fr", "es"}, hits
        code, out, err = cognate("search", "--json", "--lang", "de", "trains", db=db)
        assert [h["id"] for h in lines_of(out)] == ["docs/b/zug.md"] and lines_of(out)[0]["title"] == "Der Zug"
        code, out, err = cognate("search", "--json", "--filter", '{"field":"year","gte":2020}', "animals", db=db)
        assert [h["id"] for h in lines_of(out)] == ["r1"]
        code, out, err = cognate("search", "--min-relevance", "0.999", "quantum chromodynamics", db=db)
        assert code == 1 and out == "" and "nothing found" in err
        code, out, err = cognate("search", "--json", "--min-relevance", "0.999", "quantum chromodynamics", db=db)
        assert code == 1 and out == ""
        code, out, err = cognate("search", "--format", "tsv", "-k", "2", "cats", db=db)
        assert code == 0 and out.splitlines()[0].split("\t")[:3] == ["rank", "id", "lang"] and len(out.splitlines()) == 3
        code, out, err = cognate("search", "--queries", "-", "--json", db=db, stdin="cats\nbread\n")
        assert code == 0 and {h["query"] for h in lines_of(out)} == {"cats", "bread"}
        code, out, err = cognate("search", "-", db=db, stdin="cats\n")
        assert code == 0 and "r1" in out and "\x1b" not in out
        code, out, err = cognate("search", "cats", db=db, env={"FORCE_COLOR": "1"})
        assert "\x1b[" in out
        code, out, err = cognate("search", "cats", db=db, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
        assert "\x1b" not in out
        answers = {cognate("search", "--json", "gatos", db=db, env={"LC_ALL": locale})[1]
                   for locale in ("C", "C.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8", "POSIX")}
        assert len(answers) == 1
        code, out, err = cognate("index", "--dry-run", docs, db=os.path.join(folder, "none.db"))
        assert not os.path.exists(os.path.join(folder, "none.db"))
        code, out, err = cognate("index", os.path.join(docs, "image.png"), db=db)
        assert code in (0, 2)
        for name in ("status", "collection list", "collection show default", "check", "doctor"):
            code, out, err = cognate(*name.split(), "--json", db=db)
            assert code == 0 and lines_of(out), (name, code, err)
        fails("collection", "delete", "default", db=db, saying="--yes")
        code, out, err = cognate("collection", "delete", "--yes", "default", db=db)
        assert code == 0
        fails("search", "cats", db=db, saying='no collection "default"')
        code, out, err = cognate("collection", "create", "fresh", db=db)
        assert code == 0
        fails("search", "-c", "fresh", "cats", db=db, saying=["empty", "cognate index"])


def vectors_and_tokens():
    code, out, err = cognate("embed", stdin="eins\n\nzwei\n")
    rows = lines_of(out)
    assert code == 0 and [r["index"] for r in rows] == [0, 1, 2] and all(len(r["embedding"]) == 512 for r in rows)
    code, again, err = cognate("embed", "zwei")
    assert json.loads(again)["embedding"] == rows[2]["embedding"]
    code, out, err = cognate("embed", "--isa", "reference", "zwei")
    assert json.loads(out)["embedding"] == rows[2]["embedding"]
    code, out, err = cognate("embed", "--format", "csv", "--dimensions", "4", "zwei")
    assert len(out.strip().split(",")) == 4 and abs(sum(float(x) ** 2 for x in out.split(",")) - 1) < 1e-5
    code, out, err = cognate("embed", "--format", "npy", "eins", "zwei", text=False)
    assert out[:6] == b"\x93NUMPY" and b"(2, 512)" in out[:128] and len(out) == 128 + 2 * 512 * 4
    code, out, err = cognate("tokenize", "--json", "Hallo Welt")
    tokens = json.loads(out)["tokens"]
    assert tokens[0]["special"] and tokens[1]["piece"] == "▁Hallo" and tokens[-1]["special"], tokens
    code, out, err = cognate("similar", "--json", "The train is late.", "Der Zug hat Verspätung.")
    assert 0.5 < json.loads(out)["score"] < 1
    code, out, err = cognate("similar", "--pairs", "-", "--format", "csv", stdin="a b\tc d\nx\tx\n")
    assert code == 0 and len(out.splitlines()) == 3
    lines = ["%d\t%d" % (i, i if i % 100 == 0 else 7000 - i) for i in range(600)]  # more than one call takes
    code, out, err = cognate("similar", "--pairs", "-", "--json", stdin="\n".join(lines) + "\n\n")
    scores = [row["score"] for row in lines_of(out)]
    assert code == 0 and len(scores) == 600 and [i for i, score in enumerate(scores) if score > 0.9999] == [0, 100, 200, 300, 400, 500]
    fails("similar", "--pairs", "-", stdin="a\tb\nc\n", saying=":2: no tab")


def wrong_input():
    with Scratch() as folder:
        db = os.path.join(folder, "s.db")
        fails("search", "x", db=db, saying=["no store at", db])
        assert not os.path.exists(db)
        fails("index", os.path.join(folder, "missing"), db=db, saying="missing")
        fails("embed", "x", "--model", os.path.join(folder, "none.gguf"), saying="none.gguf")
        whole = open(MODEL, "rb").read()
        fails("embed", "x", "--model", write(folder, "cut.gguf", whole[:len(whole) // 2]), saying="cut.gguf")
        fails("embed", "x", "--model", write(folder, "text.gguf", b"not a model"), saying="text.gguf")
        flipped = bytearray(whole[:4 << 20]) + whole[4 << 20:]
        flipped[9] ^= 0x40
        fails("embed", "x", "--model", write(folder, "flip.gguf", bytes(flipped)), saying="flip.gguf")
        for name in ("cut.gguf", "text.gguf", "flip.gguf"):
            os.unlink(os.path.join(folder, name))
        code, out, err = cognate("index", write(folder, "a.txt", "A text."), db=db)
        assert code == 0, err
        fails("search", "", db=db, saying="query")
        fails("search", "  ", db=db, saying="query")
        fails("search", "x", "--filter", "{", db=db, saying="--filter")
        fails("search", "x", "--filter", '{"fild":"a","eq":1}', db=db, saying="fild")
        fails("search", "x", db=write(folder, "notes.db", "hello hello hello hello"), saying="not a Cognate store")
        code, out, err = cognate("search", b"\xff\xfe".decode("utf-8", "surrogateescape"), db=db)
        assert code == 2 and "UTF-8" in err
        full = os.path.join(folder, "full")
        os.mkdir(full)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", full], capture_output=True).returncode == 0:
            try:
                rows = write(folder, "many.jsonl", "".join(json.dumps({"text": "sentence %d " % i + "x" * 200}) + "\n" for i in range(400)))
                small = os.path.join(full, "s.db")
                code, out, err = cognate("index", rows, db=small)
                assert code == 2 and "no space left" in err, (code, err)
                code, out, err = cognate("check", db=small)
                assert code == 0, err
            finally:
                subprocess.run(["umount", full])


def interruptions():
    """kill -9 and Ctrl-C at moments spread over the run: what was counted stays, the next run does the rest."""
    with Scratch() as folder:
        rows = write(folder, "rows.jsonl", "".join(
            json.dumps({"_id": "d%04d" % i, "text": "Note %d about the garden, the weather and the neighbours." % i}) + "\n"
            for i in range(3000)))
        db = os.path.join(folder, "s.db")
        for round, number in enumerate((signal.SIGKILL, signal.SIGINT, signal.SIGKILL)):
            process = subprocess.Popen([PROGRAM, "--db", db, "index", rows], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(0.5 + 0.2 * round)
            process.send_signal(number)
            process.wait(60)
            if os.path.exists(db):
                code, out, err = cognate("check", db=db)
                assert code == 0 or "no store" in err or "empty" in err, err
        code, out, err = cognate("index", "--json", rows, db=db)
        assert code == 0, err
        code, out, err = cognate("index", "--json", rows, db=db)
        summary = lines_of(out)[-1]["summary"]
        assert summary["unchanged"] == 3000 and summary["tokens"] == 0, summary
        code, out, err = cognate("search", "--json", "-k", "3", "Note 1234 about the garden", db=db)
        assert code == 0 and len(lines_of(out)) == 3


for part in (help_and_usage, vectors_and_tokens, folders_and_tables, wrong_input, interruptions):
    start = time.monotonic()
    part()
    print("%s: %.1f s" % (part.__name__, time.monotonic() - start))
sys.exit(0)
