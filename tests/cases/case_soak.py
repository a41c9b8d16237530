"""A mixed load for a while: nothing fails, and neither memory nor open files grow once the program is warm.

Some seconds; ten minutes with COGNATE_LONG=1, COGNATE_SOAK_SECONDS for another time.
"""
import http.client
import json
import os
import random
import re
import sys
import threading
import time

from harness import Server

LONG = os.environ.get("COGNATE_LONG")
SECONDS = int(os.environ.get("COGNATE_SOAK_SECONDS") or (600 if LONG else 6))
WORDS = ("train harbour bread river winter ticket music market doctor school garden letter "
         "Zug Hafen Brot Fluss Winter поезд хлеб река зима 电车 面包 河 冬天 رحلة خبز").split()
DOCUMENTS = 400
JSON = {"Content-Type": "application/json"}


class Load:
    def __init__(self, server):
        self.server, self.end, self.failures, self.count, self.lock = server, time.monotonic() + SECONDS, [], 0, threading.Lock()

    def text(self, choice, n):
        return " ".join(choice.choice(WORDS) for _ in range(n)) + "."

    def ask(self, connection, method, path, body, allowed):
        connection.request(method, path, json.dumps(body) if body is not None else None, JSON if body is not None else {})
        answer = connection.getresponse()
        data = answer.read()
        with self.lock:
            self.count += 1
        if answer.status not in allowed:
            raise AssertionError(f"{method} {path}: {answer.status} {data[:300]}")

    def steps(self, choice):
        """One request after the other, as (method, path, body, statuses that are right)."""
        documents = "/v1/collections/soak/documents"
        while True:
            name = f"d{choice.randrange(DOCUMENTS)}"
            yield choice.choice((
                ("POST", "/v1/collections/soak/search", {"query": self.text(choice, 4), "k": choice.randrange(1, 20)}, (200,)),
                ("GET", "/v1/collections/soak/search?query=bread", None, (200,)),
                ("POST", documents, {"id": name, "text": self.text(choice, choice.randrange(5, 300)), "metadata": {"n": choice.randrange(9)}}, (200, 201)),
                ("POST", documents, [{"id": f"d{choice.randrange(DOCUMENTS)}", "text": self.text(choice, 30)} for _ in range(8)], (200,)),
                ("GET", f"{documents}/{name}", None, (200, 404)),
                ("DELETE", f"{documents}/{name}", None, (200, 404)),
                ("POST", "/v1/embed", {"input": [self.text(choice, 12)] * choice.randrange(1, 40)}, (200,)),
                ("POST", "/v1/embeddings", {"input": self.text(choice, 12), "model": "cognate-e5-512"}, (200,)),
                ("POST", "/v1/similarity", {"input": [self.text(choice, 6), self.text(choice, 6)]}, (200,)),
                ("POST", "/v1/tokenize", {"input": self.text(choice, 400)}, (200,)),
                ("POST", "/v1/embed", {"nothing": 1}, (400,)),
                ("GET", "/metrics", None, (200,)),
                ("GET", "/openapi.json", None, (200,)),
            ))

    def client(self, number):
        """Asks until the time is over, now and then over a new connection, now and then leaving in the middle."""
        choice = random.Random(number)
        connection = self.server.connect()
        try:
            for step in self.steps(choice):
                if time.monotonic() > self.end:
                    break
                fate = choice.random()
                if fate < 0.02:
                    connection.close()
                    connection = self.server.connect()
                elif fate < 0.03:
                    connection.request("POST", "/v1/embed", json.dumps({"input": [self.text(choice, 50)] * 64}), JSON)
                    connection.close()
                    connection = self.server.connect()
                    continue
                self.ask(connection, *step)
        except (OSError, http.client.HTTPException, AssertionError) as problem:
            self.failures.append(f"client {number}: {problem!r}")
        connection.close()


def figures(server):
    text = server.call("GET", "/metrics")[1]

    def figure(name):
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))

    return {"memory": figure("process_resident_memory_bytes") / 2**20, "files": figure("process_open_fds"), "threads": figure("process_threads")}


def settled(server):
    """Figures when nothing runs any more."""
    for _ in range(100):
        now = figures(server)
        text = server.call("GET", "/metrics")[1]
        if "\ncognate_encoder_waiting_calls 0\n" in text and "\ncognate_http_requests_in_flight 1\n" in text:
            return now
        time.sleep(0.1)
    raise AssertionError("something runs without end:\n" + text)


def main():
    with Server("--deadline-ms", "600000") as server:  # slow is not wrong: sanitizers take their time
        rows = [{"id": f"d{i}", "text": f"{WORDS[i % len(WORDS)]} number {i}."} for i in range(DOCUMENTS)]
        assert server.call("POST", "/v1/collections/soak/documents", rows)[0] == 200
        load = Load(server)
        threads = [threading.Thread(target=load.client, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(SECONDS / 5)
        samples = []
        while any(thread.is_alive() for thread in threads):
            time.sleep(max(0.2, SECONDS / 60))
            samples.append(figures(server))
        for thread in threads:
            thread.join()
        after = settled(server)
        assert not load.failures, load.failures[:5]
        half = len(samples) // 2
        early, late = (max(s["memory"] for s in part) for part in (samples[:half], samples[half:]))
        print(f"{SECONDS} s: {load.count} requests; memory at most {early:.0f} MiB in the first half and "
              f"{late:.0f} MiB in the second; at the end {after['memory']:.0f} MiB, {after['files']:.0f} files, {after['threads']:.0f} threads")
        fresh = figures(server)
        assert after["files"] <= samples[0]["files"] + 4 and fresh["threads"] < 40, (samples[0], after)
        if LONG:
            assert late <= early * 1.05, (early, late)
    lines = server.log.splitlines()
    other = "\n".join(line for line in lines if not line.startswith("{"))
    assert server.process.returncode == 0 and "Sanitizer" not in other, other[:20000]
    for line in lines:
        assert not line.startswith("{") or json.loads(line)["status"] < 500, line


if __name__ == "__main__":
    sys.exit(main())
