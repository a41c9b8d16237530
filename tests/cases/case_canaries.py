"""Known answers: a model whose vectors are not what they should be is an alarm at the start, on the timer and in `doctor`,
and is not installed."""
import os
import time

from harness import SOURCE, Scratch, Server, cognate

os.environ.pop("COGNATE_MODEL", None)
KEY = b"cognate.canary.vectors"


def wait_for(what):
    end = time.monotonic() + 120
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def metric(server, name):
    line = next(line for line in server.call("GET", "/metrics")[1].splitlines() if line.startswith(name))
    return float(line.rsplit(" ", 1)[1])


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder
    with open(os.path.join(SOURCE, "data", "cognate-e5-512.gguf"), "rb") as file:
        data = bytearray(file.read())
    at = data.index(KEY) + len(KEY) + 4 + 4 + 8  # the type, the type of the elements, their count
    for i in range(at + 3, at + 4 * 512, 4):
        data[i] ^= 0x80  # the sign of each number of the first answer
    moved = folder + "/moved.gguf"
    with open(moved, "wb") as file:
        file.write(data)

    with Server("--canary-interval", "1") as server:
        wait_for(lambda: server.call("GET", "/health")[1]["models"][0]["checks"] >= 2)  # at the start, and on the timer
        health = server.call("GET", "/health")[1]
        assert health["status"] == "ok" and not health["models"][0]["moved"], health
        assert health["models"][0]["answers"] == 12 and health["models"][0]["lowest_cosine"] > 0.99, health
        assert abs(metric(server, "cognate_model_canary_lowest_cosine{") - health["models"][0]["lowest_cosine"]) < 1e-6
        assert metric(server, "cognate_model_canary_failures_total") == 0 and "ALARM" not in server.log, server.log
        assert server.call("GET", "/readyz")[1] == {"status": "ok"} == server.call("GET", "/ping")[1]

    with Server("--canary-interval", "1", env={"COGNATE_MODEL": moved}) as server:
        wait_for(lambda: metric(server, "cognate_model_canary_failures_total") >= 2)
        status, health = server.call("GET", "/health")
        assert status == 200 and health["status"] == "degraded", health
        assert health["models"][0]["moved"] and health["models"][0]["lowest_cosine"] < 0, health
        assert metric(server, "cognate_model_canary_lowest_cosine{") < 0
        assert server.log.count("ALARM: the model cognate-e5-512 gives other vectors") >= 2, server.log
        assert server.call("POST", "/v1/embed", {"input": "it goes on"})[0] == 200

    with Server("--canary-interval", "0", env={"COGNATE_MODEL": moved}) as server:
        wait_for(lambda: metric(server, "cognate_model_canary_failures_total") == 1)  # once, when it was loaded
        time.sleep(2.5)
        assert metric(server, "cognate_model_canary_failures_total") == 1

    code, out, err = cognate("--model", moved, "doctor", db=folder + "/none.db")
    assert code == 2 and "fail answers" in out, (code, out)
    code, out, err = cognate("model", "add", moved)
    assert code == 2 and "known answer 0" in err, (code, err)
    code, out, err = cognate("model", "list", "--json")
    assert out.count("\n") == 1, out

    # An installed model that is damaged later.
    code, out, err = cognate("model", "add", os.path.join(SOURCE, "data", "cognate-e5-512.gguf"), "--name", "copy")
    assert code == 0, err
    code, out, err = cognate("doctor", db=folder + "/none.db")
    assert code == 0 and "copy@1, installed: 12 known answers" in out, (code, out)
    with open(folder + "/cognate/models/copy/1/model.gguf", "r+b") as file:
        file.seek(at)
        file.write(data[at:at + 4 * 512])
    code, out, err = cognate("doctor", db=folder + "/none.db")
    assert code == 2 and "copy@1" in out and "SHA-256" in out, (code, out)
