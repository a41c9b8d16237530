"""What `index` has said of a row is kept: killed after any batch, alone or through a server, every row it printed is there,
and the next run does the rest. Ctrl-C ends with 130 after the batch in hand, a second one at once."""
import json
import os
import signal
import subprocess

from harness import PROGRAM, Scratch, Server, cognate

ROWS = 1500


def start(db, path):
    # With threads of the numerics library about, which take signals too.
    return subprocess.Popen([PROGRAM, "--db", db, "index", "--json", "--rows", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            encoding="utf-8", env={**os.environ, "OPENBLAS_NUM_THREADS": "2"})


def rows_until(process, wanted):
    """Ids of the first rows it reports on."""
    return {json.loads(process.stdout.readline())["id"] for _ in range(wanted)}


def rest_of(process):
    """The ids it still reports, its summary (None when it could not print one), and its exit code."""
    ids, summary = set(), None
    for line in process.stdout:
        if line.endswith("\n"):
            row = json.loads(line)
            summary = row.get("summary", summary)
            ids.update([row["id"]] if "id" in row else [])
    process.stderr.read()
    return ids, summary, process.wait(60)


def ids_in(db):
    code, out, err = cognate("document", "list", "--json", db=db)
    assert code == 0, err
    return {json.loads(line)["id"] for line in out.splitlines()}


def killed_then_resumed(db, path):
    seen = set()
    for wanted in (1, 300):
        process = start(db, path)
        seen |= rows_until(process, wanted)
        process.kill()
        more, summary, code = rest_of(process)
        seen |= more
        assert code == -signal.SIGKILL, code
        missing = seen - ids_in(db)
        assert not missing, "%d rows were reported and are gone" % len(missing)
    before = len(ids_in(db))
    code, out, err = cognate("index", "--json", path, db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    # A server finishes the batch that was under way, maybe after `before` was counted.
    assert code == 0 and summary["unchanged"] >= before and summary["created"] == ROWS - summary["unchanged"], (before, summary)
    code, out, err = cognate("index", "--json", path, db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert code == 0 and summary["unchanged"] == ROWS and summary["tokens"] == 0, summary
    code, out, err = cognate("check", db=db)
    assert code == 0, err


with Scratch() as folder:
    path = os.path.join(folder, "rows.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(ROWS):
            file.write(json.dumps({"_id": "row %d" % i, "text": "Entry %d of the logbook: calm sea, light wind." % i}) + "\n")
    killed_then_resumed(os.path.join(folder, "alone.db"), path)
    with Server() as server:
        killed_then_resumed(server.db, path)

    db = os.path.join(folder, "interrupted.db")
    process = start(db, path)
    seen = rows_until(process, 1)
    process.send_signal(signal.SIGINT)
    more, summary, code = rest_of(process)
    assert code == 130 and summary is not None, (code, summary)
    assert summary["created"] == len(seen | more) == len(ids_in(db)) < ROWS, summary

    # A second one while a batch of long texts is under way.
    with open(path, "w", encoding="utf-8") as file:
        for i in range(600):
            file.write(json.dumps({"text": "Entry %d: calm sea, light wind, nothing in sight. " % i * 8}) + "\n")
    process = start(db, path)
    rows_until(process, 1)
    process.send_signal(signal.SIGINT)
    while "once more" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGTERM)
    more, summary, code = rest_of(process)
    assert code == -signal.SIGTERM and summary is None, code
    assert cognate("check", db=db)[0] == 0
