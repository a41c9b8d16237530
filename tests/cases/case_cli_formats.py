"""`index` reads pages, PDF, office documents, books and source code, and follows .gitignore."""
import json
import os
import zipfile

from harness import Scratch, cognate

PDF = (b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
       b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 144]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj "
       b"4 0 obj<</Length 47>>stream\nBT /F1 18 Tf 20 100 Td (Glaciers move ice) Tj ET\nendstream endobj "
       b"5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n")


def write(folder, name, content):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def document(db, name):
    code, out, err = cognate("document", "get", name, "--json", db=db)
    assert code == 0, (name, err)
    return json.loads(out)


with Scratch() as folder:
    db, docs = os.path.join(folder, "t.db"), os.path.join(folder, "docs")
    write(docs, "page.html", "<html lang=fr><title>Le pain</title><body><nav>menu</nav><main><h1>Pain</h1><p>Il lève la nuit.</main>")
    write(docs, "old.html", "<meta charset=iso-8859-1><title>Käse</title><p>Der Käse reift im Keller.".encode("latin-1"))
    write(docs, "paper.pdf", PDF)
    write(docs, "locked.pdf", b"no PDF at all")
    write(docs, "code/main.c", "/* Prints a greeting. */\nint main(void) { return 0; }\n")
    write(docs, ".gitignore", "*.log\n/build/\n")
    write(docs, "noise.log", "noise")
    write(docs, "build/made.txt", "made")
    with zipfile.ZipFile(os.path.join(docs, "report.docx"), "w") as z:
        z.writestr("word/document.xml", '<w:document xmlns:w="w"><w:p><w:r><w:t>Snow fell on the pass.</w:t></w:r></w:p></w:document>')
        z.writestr("docProps/core.xml", '<c xmlns:dc="d"><dc:title>Snow report</dc:title></c>')
    with zipfile.ZipFile(os.path.join(docs, "broken.docx"), "w") as z:
        z.writestr("word/document.xml", "<a><b></a>")

    code, out, err = cognate("index", docs, "--json", db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    pdf = os.path.exists("/usr/bin/pdftotext") or os.path.exists("/usr/local/bin/pdftotext")
    assert code == 2 and "broken.docx" in err, (code, err)
    assert summary["created"] == 4 + pdf and summary["skipped"]["ignored"] == 2, summary
    page = document(db, "docs/page.html")
    assert page["text"] == "# Pain\n\nIl lève la nuit." and page["title"] == "Le pain" and page["lang"] == "fr", page
    assert page["metadata"]["path"] == os.path.realpath(os.path.join(docs, "page.html"))
    assert document(db, "docs/old.html")["text"] == "Der Käse reift im Keller."
    assert document(db, "docs/report.docx")["title"] == "Snow report"
    assert "greeting" in document(db, "docs/code/main.c")["text"]
    if pdf:
        assert document(db, "docs/paper.pdf")["text"].startswith("Glaciers move ice")
        assert "locked.pdf: pdftotext cannot read it" in err, err
    else:
        assert "pdftotext (poppler-utils) is not installed" in err, err

    # Nothing has changed: nothing is embedded. With --no-ignore there is more.
    code, out, err = cognate("index", docs, "--json", "--no-ignore", db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert summary["created"] == 2 and summary["unchanged"] == 4 + pdf, summary

    # What is gone stays until it is asked for; a folder that has vanished keeps its documents.
    os.remove(os.path.join(docs, "locked.pdf"))
    os.remove(os.path.join(docs, "broken.docx"))
    os.remove(os.path.join(docs, "page.html"))
    code, out, err = cognate("index", docs, db=db)
    assert code == 0 and document(db, "docs/page.html")
    code, out, err = cognate("index", docs, "--prune", "--json", db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert code == 0 and summary["deleted"] == 3, (summary, err)  # and the two that .gitignore leaves out
    assert cognate("document", "get", "docs/page.html", db=db)[0] != 0
    os.rename(docs, docs + ".away")
    os.mkdir(docs)
    code, out, err = cognate("index", docs, "--prune", "--force", db=db)
    assert code == 2 and "not mounted" in err, (code, err)
    assert document(db, "docs/report.docx")
    write(docs, "new.txt", "One new file.")
    code, out, err = cognate("index", docs, "--prune", db=db)
    assert code == 2 and "--force" in err and document(db, "docs/report.docx"), (code, err)
    code, out, err = cognate("index", docs, "--prune", "--force", db=db)
    assert code == 0 and cognate("document", "get", "docs/report.docx", db=db)[0] != 0, (code, err)

# Settings in JSON that lie about in a folder are no documents, and no fault; named on the command line they are one.
with Scratch() as folder:
    db, docs = os.path.join(folder, "t.db"), os.path.join(folder, "docs")
    write(docs, "settings.json", '{"panels": [1, 2], "title": "Load"}')
    write(docs, "prices.csv", "item,price\nbread,4\nfish,9\n")
    write(docs, "late.jsonl", '{"text": "A row with a text."}\n{"note": "one without"}\n')
    code, out, err = cognate("index", docs, "--json", db=db)
    summary = json.loads(out.splitlines()[-1])["summary"]
    assert code == 2 and summary["created"] == 1 and summary["skipped"] == {"textless": 2, "row": 1}, (code, summary, err)
    assert "late.jsonl:2" in err and "settings" not in err and "prices" not in err, err
    os.remove(os.path.join(docs, "late.jsonl"))
    code, out, err = cognate("index", docs, "-v", db=db)
    assert code == 1 and "settings.json" in err and "--text" in out, (code, out, err)
    code, out, err = cognate("index", os.path.join(docs, "prices.csv"), db=db)
    assert code == 2 and "--text" in err, (code, err)
    code, out, err = cognate("index", docs, "--text", "item", "--json", db=db)
    assert code == 0 and json.loads(out.splitlines()[-1])["summary"]["created"] == 2, (code, out, err)
