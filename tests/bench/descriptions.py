"""Real text in many languages that any Debian machine can fetch: the package descriptions of the distribution.

    for language, beginning, text in descriptions("/tmp/bench", 100_000):        # the same for the same state of the archive

Descriptions come from the translation files of the archive, fetched by apt-get into a folder of its own (the machine's own lists
stay as they are). A text is the summary and what follows it, cut between words at some 300 characters; its beginning ends at some 100,
and no two texts begin alike.
"""
import glob
import os
import random
import re
import subprocess

ARCHIVE = "http://deb.debian.org/debian bookworm main"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LANGUAGES = "ca cs da de en eo es eu fi fr hr hu id it ja km ko nb nl pl pt pt_BR ro ru sk sr sv tr uk vi zh zh_CN zh_TW".split()
SEED = 20
BEGINNING, LENGTH = 100, 300  # characters


def fetch(folder):
    lists = os.path.join(folder, "apt", "lists")
    for path in (os.path.join(lists, "partial"), os.path.join(folder, "apt", "cache", "archives", "partial")):
        os.makedirs(path, exist_ok=True)
    sources = os.path.join(folder, "apt", "sources.list")
    with open(sources, "w") as file:
        file.write(f"deb [signed-by={KEYRING}] {ARCHIVE}\n")
    if not glob.glob(os.path.join(lists, "*Translation-en*")):
        options = {"Dir::Etc::sourcelist": sources, "Dir::Etc::sourceparts": "/dev/null", "Dir::State::lists": lists,
                   "Dir::Cache": os.path.join(folder, "apt", "cache"), "Acquire::Languages": ",".join(LANGUAGES)}
        subprocess.run(["apt-get", "-q", "update"] + [word for key, value in options.items() for word in ("-o", f"{key}={value}")],
                       check=True, stdout=subprocess.DEVNULL)
    return lists


def paragraphs(stanza):
    """The description of a stanza as one line: the summary, then what follows it."""
    field = re.search(r"^Description-\w+: (.*(?:\n .*)*)", stanza, re.M)
    if field is None or re.search(r"^Description-md5", field.group(0)):
        return ""
    lines = [line.strip() for line in field.group(1).split("\n")]
    summary, body = lines[0], " ".join(line for line in lines[1:] if line != ".")
    return f"{summary}. {body}" if body else summary


def cut(text, characters):
    if len(text) <= characters:
        return text
    end = text.rfind(" ", characters // 2, characters)
    return text[:end if end > 0 else characters]


def descriptions(folder, count):
    found = {}
    for language in LANGUAGES:
        for path in glob.glob(os.path.join(fetch(folder), f"*_Translation-{language.replace('_', '%5f')}.*")):
            data = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout
            for stanza in data.decode("utf-8", "replace").split("\n\n"):
                stanza = re.sub(r"^Description-md5:.*\n", "", stanza, flags=re.M)
                text = re.sub(r"\s+", " ", paragraphs(stanza))
                if len(text) >= 20:
                    found.setdefault(cut(text, BEGINNING), (language.replace("_", "-"), cut(text, LENGTH)))
    texts = sorted((language, beginning, text) for beginning, (language, text) in found.items())
    random.Random(SEED).shuffle(texts)
    return texts[:count]
