"""What a terminal gets to see: colours by the rules, text of strangers that cannot act on it, right-to-left text set apart,
tables cut at its width, and progress on one line. A pseudo-terminal stands in for it."""
import json
import os
import pty
import select
import subprocess
import sys

from harness import PROGRAM, Scratch, cognate

try:
    for end in pty.openpty():
        os.close(end)
except OSError as reason:
    print("no pseudo-terminal to be had here: %s" % reason)
    sys.exit(77)

ISOLATE, POP = "\u2068", "\u2069"
HOSTILE = "red \x1b[31m \x1b]0;owned\x07 \x9b2J turned \u202eback"


def columns(line):
    return sum(2 if c == "語" else c not in (ISOLATE, POP, "\u200b") for c in line)


def on_terminal(*arguments, db, env=None, both=False):
    """Runs with stdout (and with `both` also stderr) on a terminal of 60 columns: (exit code, what it got)."""
    master, slave = pty.openpty()
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
    process = subprocess.Popen([PROGRAM, "--db", db, *arguments], stdin=subprocess.DEVNULL, stdout=slave,
                               stderr=slave if both else subprocess.DEVNULL,
                               env={**plain, "TERM": "xterm", "COLUMNS": "60", **(env or {})})
    os.close(slave)
    seen = b""
    while True:
        if select.select([master], [], [], 120)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                break
            seen += piece
    os.close(master)
    return process.wait(60), seen.decode("utf-8")


with Scratch() as folder:
    db = os.path.join(folder, "s.db")
    rows = [{"id": "bad\u200bid", "title": HOSTILE, "text": HOSTILE + " weather", "lang": "en"},
            {"id": "he", "title": "שלום עולם שלום", "text": "הגשם ירד כל הלילה בעיר. " * 20, "lang": "he"},
            {"id": "long", "title": "語" * 100, "text": "語" * 300, "lang": "zh"}]
    code, seen = on_terminal("index", os.path.join(folder, "missing"), db=db, both=True)
    assert code == 2 and "missing" in seen, seen
    path = os.path.join(folder, "rows.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
    code, seen = on_terminal("index", path, db=db, both=True)
    assert code == 0 and "\r" in seen and "\x1b[K" in seen and "created" in seen, seen
    assert seen.count("\n") == 2, "progress stays on its line: %r" % seen
    code, seen = on_terminal("index", "-q", path, db=db, both=True)
    assert code == 0 and seen == "", seen

    code, seen = on_terminal("search", "rain", db=db)
    assert code == 0 and "\x1b[1m" in seen, seen
    for colours in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}):
        code, seen = on_terminal("search", "rain", db=db, env=colours)
        assert code == 0 and "\x1b" not in seen and "\x9b" not in seen and "\x07" not in seen, (colours, seen)
        assert "\u202e" not in seen and "\ufffd]0;owned\ufffd" in seen, seen
        hebrew = [line for line in seen.splitlines() if "ה" in line or "ש" in line]
        assert hebrew and all(line.count(ISOLATE) == line.count(POP) >= 1 for line in hebrew), hebrew
        for line in seen.splitlines():
            if line.startswith("    "):
                assert columns(line) <= 60, line
    code, seen = on_terminal("search", "--color", "always", "rain", db=db, env={"NO_COLOR": "1"})
    assert "\x1b[1m" in seen
    code, seen = on_terminal("document", "list", db=db, env={"NO_COLOR": "1"})
    assert code == 0 and "\x1b" not in seen and seen.count(ISOLATE) == seen.count(POP) == 1, seen
    assert all(columns(line) <= 60 for line in seen.splitlines()), seen

    # In a pipe everything arrives as it is, without a mark of ours; JSON keeps every character.
    code, out, err = cognate("search", "--json", "rain", db=db)
    hits = {hit["id"]: hit for hit in map(json.loads, out.splitlines())}
    assert hits["bad\u200bid"]["title"] == HOSTILE and ISOLATE not in out and err == ""
    code, out, err = cognate("search", "rain", db=db, env={"NO_COLOR": "1"})
    assert code == 0 and ISOLATE not in out and "\x1b" not in out and err == ""
