"""Models of Hugging Face's folders, from "model add" to vectors: those that tests/fixtures/models/make_models.py made."""
import io
import json
import os
import shutil
import zipfile

from harness import SOURCE, Scratch, cognate

FIXTURES = os.path.join(SOURCE, "tests", "fixtures")


def run(*arguments, code=0, **more):
    got, out, err = cognate(*arguments, **more)
    assert got == code, (arguments, got, out, err)
    return out, err


def npy(descr, shape, data):
    header = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder + "/data"
    for name in ("bert", "xlm-roberta", "roberta", "distilbert", "mpnet"):
        source = os.path.join(folder, "some-" + name)
        shutil.copytree(os.path.join(FIXTURES, "models", name), source)
        if name == "xlm-roberta":
            shutil.copy(os.path.join(FIXTURES, "tokenizers", "unigram.model"), os.path.join(source, "sentencepiece.bpe.model"))
        out, err = run("model", "add", source)
        assert "some-%s@1" % name in err, err
        assert ("length 1" in err) == (name in ("roberta", "distilbert")), err  # those without a Normalize
        with open(os.path.join(source, "expected.jsonl"), encoding="utf-8") as lines:
            expected = [json.loads(line) for line in lines]
        texts = "".join(e["text"] + "\n" for e in expected)
        prompt = ["--input-type", "document"] if name == "xlm-roberta" else []
        out, _ = run("--model", "some-" + name, "--precision", "f32", "embed", "--long-text", "truncate", *prompt, stdin=texts)
        got = [json.loads(line)["embedding"] for line in out.splitlines()]
        least = min(cosine(g, e["vector"]) for g, e in zip(got, expected))
        assert len(got) == len(expected)
        assert least >= 0.99999 if name != "xlm-roberta" else least < 0.99, (name, least)  # whose prompt takes part

    # ---- what is no model, and what would run code ----
    broken = os.path.join(folder, "broken")
    shutil.copytree(os.path.join(FIXTURES, "models", "bert"), broken)
    os.rename(os.path.join(broken, "model.safetensors"), os.path.join(broken, "pytorch_model.bin"))
    _, err = run("model", "add", broken, code=2)
    assert "pickle" in err and "safetensors" in err, err
    os.remove(os.path.join(broken, "config.json"))
    _, err = run("model", "add", broken, code=2)
    assert "config.json" in err, err
    assert len(run("model", "list", "--json")[0].splitlines()) == 6

    # ---- the package of the Universal Sentence Encoder, and what is not quite it ----
    package = os.path.join(folder, "package")
    shutil.copytree(os.path.join(FIXTURES, "models", "use-multilingual"), package)
    shutil.copy(os.path.join(FIXTURES, "tokenizers", "unigram.model"), os.path.join(package, "sp.model"))
    with zipfile.ZipFile(os.path.join(package, "weights.npz")) as archive:
        arrays = {info.filename: archive.read(info) for info in archive.infolist()}
    run("model", "add", package, "--name", "use")
    shown = run("model", "show", "use")[0].splitlines()
    assert [line.split()[1:] for line in shown if line.startswith("languages")][0][:3] == ["ar", "zh", "zh-Hant"], shown
    assert all(len(line.split()) > 1 for line in shown), shown
    for changes, saying in (({"q3.npy": None}, "q3.npy in weights.npz is not there"),
                            ({"q2.npy": npy("|u1", (2, 3), bytes(6))}, "array q2 in weights.npz has another type or shape"),
                            ({"q2.npy": arrays["q2.npy"][:50]}, "q2.npy in weights.npz ends within its header"),
                            ({"q1.npy": npy("|O", (2, 3), b"")}, "q1.npy in weights.npz is an array of Python objects"),
                            ({"q6.npy": arrays["q2.npy"]}, "array scale in weights.npz"),
                            ({"lo.npy": npy("<f4", (4,), bytes(16))}, "array scale or lo in weights.npz"),
                            ({"w1_3.npy": npy("<f4", (2, 3), bytes(24))}, "conv.1.0.weight"),
                            ({"eps.npy": npy("<f4", (), bytes(4))}, "array eps in weights.npz"),
                            ({"d0.npy": None}, "d0.npy in weights.npz is not there")):
        bytes_of = io.BytesIO()
        with zipfile.ZipFile(bytes_of, "w") as archive:
            for name, data in {**arrays, **changes}.items():
                if data is not None:
                    archive.writestr(name, data)
        with open(os.path.join(package, "weights.npz"), "wb") as file:
            file.write(bytes_of.getvalue())
        _, err = run("model", "add", package, "--name", "use", code=2)
        assert saying in err, (saying, err)
    assert len(run("model", "list", "--json")[0].splitlines()) == 7
