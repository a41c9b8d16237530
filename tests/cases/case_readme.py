"""Every command of the README runs: its sh blocks in order, in a scratch home, with the built program on the PATH."""
import os
import re
import socket
import subprocess

from harness import BUILD, SOURCE, Scratch

text = open(os.path.join(SOURCE, "README.md"), encoding="utf-8").read()
blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.M | re.S)
assert len(blocks) >= 2 and "sh tests/run.sh" in text and "sh cli/quickstart.sh" in text
commands = {line.split()[1] for block in blocks for line in block.splitlines() if line.startswith("cognate ")}
assert commands >= {"index", "search", "similar", "embed", "tokenize", "status", "doctor", "serve", "collection"}, commands
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = str(probe.getsockname()[1])
with Scratch() as home:
    script = "set -eu\n" + "\n".join(blocks).replace("8088", port) + "\nkill %1\nwait %1\n"
    done = subprocess.run(["bash", "-c", script], cwd=home, capture_output=True, text=True, timeout=300,
                          env={**os.environ, "HOME": home, "PATH": BUILD + ":" + os.environ["PATH"], "XDG_DATA_HOME": home + "/data",
                               "XDG_CACHE_HOME": home + "/cache"})
assert done.returncode == 0, done.stdout + done.stderr
out = done.stdout
for expected in ('notes/zug.md', '"id":"cats"', "cosine 0.", "▁Dona", "ok   model", '"status":"created"', '"id":"a"',
                 '"object":"list"', '"score":0.', "# HELP", "a train\tein Zug", '"index":0,"score":', '"structuredContent"'):
    assert expected in out, (expected, out[:4000])
