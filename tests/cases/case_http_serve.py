"""The server as an operator meets it: ports, sockets, keys, signals, many connections."""
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import stat
import sys
import threading
import time

from harness import Scratch, Server, cognate

TEXTS = [f"Sentence number {i} speaks of trains, rivers, bread and the price of a ticket to the sea." for i in range(400)]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def over_unix(path, method, target):
    connection = UnixConnection(path)
    connection.request(method, target)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, json.loads(data)


def wait_for(server, text):
    for _ in range(600):
        if text in server.log:
            return
        time.sleep(0.05)
    raise AssertionError(f"the log never said {text!r}:\n{server.log}")


def key_line(access, key, collections="", expiry="", name=""):
    salt = os.urandom(16)
    return f"{access}:{salt.hex()}:{hashlib.sha256(salt + key.encode()).hexdigest()}:{collections}:{expiry}:{name}\n"


def bearer(key):
    return {"Authorization": "Bearer " + key}


def refusals():
    """What cannot be served is said with its remedy, by exit code 2."""
    with Server() as server, Scratch() as folder:
        db = os.path.join(folder, "other.db")
        for arguments, says in (
            (["--port", str(server.port)], "--port"),
            (["--port", "0", "--host", "0.0.0.0"], "--keys"),
            (["--port", "0", "--host", "192.0.2.1"], "--host"),
            (["--port", "0", "--keys", os.path.join(folder, "none")], "none"),
        ):
            code, out, err = cognate("serve", *arguments, db=db)
            assert code == 2 and says in err and out == "", (arguments, code, out, err)
        assert server.call("GET", "/livez")[0] == 200


def unix_socket():
    with Server() as server:
        path = server.db + ".sock"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert over_unix(path, "GET", "/readyz")[0] == 200
        server.stop()
        assert not os.path.exists(path), "the socket stays behind"
        left = socket.socket(socket.AF_UNIX)  # as after a kill: a file that nobody answers at
        left.bind(path)
        left.close()
        with Server(db=server.db) as again:
            assert over_unix(path, "GET", "/readyz")[0] == 200
            assert again.call("GET", "/readyz")[0] == 200


def every_route(server):
    """No route of the table forgets its key, or that a key is for other collections."""
    description = over_unix(server.db + ".sock", "GET", "/openapi.json")[1]
    admin = {("/v1/admin/backup", "post"), ("/v1/admin/compact", "post"), ("/v1/collections/{collection}/export", "get")}
    seen = set()
    for pattern, operations in description["paths"].items():
        path = pattern.replace("{collection}", "private").replace("{", "").replace("}", "")
        for method in operations:
            if not operations[method].get("security", [{}]):
                continue  # open to everybody, and says so
            seen.add((pattern, method))
            answers = {key: server.call(method.upper(), path, headers=bearer(key) if key else {})[0]
                       for key in ("", "old", "reader", "scoped")}
            assert answers[""] == answers["old"] == 401, (method, path, answers)
            assert answers["scoped"] == 403 or "{collection}" not in pattern, (method, path, answers)
            assert answers["reader"] == 403 or (pattern, method) not in admin, (method, path, answers)
            if "{collection}" in pattern and method in ("put", "patch", "delete"):
                assert answers["reader"] == 403, (method, path, answers)
    assert admin <= seen and len(seen) > 30, seen


def compute_headers():
    """What Text Embeddings Inference tells in headers, on its routes and no others."""
    with Server() as server:
        names = {"x-compute-type", "x-compute-time", "x-compute-characters", "x-compute-tokens", "x-total-time", "x-inference-time"}
        for path, body, characters in (("/embed", {"inputs": ["Grüße", "日本"]}, 7), ("/rerank", {"query": "é", "texts": ["ab", "cd"]}, 5),
                                       ("/similarity", {"inputs": {"source_sentence": "a", "sentences": ["b"]}}, 2)):
            status, headers, _ = server.exchange("POST", path, body)
            assert status == 200 and names <= set(headers), (path, headers)
            assert headers["x-compute-type"] == "cpu" and headers["x-compute-characters"] == str(characters), (path, headers)
            assert int(headers["x-compute-tokens"]) >= 6 and int(headers["x-total-time"]) >= int(headers["x-inference-time"]), headers
        for path, body in (("/v1/embed", {"input": "a"}), ("/embed", {"inputs": 5}), ("/tokenize", {"inputs": "a"})):
            _, headers, _ = server.exchange("POST", path, body)
            assert not names & set(headers), (path, headers)


