"""Models are loaded, unloaded, put to use, rolled back and re-embedded with while many clients ask: no request fails, and
each gets the vectors of the model that it asked for."""
import json
import os
import signal
import threading
import time

from cut_model import cut_model
from harness import Scratch, Server, cognate

SHIPPED = "cognate-e5-512"
TEXTS = ["The ferry to the island leaves at nine.", "Der Bäcker öffnet um sieben.", "Los gatos duermen al sol.", "今日は雨です。",
         "La bibliothèque est fermée le lundi.", "A bicycle needs air in its tyres.", "Il treno per Roma è in ritardo."]
os.environ.pop("COGNATE_MODEL", None)


def admin(server, action, model=None, status=200):
    got, answer = server.call("POST", "/v1/admin/models", {"action": action, **({"model": model} if model else {})})
    assert got == status, (action, model, got, answer)
    return answer


def states(server, name):
    status, answer = server.call("GET", "/v1/models/" + name)
    assert status == 200, answer
    return {v["version"]: v["state"] for v in answer["model_version_status"]}


def finish(server, body):
    status, job = server.call("POST", "/v1/admin/reembed", body)
    assert status == 202, job
    while job["state"] in ("queued", "running"):
        time.sleep(0.05)
        job = server.call("GET", "/v1/jobs/" + job["id"])[1]
    assert job["state"] == "done", job


