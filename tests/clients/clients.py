"""What the tests of real clients share: a server, the vectors it should give, and cases that are skipped by name where their
package could not be fetched.

    def embeds(server):
        from openai import OpenAI                 # ImportError: "skipped: embeds: no openai here"
        …
    run(embeds, …)
"""
import os
import sys

sys.path.insert(0, os.path.join(os.environ["COGNATE_SOURCE"], "tests", "cases"))
from harness import Server  # noqa: E402

MODEL = "cognate-e5-512"
TEXTS = ["Der Zug nach Wien fährt von Gleis vier.", "The bakery opens at seven.", "猫は庭で寝る。", "Where does the train leave?"]


def address(server):
    return "http://%s:%d" % (server.host, server.port)


def vectors(server, texts, **wishes):
    """What POST /v1/embed gives."""
    status, answer = server.call("POST", "/v1/embed", {"input": texts, **wishes})
    assert status == 200, answer
    return [row["embedding"] for row in answer["data"]]


def same(got, wanted):
    """Whether vectors are the same but for what float32 loses on its way through a client."""
    assert len(got) == len(wanted), (len(got), len(wanted))
    for a, b in zip(got, wanted):
        assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 1e-7
    return True


def refuses(exception, call, *says):
    """Runs `call`, which must raise `exception` saying all of `says`; returns it."""
    try:
        call()
    except exception as e:
        for text in says:
            assert text in str(e), "%r is not in %r" % (text, str(e))
        return e
    raise AssertionError("%s was not raised" % exception.__name__)


def run(*cases):
    """Runs the cases on one server and ends the program: 77 when none of them could run."""
    skipped = 0
    with Server() as server:
        for case in cases:
            try:
                case(server)
                print("passed:", case.__name__)
            except ImportError as e:
                print("skipped: %s: %s" % (case.__name__, e))
                skipped += 1
    sys.exit(77 if skipped == len(cases) else 0)