def keys():
    with Scratch() as folder:
        path = os.path.join(folder, "keys")
        with open(path, "w") as file:
            file.write("# who may\n" + key_line("read", "reader") + key_line("write", "writer", name="shop") +
                       key_line("write", "scoped", "news") + key_line("admin", "old", expiry="2020-01-01"))
        os.chmod(path, 0o600)
        with Server("--keys", path) as server:
            tokenize = ("POST", "/v1/tokenize", {"input": "x"})
            documents = "/v1/collections/%s/documents"
            status, headers, _ = server.exchange(*tokenize)
            assert status == 401 and headers["www-authenticate"].startswith("Bearer"), (status, headers)
            for path_open in ("/livez", "/readyz", "/health"):
                assert server.call("GET", path_open)[0] == 200, path_open
            for key in ("wrong", "old", "reade", "readerr"):
                assert server.call(*tokenize, headers=bearer(key))[0] == 401, key
            assert server.call(*tokenize, headers={"Authorization": "Basic cmVhZGVyOg=="})[0] == 401
            for key in ("reader", "writer", "scoped"):
                assert server.call(*tokenize, headers=bearer(key))[0] == 200, key
            body = {"id": "a", "text": "x"}
            for key, collection, right in (("reader", "news", 403), ("writer", "news", 200), ("scoped", "news", 200),
                                           ("scoped", "private", 403), ("scoped", "%6eews", 403)):
                status, answer = server.call("POST", documents % collection, body, bearer(key))
                assert status == right or (right == 200 and status == 201), (key, collection, status, answer)
            assert server.call("GET", "/v1/collections", headers=bearer("scoped"))[0] == 403
            assert server.call("GET", "/v1/collections", headers=bearer("reader"))[0] == 200
            assert over_unix(server.db + ".sock", "GET", "/v1/collections")[0] == 200

            every_route(server)
            with open(path, "w") as file:
                file.write(key_line("read", "fresh"))
            server.process.send_signal(signal.SIGHUP)
            wait_for(server, "read again")
            assert server.call(*tokenize, headers=bearer("reader"))[0] == 401
            assert server.call(*tokenize, headers=bearer("fresh"))[0] == 200
            with open(path, "w") as file:
                file.write("nonsense\n")
            server.process.send_signal(signal.SIGHUP)
            wait_for(server, "stay as they were")
            assert server.call(*tokenize, headers=bearer("fresh"))[0] == 200
            with open(path, "w") as file:
                file.write(key_line("read", "fresh"))
        assert '"key":"shop"' in server.log
        with Server("--host", "0.0.0.0", "--keys", path) as public:
            assert "cross the network in the clear" in public.log
            assert public.call(*tokenize)[0] == 401
        for secret in ("reader", "writer", "scoped", "fresh"):
            assert secret not in server.log, "a key is in the log"


def figure(server, name):
    """A metric without labels."""
    text = server.call("GET", "/metrics")[1]
    return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))


def leaving():
    """Nobody works on for a client who has left: what waits of the texts is dropped."""
    with Server() as server:
        connection = server.connect()
        texts = [f"{part} {text}" for part in range(5) for text in TEXTS]
        connection.request("POST", "/v1/embed", json.dumps({"input": texts}), {"Content-Type": "application/json"})
        while figure(server, "cognate_encoder_waiting_calls") == 0:
            time.sleep(0.01)
        connection.close()
        wait_for(server, '"status":499')
        assert figure(server, "cognate_encoder_waiting_calls") == 0
        assert figure(server, "cognate_encoder_dropped_texts_total") > 0
        assert figure(server, "cognate_encoder_texts_total") < len(texts)
        assert server.call("POST", "/v1/embed", {"input": "x"})[0] == 200


def drain():
    """SIGTERM while requests run: every one of them is answered, no new connection is taken, exit code 0."""
    with Server() as server:
        answers, sent = [], threading.Semaphore(0)

        def ask(part):
            connection = server.connect()
            connection.request("POST", "/v1/embed", json.dumps({"input": TEXTS[part::32], "input_type": "document"}),
                               {"Content-Type": "application/json"})
            sent.release()
            answer = connection.getresponse()
            body = json.loads(answer.read())
            answers.append((answer.status, len(body.get("data", [])), answer.getheader("Connection")))
            connection.close()

        idle = server.connect()
        idle.request("GET", "/livez")
        idle.getresponse().read()
        threads = [threading.Thread(target=ask, args=(part,)) for part in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            sent.acquire()
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert [a[:2] for a in answers] == [(200, 13)] * 8, answers
        assert server.process.wait(60) == 0
        assert idle.sock.recv(1) == b"", "an idle connection stays open"
        idle.close()
        try:
            server.call("GET", "/livez")
            raise AssertionError("a stopped server answers")
        except ConnectionRefusedError:
            pass


def second_signal():
    """SIGTERM twice does not wait for what runs: seconds of work, so that no machine is done before the second."""
    with Server() as server:
        connections = [server.connect() for _ in range(4)]
        for connection in connections:
            texts = [f"{part} {text}" for part in range(5) for text in TEXTS]
            connection.request("POST", "/v1/embed", json.dumps({"input": texts}), {"Content-Type": "application/json"})
        server.process.send_signal(signal.SIGTERM)
        wait_for(server, "stopping")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == -signal.SIGTERM
        for connection in connections:
            connection.close()


def main():
    refusals()
    unix_socket()
    compute_headers()
    keys()
    leaving()
    drain()
    second_signal()


if __name__ == "__main__":
    sys.exit(main())
