"""Smaller weights: a model of its own with a report of how much it differs; nothing changes over by itself."""
import json
import os

from cut_model import cut_model
from harness import SOURCE, Scratch, cognate

SHIPPED = "cognate-e5-512"
os.environ.pop("COGNATE_MODEL", None)


def run(*arguments, code=0, **more):
    got, out, err = cognate(*arguments, **more)
    assert got == code, (arguments, got, out, err)
    return out, err


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder
    db = folder + "/s.db"
    with open(os.path.join(SOURCE, "data", "samples", "corpus.jsonl")) as file:
        texts = [json.loads(line)["text"].replace("\n", " ") for line in file][:40]
    lines = folder + "/texts.txt"
    with open(lines, "w") as file:
        file.write("\n".join(texts) + "\n")

    # ---- of the shipped model, with its known answers ----
    out, err = run("model", "quantize", SHIPPED, "--type", "q8_0", "--name", "e5-q8", "--texts", lines, "--json")
    made = json.loads(out)
    quality = made["quality"]
    assert (made["name"], made["version"], made["from"]) == ("e5-q8", 1, SHIPPED + "@1"), made
    assert quality["texts"] == 40 and 0.99 < quality["cosine_lowest"] <= quality["cosine_mean"] <= 1.000001, quality
    assert 0.8 < quality["overlap_at_10"] <= 1 and quality["bytes_after"] > quality["bytes_before"], quality
    assert quality["texts_per_second_before"] > 0 and quality["texts_per_second_after"] > 0, quality
    about = json.loads(run("model", "show", "e5-q8", "--json")[0])
    shipped = json.loads(run("model", "show", SHIPPED, "--json")[0])
    assert about["quality"] == quality and SHIPPED + "@1" in about["origin"] and about["license"] == "mit", about
    assert about["canaries"] == 12 and about["spaces"]["int8"] != shipped["spaces"]["int8"] and shipped["in_use"], about
    assert os.path.getsize(about["path"]) == quality["bytes_after"] and about["bytes"] == quality["bytes_after"]
    out, err = run("doctor", db=folder + "/none.db")
    assert "e5-q8@1, installed: 12 known answers" in out, out

    # ---- the next version, compared on a collection; and back again loses nothing more ----
    cut = folder + "/cut.gguf"
    cut_model(cut)
    run("model", "add", cut)
    run("model", "quantize", "cut", "--type", "f16", "--texts", lines)
    run("index", os.path.join(SOURCE, "data", "samples", "corpus.jsonl"), db=db)
    out, err = run("model", "quantize", "cut@2", "--type", "q4_0", "-c", "default", db=db)
    assert "cut@3, compared with cut@2 on 99 texts" in out and "cut@3 is installed" in err, (out, err)
    sizes = {m["version"]: m["bytes"] for m in map(json.loads, run("model", "list", "--json")[0].splitlines()) if m["name"] == "cut"}
    assert sizes[2] > 3 * sizes[3] and sizes[1] - 2000 < sizes[3] < sizes[1] + 2000, sizes
    out, err = run("model", "quantize", "cut@1", "--type", "q4_0", "--name", "same")  # on the texts of the program
    assert "on 128 texts" in out and "1.0000 at the lowest" in out and "1.000 of the first 10" in out, out
    assert json.loads(run("collection", "show", "default", "--json", db=db)[0])["model"] == SHIPPED

    # ---- what is refused leaves nothing ----
    few = folder + "/few.txt"
    with open(few, "w") as file:
        file.write("one\ntwo\n")
    before = run("model", "list", "--json")[0]
    for arguments, saying in (((SHIPPED, "--texts", few), "too few"), ((cut,), "is a file"), (("none",), "no model"),
                              ((SHIPPED, "--texts", lines, "-c", "default"), "not both"), ((SHIPPED, "--type", "q6_k"), "q8_0, q4_0, f16"),
                              ((SHIPPED, "--name", "a b"), "name of a model"), ((SHIPPED, "--texts", folder + "/no.txt"), "no.txt")):
        out, err = run("model", "quantize", *arguments, db=db, code=2)
        assert saying in err, (arguments, err)
    assert run("model", "list", "--json")[0] == before
    assert not [name for name in os.listdir(folder + "/cognate/models") if name.startswith(".new")]
