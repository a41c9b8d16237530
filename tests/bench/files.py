"""A folder of small files: read for the first time, read again unchanged, changed under --watch, killed on the way.

    python3 tests/bench/files.py [--files 10000] [--rounds 3] [--write]

Every file has its text read and digested on each run; times and sizes of files are not trusted. The work that a kill -9 costs is what the
encoder of the killed server had done, by its own metrics shortly before, less what the next run finds in the store. --write puts
the figures into results.md.
"""
import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases"))
from harness import PROGRAM, Server, cognate  # noqa: E402

THINGS = "harbour bakery train garden library bridge market river winter letter window forest clock coffee stone cloud".split()


def make(folder, files):
    """Some 40 tokens each, a hundred to a folder."""
    for i in range(files):
        path = os.path.join(folder, f"{i // 100:03d}", f"{i:05d}.txt")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        a, b, c = (THINGS[(i * k + k) % len(THINGS)] for k in (1, 3, 7))
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"Note number {i}: the {a} near the {b} was closed on the day of the {c}. Who wants to see it asks at the {a}, "
                       f"where somebody has the key, or comes back on day {i % 31 + 1} of the month.\n")


def index(db, folder):
    start = time.monotonic()
    code, out, err = cognate("index", "--json", folder, db=db, timeout=600)
    assert code == 0, err
    return time.monotonic() - start, json.loads(out.splitlines()[-1])["summary"]


def rescans(db, folder, files, rounds):
    times = []
    for _ in range(rounds):
        seconds, summary = index(db, folder)
        assert summary["unchanged"] == files and summary["tokens"] == 0, summary
        times.append(seconds)
    return times


def changes(db, folder, rounds):
    """From the write of a file to the first answer that has its text."""
    times = []
    with Server(db=db) as server:
        watcher = subprocess.Popen([PROGRAM, "--db", db, "index", "--watch", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True)
        for line in watcher.stderr:
            if "watching" in line:
                break
        for i in range(rounds):
            path = os.path.join(folder, "007", f"{700 + i:05d}.txt")
            start = time.monotonic()
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"The lighthouse keeper of round {i} counts ships.\n")
            while True:
                status, answer = server.call("POST", "/v1/collections/default/search",
                                             {"query": f"lighthouse keeper of round {i}", "k": 1, "mode": "hybrid"})
                if status == 200 and f"round {i} " in answer["hits"][0]["passage"]["text"]:
                    break
                time.sleep(0.01)
            times.append(time.monotonic() - start)
        watcher.send_signal(signal.SIGINT)
        watcher.wait(60)
    return times


def tokens_of(server):
    try:
        return int(float(re.search(r"^cognate_encoder_tokens_total (\S+)$", server.call("GET", "/metrics")[1], re.M).group(1)))
    except (OSError, AttributeError):
        return None


def killed(folder, parent, total, share):
    """The part of the work that is done twice when the server is killed after `share` of it."""
    db = os.path.join(parent, f"killed-{share}.db")
    server = Server(db=db)
    client = subprocess.Popen([PROGRAM, "--db", db, "index", "-q", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = 0
    while done < share * total:
        done = tokens_of(server) or done
    server.process.kill()
    server.process.wait()
    client.wait(60)
    _, summary = index(db, folder)
    return (done - (total - summary["tokens"])) / total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the figures into results.md")
    options = parser.parse_args()
    load = os.getloadavg()[1]
    with tempfile.TemporaryDirectory() as parent:
        folder, db = os.path.join(parent, "docs"), os.path.join(parent, "t.db")
        make(folder, options.files)
        first, summary = index(db, folder)
        again = rescans(db, folder, options.files, options.rounds)
        lost = [killed(folder, parent, summary["tokens"], share) for share in (0.35, 0.7)]
        seen = changes(db, folder, options.rounds)
    show = lambda times: f"{min(times):.2f} s ({statistics.median(times):.2f} s)"  # noqa: E731
    text = "\n\n".join([
        f"{report.today()}, {report.machine()}. Cognate {report.commit()}. Load average {load:.1f} before the run.",
        f"{options.files:,} files of {summary['tokens'] / options.files:.0f} tokens; best of {options.rounds} rounds (median).",
        "    python3 tests/bench/files.py --write",
        report.table(["what", "measured", "aim"], [
            ["first run, everything embedded", f"{first:.1f} s ({options.files / first:.0f} files/s)", ""],
            ["run again, nothing changed, every file read and digested", show(again), "2 s"],
            ["a changed file under --watch, from its write to the answer that has it, half a second of settling included", show(seen), "2 s"],
            ["work done twice after kill -9 at 35 % and 70 % of the first run", ", ".join(f"{max(x, 0) * 100:.2f} %" for x in lost), "1 %"],
        ])])
    print(text)
    if options.write:
        report.write("A folder of small files", text)


if __name__ == "__main__":
    main()
