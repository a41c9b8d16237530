"""What the whole-program tests share: a scratch folder, the built program, and a server of it.

    with Server() as server:                       # a store of its own, a free port, stopped at the end
        status, answer = server.call("POST", "/v1/embed", {"input": "hello"})
    code, out, err = cognate("search", "hello", db=server.db)
"""
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading

SOURCE = os.environ.get("COGNATE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("COGNATE_BUILD") or os.path.join(SOURCE, "build")
PROGRAM = os.path.join(BUILD, "cognate")


def sanitized():
    """Is the program built with a sanitizer, which takes memory of its own?"""
    with open(os.path.join(BUILD, "CMakeCache.txt")) as file:
        return re.search(r"^SANITIZE:STRING=.", file.read(), re.MULTILINE) is not None


def cognate(*arguments, db=None, stdin=None, env=None, timeout=300, cwd=None, text=True):
    """Runs the program to its end: (exit code, stdout, stderr)."""
    command = [PROGRAM] + (["--db", db] if db else []) + list(arguments)
    given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run(command, capture_output=True, timeout=timeout, cwd=cwd, encoding="utf-8" if text else None,
                          env={**os.environ, **(env or {})}, **given)
    return done.returncode, done.stdout, done.stderr


class Scratch:
    """A folder that is gone afterwards."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="cognate-test-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """`cognate serve` on a free port of 127.0.0.1; its log is in self.log."""

    def __init__(self, *arguments, db=None, env=None):
        self.folder = tempfile.mkdtemp(prefix="cognate-test-")
        self.db = db or os.path.join(self.folder, "test.db")
        self.log = ""
        ready = threading.Event()
        self.process = subprocess.Popen([PROGRAM, "--db", self.db, "serve", "--port", "0", *arguments], stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True, encoding="utf-8", env={**os.environ, **(env or {})})

        def read():
            for line in self.process.stderr:
                self.log += line
                found = re.search(r"listening on https?://([0-9.]+):(\d+)", line)
                if found:
                    self.host, self.port = found.group(1), int(found.group(2))
                    ready.set()
            ready.set()

        self.reader = threading.Thread(target=read, daemon=True)
        self.reader.start()
        if not ready.wait(60) or not hasattr(self, "port"):
            self.stop()
            raise RuntimeError("the server did not start:\n" + self.log)

    def connect(self, timeout=120):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def call(self, method, path, body=None, headers=None, timeout=120):
        """One request on a connection of its own: (status, answer); JSON is parsed, anything else comes as text."""
        status, _, answer = self.exchange(method, path, body, headers, timeout)
        return status, answer

    def exchange(self, method, path, body=None, headers=None, timeout=120):
        """As call, with the answer's headers in the middle (a dict with lower-case names)."""
        connection = self.connect(timeout)
        sent = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, sent)
            answer = connection.getresponse()
            data = answer.read().decode("utf-8")
            names = {k.lower(): v for k, v in answer.getheaders()}
            return answer.status, names, json.loads(data) if data and "json" in names.get("content-type", "").replace("ndjson", "") else data
        finally:
            connection.close()

    def stop(self, number=signal.SIGTERM, timeout=60):
        """Sends a signal and returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.reader.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
