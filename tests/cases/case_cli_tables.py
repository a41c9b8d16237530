"""What is written from the tables of the commands: completions, the manual page, settings. Every command and every option
that help knows is in them, and the shells that are here accept them."""
import json
import os
import re
import shutil
import subprocess

from harness import PROGRAM, Scratch, cognate


def output(*arguments):
    code, out, err = cognate(*arguments)
    assert code == 0 and err == "", (arguments, code, err)
    return out


def commands():
    """Name of each command → its long options, from help."""
    page = output("help")
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?) {2,}", page.split("Commands:")[1].split("Options")[0], re.M)
    assert len(names) >= 20 and "collection delete" in names, names
    return {name: re.findall(r"^ +(?:-\w, )?--([a-z-]+)", output("help", *name.split()), re.M) for name in names}


def bash_completes(folder, script, *words):
    source = os.path.join(folder, "complete.sh")
    with open(source, "w", encoding="utf-8") as file:
        file.write(script + '\nCOMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMPREPLY=(); _cognate; printf "%s\\n" "${COMPREPLY[@]}"\n')
    done = subprocess.run(["bash", source, "cognate", *words], capture_output=True, encoding="utf-8", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


with Scratch() as folder:
    known = commands()
    manual = output("manual")
    scripts = {shell: output("completion", shell) for shell in ("bash", "zsh", "fish")}
    for name, options in known.items():
        assert "\n.SS " + name in manual, name
        for shell, script in scripts.items():
            for word in name.split():
                assert re.search(r"\b%s\b" % word, script), (shell, name)
            for option in options:
                found = "-l %s " % option if shell == "fish" else "--" + option
                assert found in script, (shell, name, option)
        for option in options:
            assert "\\-\\-" + option.replace("-", "\\-") in manual, (name, option)

    if shutil.which("bash"):
        bash = scripts["bash"]
        assert bash_completes(folder, bash, "se") == ["search", "serve"]
        assert set(bash_completes(folder, bash, "collection", "")) == {"list", "show", "create", "filterable", "delete", "reembed"}
        assert bash_completes(folder, bash, "--db", "x", "search", "--fil") == ["--filter"]
        assert bash_completes(folder, bash, "search", "--format", "t") == ["text", "tsv"]
        assert bash_completes(folder, bash, "--color", "n") == ["never"]
        assert bash_completes(folder, bash, "index", "comp") == ["complete.sh"]
    for shell in ("bash", "zsh", "fish"):
        if shutil.which(shell):
            path = os.path.join(folder, shell)
            with open(path, "w", encoding="utf-8") as file:
                file.write(scripts[shell])
            subprocess.run([shell, "-n", path], check=True)
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww"], input=manual, capture_output=True, encoding="utf-8")
        assert done.returncode == 0 and done.stderr == "" and done.stdout, done.stderr
    code, out, err = cognate("completion", "powershell")
    assert code == 2 and out == "" and "bash, zsh and fish" in err

    def settings(*arguments, **env):
        code, out, err = cognate("config", "--json", *arguments, env=env)
        assert code == 0, err
        return {row["setting"]: (row["value"], row["origin"]) for row in map(json.loads, out.splitlines())}

    assert settings("--db", "x.db")["db"] == ("x.db", "--db")
    assert settings(COGNATE_DB="/y.db")["db"] == ("/y.db", "$COGNATE_DB")
    assert settings(COGNATE_DB="", XDG_DATA_HOME="/data")["db"][0] == "/data/cognate/cognate.db"
    assert settings(COGNATE_DB="", XDG_DATA_HOME="", HOME="/h")["db"][0] == "/h/.local/share/cognate/cognate.db"
    assert settings(COGNATE_MODEL="/m.gguf")["model"] == ("/m.gguf", "$COGNATE_MODEL")
    assert settings("--model", "/n.gguf", COGNATE_MODEL="/m.gguf")["model"] == ("/n.gguf", "--model")
    assert settings("--threads", "3")["threads"] == ("3", "--threads")
    assert settings()["threads"] == ("0", "default")