class Client(threading.Thread):
    """Asks the same thing again and again until it is stopped; `check` looks at each answer."""

    def __init__(self, server, stop, requests, check):
        super().__init__()
        self.server, self.stop, self.requests, self.check = server, stop, requests, check
        self.done, self.problems = 0, []

    def run(self):
        connection = self.server.connect()
        while not self.stop.is_set() and not self.problems:
            for method, path, body in self.requests:
                connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                data = answer.read()
                self.done += 1
                if answer.status != 200 or not self.check(json.loads(data)):
                    self.problems.append((path, answer.status, data[:500]))
        connection.close()


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder
    cut, thin = folder + "/cut.gguf", folder + "/thin.gguf"
    cut_model(cut)
    cut_model(thin, layers=1)
    for arguments in (("model", "add", cut), ("model", "add", thin), ("model", "label", "cut@1", "stable")):
        code, out, err = cognate(*arguments)
        assert code == 0, err
    with Server() as server:
        def vector(body):
            status, answer = server.call("POST", "/v1/embeddings", body)
            assert status == 200, answer
            return answer["data"][0]["embedding"]

        # ---- what is loaded, one step at a time ----
        assert states(server, SHIPPED) == {"1": "AVAILABLE"} and states(server, "cut") == {"1": "START", "2": "START"}
        assert admin(server, "load", "cut")["state"] == "AVAILABLE"  # the stable one
        assert states(server, "cut") == {"1": "AVAILABLE", "2": "START"}
        assert server.call("GET", "/v1/models/cut/labels/stable")[1]["model_version_status"][0]["version"] == "1"
        assert server.call("GET", "/v1/models/cut/versions/2")[1]["model_version_status"][0]["state"] == "START"
        for path in ("/versions/3", "/labels/none", "/versions/stable", "/labels/2", "/versions/3/metadata"):
            assert server.call("GET", "/v1/models/cut" + path)[0] == 404, path
        metrics = server.call("GET", "/metrics")[1]
        assert 'cognate_model_info{model="cut@1"' in metrics and 'model="' + SHIPPED in metrics, metrics
        before = int(metrics.split("\ncognate_encoder_texts_total ")[1].split()[0])
        want = {None: vector({"input": TEXTS[0], "model": SHIPPED}), "cut": vector({"input": TEXTS[0], "model": "cut"})}
        want["cut@2"] = vector({"input": TEXTS[0], "model": "cut@2"})
        assert len({json.dumps(v) for v in want.values()}) == 3
        status, answer = server.call("POST", "/v1/models/cut/versions/2:predict", {"instances": [TEXTS[0]]})
        assert status == 200 and answer["predictions"][0] == want["cut@2"], status
        assert admin(server, "unload", "cut@2")["state"] == "START" and admin(server, "unload", "cut")["state"] == "START"
        metrics = server.call("GET", "/metrics")[1]
        assert "cut@1" not in metrics and int(metrics.split("\ncognate_encoder_texts_total ")[1].split()[0]) >= before + 3
        for action, model, status in (("unload", "cut", 404), ("unload", SHIPPED, 409), ("load", "none", 404), ("load", cut, 400),
                                      ("use", "none", 404), ("rollback", SHIPPED, 400), ("load", None, 400), ("rollback", None, 404)):
            admin(server, action, model, status)
        ids = {m["id"]: m["in_use"] for m in server.call("GET", "/v1/models")[1]["data"]}
        assert ids == {SHIPPED: True, "cut": False}, ids

        # ---- collections of two models ----
        for name, model in (("long", SHIPPED), ("short", "cut@1")):
            status, answer = server.call("PUT", "/v1/collections/" + name, {"model": model})
            assert status == 201 and answer["model"] == model, answer
            rows = [{"id": "%03d" % i, "text": "%s (%d)" % (TEXTS[i % 7], i)} for i in range(28)]
            status, answer = server.call("POST", "/v1/collections/%s/documents" % name, rows)
            assert status == 200 and answer["created"] == 28, answer
        status, answer = server.call("PUT", "/v1/collections/short", {"model": SHIPPED})
        assert status == 409 and answer["field"] == "model", answer

        # ---- everything at a time ----
        stop = threading.Event()
        search = {"query": "when does the boat leave?", "k": 3}
        clients = [Client(server, stop, [("POST", "/v1/collections/%s/search" % name, search)], lambda a: len(a["hits"]) == 3) for name in ("long", "short")]
        clients += [Client(server, stop, [("POST", "/v1/embeddings", {"input": TEXTS[0], "model": model})],
                           lambda a, want=want[key]: a["data"][0]["embedding"] == want)
                    for key, model in ((None, SHIPPED + "@1"), ("cut", "cut@1"), ("cut@2", "cut@2"))]
        clients.append(Client(server, stop, [("POST", "/v1/embeddings", {"input": TEXTS[0]})], lambda a: a["data"][0]["embedding"] in want.values()))
        clients.append(Client(server, stop, [("POST", "/v1/collections/short/documents", {"id": "new", "text": "New."}), ("GET", "/v1/models", None),
                                             ("GET", "/v1/models/cut", None), ("GET", "/version", None)], lambda a: True))
        for client in clients:
            client.start()
        for _ in range(4):
            admin(server, "load", "cut@2")
            admin(server, "use", "cut@1")
            assert server.call("GET", "/version")[1]["model"]["name"] == "cut"
            for name in ("cut@2", SHIPPED):
                admin(server, "unload", name)
            admin(server, "use", "cut@2")
            admin(server, "rollback")
            admin(server, "rollback")
            admin(server, "unload", "cut@1")
        finish(server, {"collection": "short", "model": "cut@2"})
        finish(server, {"collection": "short", "rollback": True})
        finish(server, {"collection": "long", "model": "cut"})
        code, out, err = cognate("model", "use", "cut@2")  # from another process, without a word to the server
        assert code == 0, err
        assert server.call("GET", "/version")[1]["model"]["name"] == SHIPPED
        server.process.send_signal(signal.SIGHUP)
        while server.call("GET", "/version")[1]["model"]["name"] != "cut":
            time.sleep(0.02)
        stop.set()
        for client in clients:
            client.join()
        problems = [p for client in clients for p in client.problems]
        assert not problems, problems
        assert all(client.done > 3 for client in clients), [client.done for client in clients]
        print("answered:", [client.done for client in clients])

        assert server.call("GET", "/v1/collections/short")[1]["model"] == "cut@1"
        assert server.call("GET", "/v1/collections/long")[1]["model"] == "cut@1"
        code, out, err = cognate("model", "rollback", "--json", db=server.db)  # through the server
        assert code == 0 and json.loads(out)["name"] == SHIPPED, (out, err)
        assert vector({"input": TEXTS[0]}) == want[None]
        admin(server, "unload", "cut@2")
        while states(server, "cut")["2"] != "START":  # the last call that used it has ended
            time.sleep(0.02)
