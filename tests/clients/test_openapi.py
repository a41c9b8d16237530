"""The server against its own description: schemathesis makes requests from /openapi.json, 50 for each operation, and holds every
answer against it: no 5xx, no status, media type or body that is not described.

What it makes is often refused, since a description cannot say which fields exclude each other; that it is refused well is tested.
"""
import os
import subprocess
import sys

from clients import address, run

CASES = 50
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "unsupported_method"]


def schemathesis(server):
    import schemathesis  # noqa: F401  (its program is what runs)
    for i in range(5):
        server.call("POST", "/v1/collections/default/documents", {"id": "abcde"[i], "text": "Text number %d of the collection." % i})
    program = os.path.join(os.path.dirname(sys.executable), "schemathesis")
    done = subprocess.run([program, "run", address(server) + "/openapi.json", "--max-examples", str(CASES), "--phases", "examples,fuzzing",
                           "--checks", ",".join(CHECKS), "--seed", "1", "--workers", "2", "--request-timeout", "60", "--no-color",
                           "--continue-on-failure"], cwd=server.folder, capture_output=True, text=True, timeout=900,
                          env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))})
    print("\n".join(done.stdout.splitlines()[-25:]))
    assert done.returncode == 0, done.stdout
    assert server.call("GET", "/readyz")[0] == 200


if __name__ == "__main__":
    run(schemathesis)
