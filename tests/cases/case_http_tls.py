"""TLS: what is spoken, what is refused, a certificate replaced while connections are open, files that are wrong."""
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings

from harness import Scratch, Server, cognate

JSON = {"Content-Type": "application/json"}


def make(folder, name, *options):
    """A certificate of its own making, with its key: their paths."""
    certificate, key = (os.path.join(folder, name + ending) for ending in (".pem", ".key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate, *options],
                   check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key


def trusting(certificate):
    return ssl.create_default_context(cafile=certificate)


class Client(http.client.HTTPSConnection):
    def __init__(self, server, context):
        super().__init__(server.host, server.port, timeout=60, context=context)

    def ask(self, method, path, body=None):
        self.request(method, path, body, JSON if body else {})
        answer = self.getresponse()
        return answer.status, answer.read()


def wait_for(server, text, times=1):
    for _ in range(1200):
        if server.log.count(text) >= times:
            return
        time.sleep(0.05)
    raise AssertionError(f"the log never said {text!r}:\n{server.log}")


def spoken(server, certificate):
    """TLS 1.2 and 1.3, with connections that stay open; nothing older, and nothing plain."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting(certificate)
        context.minimum_version = context.maximum_version = version
        client = Client(server, context)
        for _ in range(3):
            assert client.ask("POST", "/v1/tokenize", b'{"input":"x"}')[0] == 200, version
        assert client.sock.version() == version.name.replace("_", "."), client.sock.version()
        client.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    try:
        Client(server, old).ask("GET", "/livez")
        raise AssertionError("TLS 1.1 is spoken")
    except ssl.SSLError as problem:
        assert "NO_PROTOCOLS" not in str(problem), problem  # that would be the client
    plain = socket.create_connection((server.host, server.port), timeout=60)
    plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
    try:
        assert b"HTTP/1.1" not in plain.recv(4096)
    except ConnectionResetError:
        pass
    plain.close()
    unix = socket.socket(socket.AF_UNIX)
    unix.connect(server.db + ".sock")
    unix.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert unix.recv(4096).startswith(b"HTTP/1.1 200 ")
    unix.close()


def large(server, certificate):
    """Bodies and answers of many records; a body beyond the limit is told why over TLS too."""
    client = Client(server, trusting(certificate))
    status, answer = client.ask("POST", "/v1/tokenize", b'{"input":"' + b"word " * 100000 + b'"}')
    assert status == 200 and len(answer) > 1 << 20, (status, len(answer))
    client.putrequest("POST", "/v1/tokenize")
    client.putheader("Content-Type", "application/json")
    client.putheader("Transfer-Encoding", "chunked")
    client.endheaders()
    try:
        for _ in range(64):
            client.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
    except OSError:
        pass  # refused while it was being sent: the answer tells
    assert client.getresponse().status == 413
    client.close()


def replaced(server, folder, certificate, key):
    """SIGHUP: who connects sees the new certificate, who is connected goes on, files that are wrong change nothing."""
    before = Client(server, trusting(certificate))
    assert before.ask("GET", "/livez")[0] == 200
    fresh_certificate, fresh_key = make(folder, "fresh")
    shutil.copy(fresh_certificate, certificate + ".new")
    old = trusting(certificate)
    os.replace(certificate + ".new", certificate)
    server.process.send_signal(signal.SIGHUP)  # the key is still the old one
    wait_for(server, "stays as it was: the key in")
    os.replace(fresh_key, key)
    server.process.send_signal(signal.SIGHUP)
    wait_for(server, "the TLS certificate was read again")
    assert Client(server, trusting(fresh_certificate)).ask("GET", "/livez")[0] == 200
    try:
        Client(server, old).ask("GET", "/livez")
        raise AssertionError("the old certificate is still shown")
    except ssl.SSLCertVerificationError:
        pass
    assert before.ask("GET", "/livez")[0] == 200
    for number in range(5):  # again and again: the old ones are given back
        server.process.send_signal(signal.SIGHUP)
        wait_for(server, "the TLS certificate was read again", 2 + number)
    assert Client(server, trusting(fresh_certificate)).ask("GET", "/livez")[0] == 200
    assert before.ask("GET", "/livez")[0] == 200
    before.close()


def refusals(folder, certificate, key):
    """Each wrong file is named, with the remedy."""
    other_key = make(folder, "other")[1]
    encrypted = os.path.join(folder, "encrypted.key")
    subprocess.run(["openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", encrypted], check=True)
    readable = os.path.join(folder, "readable.key")
    shutil.copy(key, readable)
    os.chmod(readable, 0o644)
    os.chmod(encrypted, 0o600)
    text = os.path.join(folder, "text")
    with open(text, "w") as file:
        file.write("nothing of the kind\n")
    os.chmod(text, 0o600)
    for given, says in (
        ((certificate, None), ("--tls-key",)),
        ((None, key), ("--tls-certificate",)),
        ((certificate, key + ".none"), ("key.none",)),
        ((certificate + ".none", key), ("pem.none",)),
        ((certificate, other_key), (other_key, "does not belong")),
        ((certificate, encrypted), (encrypted, "encrypted")),
        ((certificate, readable), (readable, "chmod 600")),
        ((certificate, text), (text, "no private key")),
        ((text, key), (text, "no certificate")),
        ((key, key), (key, "no certificate")),
    ):
        options = []
        for name, value in zip(("--tls-certificate", "--tls-key"), given):
            options += [name, value] if value else []
        code, out, err = cognate("serve", "--port", "0", *options, db=os.path.join(folder, "x.db"))
        assert code == 2 and out == "" and all(part in err for part in says), (given, code, out, err)


def main():
    with Scratch() as folder:
        certificate, key = make(folder, "server")
        refusals(folder, certificate, key)
        with Server("--tls-certificate", certificate, "--tls-key", key) as server:
            assert "listening on https://127.0.0.1:" in server.log
            spoken(server, certificate)
            large(server, certificate)
            replaced(server, folder, certificate, key)
            idle = Client(server, trusting(certificate))
            assert idle.ask("GET", "/livez")[0] == 200
        assert server.process.returncode == 0, server.log
        for line in server.log.splitlines():
            assert "PRIVATE" not in line


if __name__ == "__main__":
    sys.exit(main())
