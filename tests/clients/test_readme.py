"""The README's programs in Python and JavaScript run as they stand, but for the port."""
import os
import re
import shutil
import subprocess
import sys

from clients import run


def program(server, language):
    text = open(os.path.join(os.environ["COGNATE_SOURCE"], "README.md"), encoding="utf-8").read()
    block, = re.findall(r"^```%s\n(.*?)^```$" % language, text, re.M | re.S)
    return block.replace("127.0.0.1:8088", "%s:%d" % (server.host, server.port))


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(server):
    import openai  # noqa: F401
    assert output(sys.executable, "-c", program(server, "python")) == "2 vectors of 512 numbers\n"


def javascript(server):
    if shutil.which("node") is None:
        raise ImportError("no node here")
    server.call("POST", "/v1/collections/default/documents", {"id": "a", "text": "La bibliothèque ouvre à neuf heures."})
    assert output("node", "--input-type=module", "-e", program(server, "js")) == "a fr La bibliothèque ouvre à neuf heures.\n"


if __name__ == "__main__":
    run(python, javascript)
