"""The model store: models come and go, are called by names, versions and labels; collections keep theirs."""
import json
import os
import shutil
import subprocess

from cut_model import cut_model
from harness import PROGRAM, Scratch, cognate

SHIPPED = "cognate-e5-512"
os.environ.pop("COGNATE_MODEL", None)  # the shipped model is found beside the program


def run(*arguments, code=0, **more):
    got, out, err = cognate(*arguments, **more)
    assert got == code, (arguments, got, out, err)
    return out, err


def models():
    return {(m["name"], m["version"]): m for m in map(json.loads, run("model", "list", "--json")[0].splitlines())}


with Scratch() as folder:
    os.environ["XDG_DATA_HOME"] = folder + "/data"
    db, cut, thin = folder + "/s.db", folder + "/cut.gguf", folder + "/thin.gguf"
    cut_model(cut)
    cut_model(thin, layers=1, name=b"Thin Model/1")

    # ---- the shipped one is there, and stays ----
    assert list(models()) == [(SHIPPED, 1)]
    shipped = models()[(SHIPPED, 1)]
    assert shipped["in_use"] and shipped["shipped"] and shipped["license"] == "mit" and shipped["dimensions"] == 512, shipped
    out, err = run("model", "remove", SHIPPED, code=2)
    assert "came with the program" in err, err

    # ---- adding ----
    out, err = run("model", "add", cut, "--origin", "made by a test")
    assert "cut@1 is installed" in err, err
    out, err = run("model", "add", cut)
    assert "cut@1" in err and "already" in err, err
    run("model", "add", cut, "--version", "5")
    out, _ = run("model", "add", thin, "--json")
    assert json.loads(out)["name"] == "Thin-Model-1", out
    run("model", "add", thin, "--name", "cut")
    assert sorted(models()) == [("Thin-Model-1", 1), (SHIPPED, 1), ("cut", 1), ("cut", 5), ("cut", 6)], models()
    about = json.loads(run("model", "show", "cut@1", "--json")[0])
    assert about["origin"] == "made by a test" and len(about["sha256"]) == 64 and about["bytes"] == os.path.getsize(cut), about
    assert about["added"].startswith("20") and about["layers"] == 2 and len(about["spaces"]["int8"]) == 64, about
    assert run("model", "show", "Thin-Model-1")[0].count("\n") > 10
    for arguments, saying in ((("add", cut, "--version", "5"), "installed already"), (("add", folder + "/none"), "none"),
                              (("add", cut, "--name", "a/b"), "name of a model"), (("show", "nothing"), "cut@5"),
                              (("use", cut), "path"), (("remove", "cut@9"), "no model"), (("list", "extra"), "too many")):
        out, err = run("model", *arguments, code=2)
        assert saying in err, (arguments, err)
    broken = open(cut, "rb").read()
    with open(folder + "/broken.gguf", "wb") as file:
        file.write(broken[:len(broken) // 2])
    run("model", "add", folder + "/broken.gguf", code=2)
    assert len(models()) == 5 and not [n for n in os.listdir(folder + "/data/cognate/models") if n.startswith(".new")]
    out, _ = run("--version")  # not the option of "model add"
    assert out.startswith("cognate "), out

    # ---- names wherever a model is asked for ----
    by_path = run("--model", cut, "embed", "--json", "Guten Morgen")[0]
    for called in ("cut@1", "cut@5"):
        assert json.loads(run("--model", called, "embed", "--json", "Guten Morgen")[0])["embedding"] == json.loads(by_path)["embedding"], called
    assert json.loads(run("embed", "--json", "Guten Morgen", env={"COGNATE_MODEL": "cut@1"})[0])["embedding"] == json.loads(by_path)["embedding"]
    thinner = json.loads(run("--model", "cut", "embed", "--json", "Guten Morgen")[0])["embedding"]
    assert thinner != json.loads(by_path)["embedding"]  # the latest is the thin one
    out, err = run("--model", "cutt", "embed", "x", code=2)
    assert "cut@1" in err, err
    run("model", "label", "cut@1", "stable")
    assert json.loads(run("--model", "cut", "embed", "--json", "Guten Morgen")[0])["embedding"] == json.loads(by_path)["embedding"]
    assert models()[("cut", 1)]["labels"] == ["stable"]
    out, err = run("model", "remove", "cut@1", code=2)
    assert "label stable" in err, err
    run("model", "label", "cut", "stable", "--drop")

    # ---- collections keep their model ----
    note = folder + "/note.txt"
    with open(note, "w") as file:
        file.write("The ferry to the island leaves at nine.\n")
    run("collection", "create", "short", "--model", "cut@1", db=db)
    run("index", note, "-c", "short", db=db)
    run("index", note, db=db)
    listed = {c["name"]: c for c in map(json.loads, run("collection", "list", "--json", db=db)[0].splitlines())}
    assert listed["short"]["model"] == "cut@1" and listed["default"]["model"] == SHIPPED, listed
    assert listed["short"]["space_id"] == about["spaces"]["int8"]
    for name in ("short", "default"):
        out, _ = run("search", "-c", name, "--json", "When does the boat go?", db=db)
        assert json.loads(out)["title"] is None or out, out
    run("collection", "create", "short", "--model", "cut@1", db=db)  # as it is
    out, err = run("collection", "create", "short", "--model", "Thin-Model-1", db=db, code=2)
    assert "reembed" in err, err
    out, err = run("model", "remove", "cut@1", db=db, code=2)
    assert "the collection short" in err, err
    out, err = run("model", "remove", "cut@5", db=db, code=2)  # the same file, so the same space
    assert "the collection short" in err, err
    run("collection", "reembed", "short", "--to", "Thin-Model-1", db=db)
    out, err = run("model", "remove", "cut@1", db=db, code=2)
    assert "go back" in err, err
    run("collection", "reembed", "short", "--rollback", db=db)
    run("collection", "reembed", "short", "--to", "Thin-Model-1", "--grace", "0", db=db)
    run("status", db=db)

    # ---- use and rollback ----
    out, err = run("model", "use", "cut@1", db=db)
    assert "cut@1 is in use" in err, err
    assert models()[("cut", 1)]["in_use"] and not models()[(SHIPPED, 1)]["in_use"]
    assert json.loads(run("embed", "--json", "Guten Morgen")[0])["embedding"] == json.loads(by_path)["embedding"]
    run("index", note, "-c", "new", db=db)
    assert json.loads(run("collection", "show", "new", "--json", db=db)[0])["model"] == "cut@1"
    run("search", "-c", "default", "boat", db=db)  # by the shipped model, though another one is in use
    assert "cut/1/model.gguf" in run("config", "--json")[0]
    out, err = run("model", "remove", "cut@1", db=folder + "/none.db", code=2)
    assert "in use" in err, err
    out, _ = run("model", "rollback", "--json", db=db)
    assert json.loads(out)["name"] == SHIPPED, out
    out, err = run("model", "rollback", db=db, code=2)
    assert "no other model" in err, err

    # ---- verify and remove ----
    assert run("model", "verify")[0].count(": ok\n") == 5
    damaged = models()[("cut", 6)]["path"]
    data = bytearray(open(damaged, "rb").read())
    data[-5] ^= 1
    os.chmod(damaged, 0o600)
    with open(damaged, "wb") as file:
        file.write(data)
    out, err = run("model", "verify", code=2)
    assert out.count(": ok\n") == 4 and "cut@6" in err and "SHA-256" in err, (out, err)
    run("model", "verify", "cut@1")
    run("model", "remove", "cut@6", db=folder + "/none.db")
    out, err = run("model", "show", "cut@6", code=2)
    assert ("cut", 6) not in models()

    # ---- killed while it adds ----
    for wait in (0.0, 0.02, 0.05, 0.1, 0.2):
        adding = subprocess.Popen([PROGRAM, "model", "add", thin, "--name", "killed"], stderr=subprocess.DEVNULL)
        try:
            adding.wait(wait)
        except subprocess.TimeoutExpired:
            adding.kill()
            adding.wait()
        there = [key for key in models() if key[0] == "killed"]
        assert len(there) <= 1, there
        if there:
            run("model", "verify", "killed")
            run("model", "remove", "killed", db=db)
    run("model", "add", thin, "--name", "killed")
    left = [n for n in os.listdir(folder + "/data/cognate/models") if n.startswith((".new", ".old"))]
    assert not left, left

    # ---- where nothing can be kept ----
    env = {"XDG_DATA_HOME": "", "HOME": ""}
    assert "512" in run("model", "list", "--json", env=env)[0]
    out, err = run("model", "add", cut, env=env, code=2)
    assert "HOME" in err, err
    shutil.rmtree(folder + "/data")
    assert list(models()) == [(SHIPPED, 1)]
    out, err = run("search", "-c", "new", "boat", db=db, code=2)
    assert "cut@1, which is not installed here" in err, err
