"""Many clients of a server at a time, for measuring: what a client costs is a send and a few receives.

    rate = served(("127.0.0.1", 8088), [request("/v1/embed", {"input": text}) for text in texts], clients=8, seconds=5)
"""
import json
import socket
import threading
import time


def request(path, body):
    data = json.dumps(body).encode()
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def client(address, requests, until, done):
    """Sends prepared requests over one connection and looks at nothing but the status and the length of the answer."""
    peer = socket.create_connection(address)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    room, count = bytearray(1 << 20), 0
    while time.monotonic() < until:
        peer.sendall(requests[count % len(requests)])
        n, wanted = 0, None
        while wanted is None or n < wanted:
            got = peer.recv_into(memoryview(room)[n:])
            assert got, "the server closed the connection"
            n += got
            if wanted is None and (end := room.find(b"\r\n\r\n", 0, n)) >= 0:
                head = bytes(room[:end]).lower()
                assert head.startswith(b"http/1.1 200 "), head
                wanted = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        count += 1
    peer.close()
    done.append(count)


def served(address, requests, clients, seconds):
    """Requests a second; each client has its own share of the requests."""
    done, start = [], time.monotonic()
    threads = [threading.Thread(target=client, args=(address, requests[i::clients], start + seconds, done)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == clients, "a client failed"
    return sum(done) / (time.monotonic() - start)
