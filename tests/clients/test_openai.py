"""OpenAI's routes through the clients that people use: the openai packages of Python and Node, LangChain, LlamaIndex."""
import json
import os
import shutil
import subprocess

from clients import MODEL, TEXTS, address, refuses, run, same, vectors

NODE = """
const OpenAI = require("openai").default;
const client = new OpenAI({baseURL: process.env.BASE_URL + "/v1", apiKey: "none"});
(async () => {
  const input = JSON.parse(process.env.TEXTS), model = process.env.MODEL;
  const plain = await client.embeddings.create({model, input});
  const short = await client.embeddings.create({model, input, dimensions: 64, encoding_format: "float"});
  const models = await client.models.list();
  let refused = null;
  try {
    await client.embeddings.create({model: "none", input});
  } catch (e) {
    refused = {kind: e.constructor.name, status: e.status, code: e.code, param: e.param};
  }
  console.log(JSON.stringify({plain, short, models: models.data, refused}));
})();
"""


def openai_python(server):
    import openai
    client = openai.OpenAI(base_url=address(server) + "/v1", api_key="none", max_retries=0)
    answer = client.embeddings.create(model=MODEL, input=TEXTS)  # base64 on the wire
    assert same([row.embedding for row in answer.data], vectors(server, TEXTS))
    assert [row.index for row in answer.data] == [0, 1, 2, 3] and answer.model == MODEL
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 20
    answer = client.embeddings.create(model=MODEL, input=TEXTS[0], encoding_format="float", dimensions=64, user="someone")
    assert same([answer.data[0].embedding], vectors(server, TEXTS[0], dimensions=64))
    answer = client.embeddings.create(model=MODEL, input=TEXTS, extra_body={"input_type": "document"})
    assert same([row.embedding for row in answer.data], vectors(server, TEXTS, input_type="document"))

    status, tokens = server.call("POST", "/v1/tokenize", {"input": TEXTS})
    ids = [[token["id"] for token in row["tokens"]] for row in tokens["results"]]
    answer = client.embeddings.create(model=MODEL, input=ids)
    assert status == 200 and same([row.embedding for row in answer.data], vectors(server, TEXTS))

    many = ["text number %d" % i for i in range(5000)]
    assert len(client.embeddings.create(model=MODEL, input=many, dimensions=2).data) == len(many)
    assert len(client.embeddings.create(model=MODEL, input="long " * 5000).data) == 1

    assert [m.id for m in client.models.list()] == [MODEL] and client.models.retrieve(MODEL).owned_by == "cognate"
    error = refuses(openai.NotFoundError, lambda: client.embeddings.create(model="none", input="a"), MODEL)
    assert (error.code, error.param, error.type) == ("model_not_found", "model", "invalid_request_error")
    error = refuses(openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input=[]), "empty")
    assert error.param == "input"
    refuses(openai.BadRequestError, lambda: client.embeddings.create(model=MODEL, input="a", dimensions=5000), "512")
    refuses(openai.NotFoundError, lambda: client.models.retrieve("none"))


def openai_node(server):
    folder = os.path.join(os.environ["COGNATE_BUILD"], "clients-node")
    if shutil.which("node") is None or not os.path.isdir(os.path.join(folder, "node_modules", "openai")):
        raise ImportError("no node, or no openai package for it")
    done = subprocess.run(["node", "-e", NODE], cwd=folder, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "BASE_URL": address(server), "MODEL": MODEL, "TEXTS": json.dumps(TEXTS)})
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert same([row["embedding"] for row in answer["plain"]["data"]], vectors(server, TEXTS))
    assert same([row["embedding"] for row in answer["short"]["data"]], vectors(server, TEXTS, dimensions=64))
    assert [m["id"] for m in answer["models"]] == [MODEL]
    assert answer["refused"] == {"kind": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}


def langchain(server):
    from langchain_openai import OpenAIEmbeddings
    embeddings = OpenAIEmbeddings(base_url=address(server) + "/v1", api_key="none", model=MODEL, check_embedding_ctx_length=False)
    assert same(embeddings.embed_documents(TEXTS), vectors(server, TEXTS))
    assert same([embeddings.embed_query(TEXTS[3])], vectors(server, TEXTS[3]))


def llama_index(server):
    from llama_index.embeddings.openai import OpenAIEmbedding
    embedding = OpenAIEmbedding(api_base=address(server) + "/v1", api_key="none", model_name=MODEL)
    assert same(embedding.get_text_embedding_batch(TEXTS), vectors(server, TEXTS))
    assert same([embedding.get_query_embedding(TEXTS[3])], vectors(server, TEXTS[3]))


if __name__ == "__main__":
    run(openai_python, openai_node, langchain, llama_index)
