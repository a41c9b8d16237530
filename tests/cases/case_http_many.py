"""Many connections: idle ones cost little and hinder nobody, busy ones are all answered, pipelined requests in their order.

Moderate numbers; with COGNATE_LONG=1 the 1,000 idle and 64 busy connections that the server promises, and for longer.
"""
import http.client
import json
import os
import random
import resource
import socket
import sys
import threading
import time

from harness import Server, sanitized

LONG = os.environ.get("COGNATE_LONG")
IDLE, BUSY, ROUNDS, PIPELINED = (1000, 64, 20, 2000) if LONG else (300, 64, 2, 200)
KIB_EACH = 160  # of memory for a connection that has been used: its stack and buffers as far as they were touched
JSON = {"Content-Type": "application/json"}


def over_unix(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    peer.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = peer.recv(4096)
    peer.close()
    return answer


def memory_kib(server):
    with open(f"/proc/{server.process.pid}/status") as file:
        return int(dict(line.split(":", 1) for line in file)["VmRSS"].split()[0])


def ask(connection, method, path, body=None):
    connection.request(method, path, json.dumps(body) if body else None, JSON if body else {})
    answer = connection.getresponse()
    data = answer.read()
    return answer.status, data


def busy(server):
    """Every one of many clients at a time gets its own answers."""
    failures = []

    def client(number):
        connection = server.connect()
        try:
            for turn in range(ROUNDS):
                text = f"client {number} asks for the {turn}th time when the train to the coast leaves"
                status, data = ask(connection, "POST", "/v1/tokenize", {"input": text})
                tokens = len(json.loads(data)["tokens"]) if status == 200 else 0
                status, data = ask(connection, "POST", "/v1/embed", {"input": [text] * (1 + number % 3)})
                rows = json.loads(data).get("data", [])
                if status != 200 or len(rows) != 1 + number % 3 or not rows[0]["tokens"] >= tokens > 0:
                    failures.append((number, turn, status, data[:200]))
        except (OSError, http.client.HTTPException, KeyError) as problem:
            failures.append((number, repr(problem)))
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(BUSY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]


def many():
    with Server("--connections", str(IDLE + 200)) as server:
        server.call("POST", "/v1/embed", {"input": ["warm"] * 64})
        before = memory_kib(server)
        idle = []
        for _ in range(IDLE):
            connection = server.connect()
            assert ask(connection, "POST", "/v1/tokenize", {"input": "word " * 500})[0] == 200
            idle.append(connection)
        each = (memory_kib(server) - before) / IDLE
        print(f"{IDLE} idle connections: {each:.0f} KiB each")
        assert each < KIB_EACH or sanitized(), each
        busy(server)
        for connection in idle[:: IDLE // 100]:  # all of them are still good
            assert ask(connection, "GET", "/livez")[0] == 200
        more = [socket.create_connection((server.host, server.port), timeout=60) for _ in range(300)]
        more[-1].sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")  # beyond the limit: refused at once, and said so
        assert b" 503 " in more[-1].recv(4096).split(b"\r\n")[0]
        assert over_unix(server.db + ".sock").startswith(b"HTTP/1.1 200 ")
        for connection in idle + more:
            connection.close()
        for _ in range(200):
            try:
                if server.call("GET", "/livez")[0] == 200:
                    break
            except OSError:
                pass
            time.sleep(0.05)
        else:
            raise AssertionError("the server does not recover from too many connections")
        assert server.call("POST", "/v1/embed", {"input": "x"})[0] == 200


def pipelined():
    """Requests of all kinds in one stream, cut anywhere: each answer is that of its request."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    choice = random.Random(seed)
    kinds = [("GET", "/livez", b"", 200), ("GET", "/nothing", b"", 404), ("HEAD", "/livez", b"", 200),
             ("POST", "/v1/tokenize", b'{"input":"x"}', 200), ("POST", "/v1/tokenize", b"{", 400),
             ("DELETE", "/livez", b"", 405), ("OPTIONS", "/v1/tokenize", b"", 204)]
    asked, stream = [], b""
    for number in range(PIPELINED):
        method, path, body, status = choice.choice(kinds)
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: r{number}\r\n".encode()
        if body and choice.random() < 0.5:
            head += b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n"
            body = b"".join(b"1\r\n" + body[i : i + 1] + b"\r\n" for i in range(len(body))) + b"0\r\n\r\n"
        elif body:
            head += b"Content-Length: %d\r\nContent-Type: application/json\r\n" % len(body)
        asked.append((method, status, f"r{number}"))
        stream += head + b"\r\n" + body
    with Server() as server:
        peer = socket.create_connection((server.host, server.port), timeout=60)

        def send():
            at = 0
            while at < len(stream):
                n = choice.choice((1, 7, 100, 5000))
                peer.sendall(stream[at : at + n])
                at += n

        sender = threading.Thread(target=send)
        sender.start()
        file = peer.makefile("rb")
        for method, status, name in asked:
            line = file.readline()
            headers = {}
            while (field := file.readline().strip()) != b"":
                key, _, value = field.partition(b":")
                headers[key.lower()] = value.strip().decode()
            assert line.split(b" ")[1] == str(status).encode() and headers[b"x-request-id"] == name, (line, headers, name)
            if method != "HEAD" and status != 204:
                assert json.loads(file.read(int(headers[b"content-length"])))
        sender.join()
        peer.close()


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * IDLE + 1000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        print(f"skipped: {IDLE} connections need {wanted} descriptors")
        return 77
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    many()
    pipelined()
    return 0


if __name__ == "__main__":
    sys.exit(main())
