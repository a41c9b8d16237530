"""The Model Context Protocol's own package, over stdin and over HTTP, in both generations of the protocol."""
import asyncio
import os
import tempfile

from clients import address, run

PROGRAM = os.path.join(os.environ["COGNATE_BUILD"], "cognate")
DOCUMENTS = [{"id": "train", "text": "Der Zug nach Wien fährt von Gleis vier."}, {"id": "cats", "text": "Los gatos duermen al sol."}]


async def use(target, mode, tools):
    from mcp import Client
    async with Client(target, mode=mode) as client:
        assert [t.name for t in (await client.list_tools()).tools] == tools
        if "add" in tools:
            added = await client.call_tool("add", {"documents": DOCUMENTS})
            assert not added.is_error, added
        found = await client.call_tool("search", {"query": "Where does the train leave?", "k": 1})
        assert not found.is_error and found.structured_content["hits"][0]["id"] == "train", found
        read = await client.call_tool("get", {"id": "cats"})
        assert read.structured_content["text"] == DOCUMENTS[1]["text"]
        near = await client.call_tool("similar", {"text": "cats", "others": [d["text"] for d in DOCUMENTS]})
        assert near.structured_content["cosines"][1] > near.structured_content["cosines"][0]
        assert (await client.call_tool("get", {"id": "none"})).is_error
        assert (await client.call_tool("search", {"question": "a"})).is_error


READ, WRITE = ["search", "get", "similar", "collections"], ["search", "get", "similar", "collections", "add", "delete"]


def over_stdin(server):
    from mcp import StdioServerParameters
    with tempfile.TemporaryDirectory() as folder:
        for mode in ("legacy", "auto"):
            for extra, tools in ((["--write"], WRITE), ([], READ)):
                parameters = StdioServerParameters(command=PROGRAM, args=["--db", os.path.join(folder, "test.db"), "mcp", *extra],
                                                   env=dict(os.environ))
                asyncio.run(use(parameters, mode, tools))


def over_http(server):
    for mode in ("legacy", "auto", "2026-07-28"):
        for path, tools in (("/mcp/write", WRITE), ("/mcp", READ)):
            asyncio.run(use(address(server) + path, mode, tools))


if __name__ == "__main__":
    run(over_stdin, over_http)
