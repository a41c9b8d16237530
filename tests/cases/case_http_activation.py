"""Started by a service manager: sockets handed over, READY=1 and STOPPING=1, nothing public without keys."""
import http.client
import os
import signal
import socket
import subprocess
import sys

from harness import PROGRAM, Scratch

# Puts the listening sockets where a manager puts them, and becomes the program.
HAND_OVER = """
import os, sys
given, command = [int(fd) for fd in sys.argv[1].split(",")], sys.argv[2:]
high = [os.dup(fd) for fd in given for _ in range(9)][8::9]
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number, True)
os.environ.update(LISTEN_FDS=str(len(given)), LISTEN_PID=str(os.getpid()))
os.execv(command[0], command)
"""


def start(folder, sockets, *arguments):
    numbers = [s.fileno() for s in sockets]
    return subprocess.Popen([sys.executable, "-c", HAND_OVER, ",".join(map(str, numbers)), PROGRAM, "--db",
                             os.path.join(folder, "test.db"), "serve", *arguments], pass_fds=numbers, stdin=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, "NOTIFY_SOCKET": os.path.join(folder, "notify")})


def listening(family, address):
    s = socket.socket(family)
    s.bind(address)
    s.listen(16)
    return s


def ask(connection):
    connection.request("POST", "/v1/tokenize", '{"input":"x"}', {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer.status


def served(folder, manager):
    tcp, path = listening(socket.AF_INET, ("127.0.0.1", 0)), os.path.join(folder, "handed.sock")
    unix = listening(socket.AF_UNIX, path)
    port = tcp.getsockname()[1]
    early = socket.create_connection(("127.0.0.1", port))  # waits in the manager's socket until the program is there
    early.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    process = start(folder, [tcp, unix])
    tcp.close()
    unix.close()
    assert manager.recv(100) == b"READY=1"
    assert early.recv(4096).startswith(b"HTTP/1.1 200 ")
    early.close()
    assert ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) == 200
    local = http.client.HTTPConnection("localhost", timeout=60)
    local.sock = socket.socket(socket.AF_UNIX)
    local.sock.connect(path)
    assert ask(local) == 200
    process.send_signal(signal.SIGTERM)
    assert manager.recv(100) == b"STOPPING=1"
    local.close()
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0, err
    assert f"listening on http://127.0.0.1:{port}" in err and "--port" not in err, err
    assert os.path.exists(path), "a socket of the manager's was removed"


def refused(folder):
    public = listening(socket.AF_INET, ("0.0.0.0", 0))
    process = start(folder, [public])
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and "--keys" in err, err
    public.close()
    with open(os.path.join(folder, "no socket"), "w") as file:
        process = start(folder, [file])
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 2 and "descriptor 3" in err, err


def main():
    with Scratch() as folder:
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(os.path.join(folder, "notify"))
        manager.settimeout(60)
        served(folder, manager)
        refused(folder)
        manager.close()


if __name__ == "__main__":
    sys.exit(main())
