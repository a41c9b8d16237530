"""`index --watch`: what is written, moved and deleted while it runs is found, beside a server on the same store."""
import os
import signal
import subprocess
import time

from harness import PROGRAM, Scratch, Server, cognate


def eventually(what, condition):
    """Minutes, since nothing here depends on how fast it is."""
    end = time.time() + 120
    while time.time() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(what)


def has(server, name):
    return server.call("GET", "/v1/collections/default/documents/" + name.replace("/", "%2F"))[0] == 200


with Scratch() as folder, Server() as server:
    docs = os.path.join(folder, "docs")
    os.makedirs(os.path.join(docs, "sub"))
    for i in range(4):
        with open(os.path.join(docs, f"{i}.txt"), "w", encoding="utf-8") as file:
            file.write(f"File number {i} of the watched folder.")
    watcher = subprocess.Popen([PROGRAM, "--db", server.db, "index", "--watch", docs], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        eventually("the first pass", lambda: has(server, "docs/3.txt"))
        with open(os.path.join(docs, "sub", "new.txt"), "w", encoding="utf-8") as file:
            file.write("A new file in a folder below.")
        eventually("a new file", lambda: has(server, "docs/sub/new.txt"))
        os.makedirs(os.path.join(docs, "later"))
        with open(os.path.join(docs, "later", "x.txt"), "w", encoding="utf-8") as file:
            file.write("A file in a folder that came later.")
        eventually("a new folder", lambda: has(server, "docs/later/x.txt"))
        os.rename(os.path.join(docs, "0.txt"), os.path.join(docs, "moved.txt"))
        eventually("a moved file", lambda: has(server, "docs/moved.txt") and not has(server, "docs/0.txt"))
        os.remove(os.path.join(docs, "1.txt"))
        eventually("a deleted file", lambda: not has(server, "docs/1.txt"))
        assert has(server, "docs/2.txt")
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(60) == 0
    finally:
        watcher.kill()
        output = watcher.communicate()[0].decode()
    assert "watching for changes" in output, output

    code, _, err = cognate("index", "--watch", "-", db=server.db)
    assert code == 2 and "needs files or folders" in err, err
