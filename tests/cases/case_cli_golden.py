"""The command line word by word: each file of tests/golden/cli is a transcript, run line by line in a fresh home.

    $ cognate search "bread"        what is typed, for sh
    | 1. Bread …                    its stdout,
    ! nothing found                 its stderr,
    = 0                             and its exit code

COGNATE_GOLDEN=write puts what the program says now into the files; then read the difference before it is committed."""
import difflib
import json
import os
import re
import shutil
import subprocess
import sys

from harness import BUILD, SOURCE, Scratch, cognate, sanitized

FOLDER = os.path.join(SOURCE, "tests", "golden", "cli")
WRITE = os.environ.get("COGNATE_GOLDEN") == "write"
LEAST = 120  # runs of the program
LOCALES = ("de_DE", "tr_TR", "ar_EG", "ja_JP")
PARTIAL = ("index", "import", "eval", "check", "doctor")  # may have done something before they failed
PLAIN = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COGNATE_DB", "COGNATE_MODEL", "XDG_DATA_HOME", "LANG", "LC_CTYPE", "LC_MESSAGES")


def environment(home):
    env = {k: v for k, v in os.environ.items() if k not in PLAIN}
    if not sanitized():  # the C library itself leaks the parts of this path
        env["LOCPATH"] = os.path.join(BUILD, "locales")
    return {**env, "HOME": home, "PATH": BUILD + ":" + env["PATH"], "COLUMNS": "80", "TERM": "dumb", "LC_ALL": "C.UTF-8",
            "COGNATE_MODEL": os.environ["COGNATE_MODEL"]}


def make_locales():
    """Those of other languages, where their sources are here; without them the program meets a locale that is not there."""
    folder = os.path.join(BUILD, "locales")
    os.makedirs(folder, exist_ok=True)
    for name in LOCALES:
        path = os.path.join(folder, name + ".UTF-8")
        if not os.path.exists(path) and shutil.which("localedef") and os.path.exists("/usr/share/i18n/locales/" + name):
            subprocess.run(["localedef", "-i", name, "-f", "UTF-8", "--no-archive", path], capture_output=True)


def settled(text, home):
    """What differs from run to run and from machine to machine is named."""
    text = text.replace(os.path.realpath(home), "~").replace(home, "~").replace(os.environ["COGNATE_MODEL"], "$MODEL")
    text = re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "<time>", text)
    text = re.sub(r'(_ms"?:? ?)[0-9.]+', r"\1<ms>", text)
    text = re.sub(r"-?\d+\.\d{3,}(e-\d+)?", lambda number: "%.1f…" % float(number[0]), text)  # what another model moves a little
    text = text.replace("\x1b", "␛").replace("\r", "␍")
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{22}", "<uuid>", text)


def run(command, home, env):
    done = subprocess.run(["sh", "-c", command], cwd=home, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="surrogateescape")


def lines(prefix, text):
    """A last line without its end is shown with a "\\" behind it."""
    if text and not text.endswith("\n"):
        text += "\\\n"
    return "".join((prefix + line).rstrip(" ") + "\n" for line in text.split("\n")[:-1])


def check_stdout(command, code, out):
    """Data and nothing else."""
    if "2>&1" in command or not re.match(r"([A-Z_]+=\S* )*cognate ", command):
        return
    words = re.sub(r"^([A-Z_]+=\S* )*cognate ", "", command)
    if code == 2 and words.split()[0] not in PARTIAL:
        assert out == "", (command, out)
    if " --json" in command and "|" not in command and ">" not in command:
        for line in out.splitlines():
            json.loads(line)


def transcript(path):
    """Runs every command of a file: (what the file should be, how many commands ran the program)."""
    new, count = "", 0
    with Scratch() as home:
        env = environment(home)
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            blocks = file.read().split("\n\n")
        for block in blocks:
            kept = [line for line in block.splitlines() if line.startswith(("#", "$ "))]
            new += ("\n" if new else "") + "".join(line + "\n" for line in kept)
            for command in (line[2:] for line in kept if line.startswith("$ ")):
                code, out, err = run(command, home, env)
                count += "cognate" in command
                check_stdout(command, code, out)
                new += lines("| ", settled(out, home)) + lines("! ", settled(err, home)) + f"= {code}\n"
    return new, count


def differences(old, new, name):
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), name, "now", n=4))


def with_every_command(path):
    """help.txt shows the help of each command and topic that help lists."""
    code, page, err = cognate("help")
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?) +\S", page.split("Commands:")[1].split("Options")[0], re.M)
    names += re.findall(r"^  ([a-z]+) +\S", page.split("Topics:")[1], re.M)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    missing = [n for n in names if f"\n$ cognate help {n}\n" not in text]
    if missing and WRITE:
        with open(path, "a", encoding="utf-8") as file:
            file.write("".join(f"\n$ cognate help {n}\n" for n in missing))
    else:
        assert not missing, (missing, "COGNATE_GOLDEN=write adds them")


make_locales()
with_every_command(os.path.join(FOLDER, "help.txt"))
total, wrong = 0, []
for name in sorted(os.listdir(FOLDER)):
    path = os.path.join(FOLDER, name)
    new, count = transcript(path)
    total += count
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        old = file.read()
    if new != old and WRITE:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(new)
    elif new != old:
        wrong.append(differences(old, new, name))
print(f"{total} runs of the program")
assert total >= LEAST, total
if wrong:
    print("\n".join(wrong).encode(errors="surrogateescape").decode(errors="replace"))
    sys.exit("not what tests/golden/cli says; if it should be, COGNATE_GOLDEN=write python3 tests/cases/case_cli_golden.py writes it there")
