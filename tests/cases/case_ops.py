"""Dashboard, alert rules and the list of names speak of metrics that there are, and the list of all of them."""
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request

from harness import SOURCE, Scratch, Server

OPS = os.path.join(SOURCE, "server", "ops")


def read(name):
    with open(os.path.join(OPS, name), encoding="utf-8") as file:
        return file.read()


def names_in(text):
    """Names of samples, those of a histogram as their family."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\b((?:cognate|process)_[a-z_]+)\b", text)}


def served():
    """What /metrics of a server that did a bit of everything introduces."""
    with Scratch() as folder:
        certificate, key = os.path.join(folder, "c"), os.path.join(folder, "k")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=x", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)
        os.chmod(key, 0o600)
        with Server("--tls-certificate", certificate, "--tls-key", key, "--slow-ms", "0") as server:
            context = ssl.create_default_context(cafile=certificate)

            def ask(path, body=None):
                request = urllib.request.Request(f"https://127.0.0.1:{server.port}{path}", json.dumps(body).encode() if body else None,
                                                 {"Content-Type": "application/json"} if body else {})
                with urllib.request.urlopen(request, context=context) as answer:
                    return answer.headers, answer.read().decode()

            ask("/v1/collections/a/documents", {"id": "1", "text": "The train leaves at nine."})
            headers, _ = ask("/v1/collections/a/search", {"query": "Wann fährt der Zug?"})
            timing = headers["Server-Timing"]
            assert re.fullmatch(r"search;dur=[0-9.]+, total;dur=[0-9.]+", timing), timing
            assert re.fullmatch("[0-9a-f]{32}", headers["X-Request-Id"]), headers["X-Request-Id"]
            text = ask("/metrics")[1]
        assert "Zug" not in server.log and "train" not in server.log, "a text is in the log"
    assert re.search(r'^cognate_searches_total\{plan="[a-z_]+",exact="true"\} 1$', text, re.MULTILINE), text
    assert re.search(r'^cognate_encoder_batch_tokens_count [1-9]', text, re.MULTILINE)
    assert re.search(r'^cognate_http_connections\{state="busy"\} \d+$', text, re.MULTILINE)
    start = float(re.search(r"^process_start_time_seconds (\S+)$", text, re.MULTILINE).group(1))
    assert 1.7e9 < start < 4e9, start
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def main():
    there = served()
    listed = names_in("".join(line for line in read("README.md").splitlines() if line.startswith("| `")))
    assert listed == there, f"README.md lists without need {sorted(listed - there)}, and lacks {sorted(there - listed)}"
    dashboard = json.loads(read("dashboard.json"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    rules = re.findall(r"^ +expr: (.+)$", read("alerts.yml"), re.MULTILINE)
    assert len(shown) > 20 and len(rules) == read("alerts.yml").count("- alert:") > 5
    for expression in shown + rules:
        used = names_in(expression)
        assert used or "up{" in expression, expression
        assert used <= there, f"no metric {sorted(used - there)}: {expression}"
        assert expression.count("(") == expression.count(")"), expression
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    assert len(set(places)) == len(places) and len({p["id"] for p in dashboard["panels"]}) == len(places)


if __name__ == "__main__":
    sys.exit(main())
