"""TensorFlow Serving's REST API as its clients use it: requests, the JSON of the API guide, numpy arrays back."""
from clients import MODEL, TEXTS, address, run, same, vectors


def rest(server):
    import numpy
    import requests
    base = address(server) + "/v1/models/" + MODEL
    wanted = vectors(server, TEXTS)

    status = requests.get(base).json()["model_version_status"]
    version = status[0]["version"]
    assert status == [{"version": version, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]
    for path in ("/versions/" + version, "/labels/stable"):
        assert requests.get(base + path).json()["model_version_status"] == status, path
        metadata = requests.get(base + path + "/metadata").json()
        assert metadata["model_spec"] == {"name": MODEL, "signature_name": "", "version": version}
        signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
        (name, tensor), = signature["inputs"].items()
        assert tensor["dtype"] == "DT_STRING" and tensor["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
        (_, tensor), = signature["outputs"].items()
        assert tensor["dtype"] == "DT_FLOAT" and [d["size"] for d in tensor["tensor_shape"]["dim"]] == ["-1", "512"]

    for path in ("", "/versions/" + version, "/labels/stable"):
        rows = requests.post(base + path + ":predict", json={"signature_name": "serving_default", "instances": TEXTS}).json()
        assert list(rows) == ["predictions"] and same(rows["predictions"], wanted), path
        assert numpy.array(rows["predictions"]).shape == (4, 512)
        named = requests.post(base + path + ":predict", json={"instances": [{name: text} for text in TEXTS]}).json()
        assert same(named["predictions"], wanted)
        columns = requests.post(base + path + ":predict", json={"inputs": {name: TEXTS}}).json()
        assert list(columns) == ["outputs"] and same(columns["outputs"], wanted)
        assert same(requests.post(base + path + ":predict", json={"inputs": TEXTS}).json()["outputs"], wanted)

    for method, path, body, code in (
        ("get", "/versions/99", None, 404), ("get", "/labels/canary", None, 404), ("get", "x", None, 404),
        ("post", "/versions/99:predict", {"instances": ["a"]}, 404), ("post", ":predict", {}, 400),
        ("post", ":predict", {"instances": ["a"], "inputs": ["a"]}, 400), ("post", ":predict", {"instances": []}, 400),
        ("post", ":predict", {"instances": [1]}, 400), ("post", ":predict", {"instances": ["a"], "signature_name": "x"}, 400),
    ):
        answer = getattr(requests, method)(base + path, **({} if body is None else {"json": body}))
        assert answer.status_code == code and list(answer.json()) == ["error"], (path, body, answer.status_code, answer.text)


if __name__ == "__main__":
    run(rest)
