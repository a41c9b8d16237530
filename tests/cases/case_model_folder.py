"""Models of Hugging Face's folders, from "model add" to vectors: those that tests/fixtures/models/make_models.py made."""
import json
import os
import shutil

from harness import SOURCE, Scratch, cognate

FIXTURES = os.path.join(SOURCE, "tests", "fixtures")


def run(*arguments, code=0, **more):
    got, out, err = cognate(*arguments, **more)
    assert got == code, (arguments, got, out, err)
    return out, err


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
