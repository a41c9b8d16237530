"""`cognate mcp` and POST /mcp as an agent's program uses them: every byte of stdout is protocol, whatever comes in."""
import json
import os
import subprocess
import sys

from harness import PROGRAM, Scratch, Server, cognate

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
DOCUMENTS = [{"id": "train", "text": "Der Zug nach Wien fährt heute von Gleis vier.", "metadata": {"kind": "notice"}},
             {"id": "cats", "text": "Los gatos duermen al sol."},
             {"id": "long", "text": "Ein langer Text über Brot. " * 1500}]


class Agent:
    """A session over stdin and stdout."""

    def __init__(self, db, *arguments):
        self.process = subprocess.Popen([PROGRAM, "--db", db, "mcp", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.number = 0

    def send(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params=None):
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method, **({} if params is None else {"params": params})}
        self.send(json.dumps(message).encode())
        answer = json.loads(self.process.stdout.readline())
        assert answer["jsonrpc"] == "2.0" and answer["id"] == self.number, answer
        return answer["result"] if "result" in answer else answer["error"]

    def use(self, name, **arguments):
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        text = result["content"][0]["text"]
        if result["isError"]:
            return text
        assert json.loads(text) == result["structuredContent"], result
        return result["structuredContent"]

    def end(self):
        """Closes stdin; what else came on stdout."""
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, (self.process.returncode, err)
        return out


def session(db):
    """Both generations of the protocol on one pipe, reading only."""
    agent = Agent(db)
    started = agent.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
    assert started["protocolVersion"] == "2025-06-18" and "instructions" in started
    agent.send(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    agent.send(b"")
    assert [t["name"] for t in agent.ask("tools/list")["tools"]] == ["search", "get", "similar", "collections"]
    assert agent.ask("tools/list", {"_meta": META})["resultType"] == "complete"
    found = agent.use("search", query="Where does the train leave?", k=2)
    assert found["hits"][0]["id"] == "train" and found["hits"][0]["passage"]["text"].startswith("Der Zug"), found
    assert agent.use("search", query="gatos", mode="keyword")["hits"][0]["id"] == "cats"
    assert agent.use("search", query="train", filter={"field": "kind", "eq": "none"})["hits"] == []
    page = agent.use("get", id="long")
    text, size = page["text"].encode(), page["bytes"]
    while page["end"] < size:
        page = agent.use("get", id="long", start=page["end"])
        text += page["text"].encode()
    assert text.decode() == DOCUMENTS[2]["text"]
    near = agent.use("similar", text="The train is late.", others=["Der Zug hat Verspätung.", "Los gatos duermen."])["cosines"]
    assert near[0] > near[1]
    like = agent.use("similar", id="train", k=2)["hits"]
    assert len(like) == 2 and "train" not in [h["id"] for h in like] and like[0]["passage"]["text"], like
    for wrong in ({"text": "a"}, {"id": "train", "text": "a"}, {"id": "train", "others": ["a"]}, {}):
        assert "text and others" in agent.use("similar", **wrong), wrong
    assert "nobody" in agent.use("similar", id="nobody")
    assert agent.use("collections")["collections"][0]["name"] == "default"
    assert "no document" in agent.use("get", id="none")
    assert "none" in agent.use("search", query="a", collection="none")
    assert agent.ask("tools/call", {"name": "delete", "arguments": {"ids": ["cats"]}})["code"] == -32602
    assert agent.end() == b""


def hostile(db):
    """Lines that are no messages are answered as such, and the next one is read."""
    agent = Agent(db)
    for line in (b"{", b"\xff\xfe", b'"text"', b"[]", b"null", b"{\"a\":1,\"a\":2}", b"[" * 100, b"\x00\x00", b"a\x00b",
                 b'{"jsonrpc":"2.0","id":1,"method":' + b"x" * (17 << 20)):
        agent.send(line)
        answer = json.loads(agent.process.stdout.readline())
        assert answer["jsonrpc"] == "2.0" and answer["error"]["code"] in (-32700, -32600), (line[:40], answer)
    assert agent.ask("ping") == {}
    agent.send(b'{"jsonrpc":"2.0","id":"last","method":"ping"}')
    assert json.loads(agent.process.stdout.readline())["id"] == "last"
    agent.process.stdin.write(b'{"jsonrpc":"2.0","id":"no line end","method":"ping"}')
    assert json.loads(agent.end())["id"] == "no line end"


def writing(db):
    agent = Agent(db, "--write")
    added = agent.use("add", documents=[{"id": "new", "text": "La panadería abre a las siete."}])
    assert added["created"] == 1 and added["results"][0]["id"] == "new", added
    assert agent.use("search", query="When does the bakery open?", k=1)["hits"][0]["id"] == "new"
    assert agent.use("delete", ids=["new", "none"]) == {"deleted": 1}
    assert "no document" in agent.use("get", id="new")
    assert agent.end() == b""


def start_up(folder):
    """What cannot start says so on stderr, and nothing on stdout."""
    code, out, err = cognate("mcp", db=os.path.join(folder, "none.db"), stdin='{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    assert code == 2 and out == "" and "none.db" in err, (code, out, err)


def over_http(db):
    with Server(db=db) as server:
        def post(message, path="/mcp", **headers):
            return server.exchange("POST", path, message, {"Accept": "application/json, text/event-stream", **headers})

        modern = {"MCP-Protocol-Version": "2026-07-28"}
        status, headers, answer = post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}})
        assert status == 200 and headers["content-type"] == "application/json" and answer["result"]["protocolVersion"] == "2025-11-25"
        status, headers, answer = post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (status, answer) == (202, ""), (status, answer)
        search = {"name": "search", "arguments": {"query": "Where does the train leave?"}}
        status, _, answer = post({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": search}, **{"MCP-Protocol-Version": "2025-11-25"})
        assert status == 200 and answer["result"]["structuredContent"]["hits"][0]["id"] == "train", answer
        request = {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {**search, "_meta": META}}
        status, _, answer = post(request, **modern, **{"Mcp-Method": "tools/call", "Mcp-Name": "search"})
        assert status == 200 and answer["result"]["resultType"] == "complete", answer
        status, _, answer = post(request, **modern, **{"Mcp-Method": "tools/call", "Mcp-Name": "get"})
        assert (status, answer["error"]["code"]) == (400, -32020), answer
        status, _, answer = post({"jsonrpc": "2.0", "id": 4, "method": "ping"}, **{"MCP-Protocol-Version": "1900-01-01"})
        assert (status, answer["error"]["code"]) == (400, -32022) and "2026-07-28" in answer["error"]["data"]["supported"]
        unknown = {"jsonrpc": "2.0", "id": 5, "method": "resources/list", "params": {"_meta": META}}
        status, _, answer = post(unknown, **modern, **{"Mcp-Method": "resources/list"})
        assert (status, answer["error"]["code"]) == (404, -32601), answer
        status, _, answer = post("{")
        assert (status, answer["error"]["code"]) == (400, -32700), answer
        assert post({"jsonrpc": "2.0", "id": 6, "method": "ping"}, Origin="https://other.example")[0] == 403
        for method in ("GET", "DELETE"):
            status, headers, _ = server.exchange(method, "/mcp")
            assert status == 405 and headers["allow"] == "POST", (method, status, headers)
        tools = post({"jsonrpc": "2.0", "id": 7, "method": "tools/list"}, path="/mcp/write")[2]["result"]["tools"]
        assert [t["name"] for t in tools][-2:] == ["add", "delete"]

        agent = Agent(db, "--write")  # the server holds the store, and does the work
        assert agent.use("add", documents=[{"id": "remote", "text": "x"}])["created"] == 1
        assert agent.use("delete", ids=["remote"])["deleted"] == 1 and agent.end() == b""


def main():
    with Scratch() as folder:
        db = os.path.join(folder, "test.db")
        rows = "".join(json.dumps(d) + "\n" for d in DOCUMENTS)
        code, _, err = cognate("index", "--as", "jsonl", "-", db=db, stdin=rows)
        assert code == 0, err
        session(db)
        hostile(db)
        writing(db)
        start_up(folder)
        over_http(db)


if __name__ == "__main__":
    sys.exit(main())
