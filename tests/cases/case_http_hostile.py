"""Hostile and unusual HTTP, byte by byte over raw sockets: the exact status, and whether the connection stays open."""
import json
import socket
import sys
import threading
import time

from harness import Server

JSON = b"Content-Type: application/json\r\n"
HOST = b"Host: localhost\r\n"
BODY = b'{"input":"x"}'


class Peer:
    """A raw connection that reads answers one by one."""

    def __init__(self, server, timeout=60):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        self.bytes = b""

    def send(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused while it was still being sent: the answer tells

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.bytes += data
        return data != b""

    def answer(self, method="GET"):
        """The next answer as (status, headers, body); None at the end of the connection."""
        while b"\r\n\r\n" not in self.bytes:
            if not self.more():
                return None
        head, _, self.bytes = self.bytes.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        if status == 100:
            return self.answer(method)
        wanted = 0 if method == "HEAD" or status == 204 else int(headers.get("content-length", 0))
        while len(self.bytes) < wanted and self.more():
            pass
        body, self.bytes = self.bytes[:wanted], self.bytes[wanted:]
        return status, headers, body

    def ended(self):
        """Does the server close? (The library's own refusals send their head twice; the end comes all the same.)"""
        self.socket.settimeout(5)
        try:
            while self.more():
                pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.socket.close()


def request(line, *headers, host=HOST, body=b""):
    return line + b"\r\n" + host + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


def get(path=b"/livez", *headers, host=HOST):
    return request(b"GET " + path + b" HTTP/1.1", *headers, host=host)


def post(*headers, body=BODY, path=b"/v1/tokenize", length=True):
    own = [b"Content-Length: %d" % len(body)] if length else []
    if not any(h.lower().startswith(b"content-type:") for h in headers):
        own.append(JSON.strip())
    return request(b"POST " + path + b" HTTP/1.1", *own, *headers, body=body)


def host(value):
    return get(host=b"Host: " + value + b"\r\n")


CLOSE, OPEN = "closes", "stays open"
CHUNKED = b"Transfer-Encoding: chunked"

# name, bytes, statuses that are right, what becomes of the connection
CASES = [
    # framing
    ("plain", get(), 200, OPEN),
    ("post", post(), 200, OPEN),
    ("chunked", post(CHUNKED, body=b"d\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 200, OPEN),
    ("chunk in two", post(CHUNKED, body=b'1\r\n{\r\nc\r\n"input":"x"}\r\n0\r\n\r\n', length=False), 200, OPEN),
    ("two lengths that differ", post(b"Content-Length: 5"), 400, CLOSE),
    ("two lengths that agree", post(b"Content-Length: 13"), 400, CLOSE),
    ("length list", post(b"Content-Length: 13, 13", length=False), 400, CLOSE),
    ("negative length", post(b"Content-Length: -1", length=False), 400, CLOSE),
    ("signed length", post(b"Content-Length: +13", length=False), 400, CLOSE),
    ("hexadecimal length", post(b"Content-Length: 0xd", length=False), 400, CLOSE),
    ("empty length", post(b"Content-Length:", length=False), 400, CLOSE),
    ("length with a space", post(b"Content-Length: 1 3", length=False), 400, CLOSE),
    ("length beyond 64 bits", post(b"Content-Length: 99999999999999999999999", length=False), (400, 413), CLOSE),
    ("length of 2^64 + 13", post(b"Content-Length: 18446744073709551629", length=False), (400, 413), CLOSE),
    ("length and chunked", post(CHUNKED), 400, CLOSE),
    ("chunked and length", request(b"POST /v1/tokenize HTTP/1.1", JSON.strip(), CHUNKED, b"Content-Length: 13", body=BODY), 400, CLOSE),
    ("chunked twice", post(CHUNKED, CHUNKED, length=False), 400, CLOSE),
    ("gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", length=False), 501, CLOSE),
    ("identity", post(b"Transfer-Encoding: identity", length=False), 501, CLOSE),
    ("chunked with a tab before it", post(b"Transfer-Encoding:\tchunked", body=b"0\r\n\r\n", length=False), 400, OPEN),
    ("xchunked", post(b"Transfer-Encoding: xchunked", length=False), 501, CLOSE),
    ("chunked in HTTP/1.0", request(b"POST /v1/tokenize HTTP/1.0", JSON.strip(), CHUNKED, body=b"0\r\n\r\n"), 400, CLOSE),
    ("space before the colon", post(b"Content-Length : 13", length=False), 400, CLOSE),
    ("chunk size that is no number", post(CHUNKED, body=b"zz\r\n", length=False), (400, None), CLOSE),
    ("chunk size beyond 64 bits", post(CHUNKED, body=b"fffffffffffffffff\r\n", length=False), (400, 413, None), CLOSE),
    ("negative chunk size", post(CHUNKED, body=b"-1\r\n", length=False), (400, None), CLOSE),
    ("trailer", post(CHUNKED, body=b"d\r\n" + BODY + b"\r\n0\r\nX-Trailer: a\r\n\r\n", length=False), 200, OPEN),
    ("a length in the trailer", post(CHUNKED, body=b"d\r\n" + BODY + b"\r\n0\r\nContent-Length: 5\r\n\r\n", length=False), 200, OPEN),
    ("chunk extension", post(CHUNKED, body=b"d;a=b\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 200, OPEN),
    ("chunk without its end", post(CHUNKED, body=b"d\r\n" + BODY + b"0\r\n\r\n", length=False), 400, CLOSE),
    ("chunk size 0xd", post(CHUNKED, body=b"0xd\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 400, CLOSE),
    ("chunk size +d", post(CHUNKED, body=b"+d\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 400, CLOSE),
    ("space before the chunk size", post(CHUNKED, body=b" d\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 400, CLOSE),
    ("no chunk size", post(CHUNKED, body=b"\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 400, CLOSE),
    ("CHUNKED", post(b"Transfer-Encoding: CHUNKED", body=b"d\r\n" + BODY + b"\r\n0\r\n\r\n", length=False), 200, OPEN),
    ("chunked, chunked", post(b"Transfer-Encoding: chunked, chunked", length=False), 501, CLOSE),
    ("chunked with a parameter", post(b"Transfer-Encoding: chunked;q=1", length=False), 501, CLOSE),
    ("empty transfer coding", post(b"Transfer-Encoding:", length=False), 501, CLOSE),
    ("Transfer_Encoding is another name", post(b"Transfer_Encoding: chunked"), 200, OPEN),
    ("length with zeros before it", post(b"Content-Length: 0013", length=False), 200, OPEN),
    ("length with letters behind it", post(b"Content-Length: 13abc", length=False), 400, CLOSE),
    ("length of -0", post(b"Content-Length: -0", length=False), 400, CLOSE),
    ("length of 13.0", post(b"Content-Length: 13.0", length=False), 400, CLOSE),
    ("length in other digits", post("Content-Length: ١٣".encode(), length=False), 400, CLOSE),
    ("chunked GET with a body", request(b"GET /livez HTTP/1.1", CHUNKED, JSON.strip(), body=b"d\r\n" + BODY + b"\r\n0\r\n\r\n"), 413, CLOSE),
    # request line
    ("no version", b"GET /livez\r\n" + HOST + b"\r\n", (400, 505, None), CLOSE),
    ("HTTP/2.0", request(b"GET /livez HTTP/2.0"), (400, 505, None), CLOSE),
    ("HTTP/1.10", request(b"GET /livez HTTP/1.10"), (400, 505, None), CLOSE),
    ("lower-case version", request(b"GET /livez http/1.1"), (400, 505, None), CLOSE),
    ("HTTP/1.0", request(b"GET /livez HTTP/1.0"), 200, CLOSE),
    ("method of symbols", request(b"G@T /livez HTTP/1.1"), 400, CLOSE),
    ("lower-case method", request(b"get /livez HTTP/1.1"), 405, None),
    ("unknown method", request(b"BREW /livez HTTP/1.1"), 405, None),
    ("TRACE", request(b"TRACE /livez HTTP/1.1"), 405, None),
    ("CONNECT", request(b"CONNECT localhost:80 HTTP/1.1"), 400, CLOSE),
    ("absolute target", request(b"GET http://localhost/livez HTTP/1.1"), 200, OPEN),
    ("absolute target of another host", request(b"GET http://evil.example/livez HTTP/1.1"), 403, CLOSE),
    ("relative target", request(b"GET livez HTTP/1.1"), 400, CLOSE),
    ("bad percent", get(b"/v1/%zz"), 400, CLOSE),
    ("cut percent", get(b"/v1/%4"), 400, CLOSE),
    ("percent zero", get(b"/livez%00"), 400, CLOSE),
    ("raw UTF-8 in the target", get("/v1/ü".encode()), 400, CLOSE),
    ("control character in the target", get(b"/livez\x01"), 400, CLOSE),
    ("backslash", get(b"/..\\etc"), 400, CLOSE),
    ("climbing path", get(b"/../../etc/passwd"), 404, OPEN),
    ("climbing path, encoded", get(b"/%2e%2e/%2e%2e/etc/passwd"), 404, OPEN),
    ("long target", get(b"/" + b"a" * 9000), 414, CLOSE),
    ("nothing there", get(b"/nothing"), 404, OPEN),
    ("HEAD", request(b"HEAD /livez HTTP/1.1"), 200, OPEN),
    ("OPTIONS", request(b"OPTIONS /v1/tokenize HTTP/1.1"), 204, OPEN),
    ("OPTIONS *", request(b"OPTIONS * HTTP/1.1"), 204, OPEN),
    ("GET *", request(b"GET * HTTP/1.1"), 400, CLOSE),
    ("GET where there is only POST", get(b"/v1/tokenize"), 405, OPEN),
    ("DELETE where there is only GET", request(b"DELETE /livez HTTP/1.1"), 405, None),
    ("preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, CLOSE),
    ("HTTP/1.2", request(b"GET /livez HTTP/1.2"), 505, CLOSE),
    ("HTTP/01.1", request(b"GET /livez HTTP/01.1"), 400, CLOSE),
    ("HTTP/11", request(b"GET /livez HTTP/11"), 400, CLOSE),
    ("HTTP/0.9", b"GET /livez\r\n", 400, CLOSE),
    ("no target", request(b"GET HTTP/1.1"), 400, CLOSE),
    ("no method", request(b"/livez HTTP/1.1"), 400, CLOSE),
    ("method of 5,000 letters", request(b"A" * 5000 + b" /livez HTTP/1.1"), 405, OPEN),
    ("empty lines first", b"\r\n" * 100 + get(), 200, OPEN),
    ("space behind the version", request(b"GET /livez HTTP/1.1 "), 400, CLOSE),
    ("space before the method", request(b" GET /livez HTTP/1.1"), None, CLOSE),
    ("tabs for spaces", request(b"GET\t/livez\tHTTP/1.1"), None, CLOSE),
    ("space in the target", request(b"GET /li vez HTTP/1.1"), None, CLOSE),
    ("four words", request(b"GET /livez x HTTP/1.1"), None, CLOSE),
    ("user in an absolute target", request(b"GET http://a@localhost/livez HTTP/1.1"), 400, CLOSE),
    ("absolute target of ftp", request(b"GET ftp://localhost/livez HTTP/1.1"), 400, CLOSE),
    ("fragment", get(b"/livez#x"), 400, CLOSE),
    ("encoded line end", get(b"/livez%0d%0aX-Y:%20z"), 404, OPEN),
    ("twice encoded path", get(b"/%252e%252e/etc"), 404, OPEN),
    ("encoded slash in a name", get(b"/v1/collections/a%2fb"), 404, OPEN),
    ("unknown parameter", get(b"/livez?x=1"), 400, OPEN),
    ("parameter twice", get(b"/v1/collections/a/search?query=a&query=b"), 400, OPEN),
    ("HEAD where there is only POST", request(b"HEAD /v1/tokenize HTTP/1.1"), 405, OPEN),
    ("OPTIONS of nothing", request(b"OPTIONS /nothing HTTP/1.1"), 404, OPEN),
    # headers
    ("head of 17 KiB", get(b"/livez", *[b"X-Filler-%d: " % i + b"a" * 1000 for i in range(17)]), 431, CLOSE),
    ("one header of 20 KiB", get(b"/livez", b"X-Filler: " + b"a" * 20000), 431, CLOSE),
    ("one header of 60 KiB", get(b"/livez", b"X-Filler: " + b"a" * 60000), (431, 413), CLOSE),
    ("101 headers", get(b"/livez", *[b"X-%d: a" % i for i in range(101)]), 431, CLOSE),
    ("header name with a space", get(b"/livez", b"X Y: a"), 400, CLOSE),
    ("header name of UTF-8", get(b"/livez", "Ü: a".encode()), 400, CLOSE),
    ("control character in a value", get(b"/livez", b"X-Y: a\x01b"), 400, CLOSE),
    ("UTF-8 in a value", get(b"/livez", "X-Y: ü".encode()), 200, OPEN),
    ("line without a colon", get(b"/livez", b"nonsense"), 400, CLOSE),
    ("unknown expectation", post(b"Expect: the-moon"), 417, CLOSE),
    ("100-continue", post(b"Expect: 100-continue"), 200, OPEN),
    ("timeout of nonsense", get(b"/livez", b"X-Request-Timeout-Ms: soon"), 400, CLOSE),
    ("timeout of zero", get(b"/livez", b"X-Request-Timeout-Ms: 0"), 400, CLOSE),
    ("timeout of an hour", get(b"/livez", b"X-Request-Timeout-Ms: 3600000"), 400, CLOSE),
    ("header name with a tab behind it", get(b"/livez", b"X-A\t: a"), 400, CLOSE),
    ("header name with a bracket", get(b"/livez", b"X(A): a"), 400, CLOSE),
    ("DEL in a value", get(b"/livez", b"X-A: \x7f"), 400, CLOSE),
    ("carriage return in a value", get(b"/livez", b"X-A: a\rb"), 400, CLOSE),
    ("zero byte in a header name", get(b"/livez", b"X\x00A: a"), 400, CLOSE),
    ("two expectations", post(b"Expect: 100-continue", b"Expect: 100-continue"), 400, CLOSE),
    ("two keys", get(b"/livez", b"Authorization: Bearer a", b"Authorization: Bearer b"), 400, CLOSE),
    ("two timeouts", get(b"/livez", b"X-Request-Timeout-Ms: 5", b"X-Request-Timeout-Ms: 5"), 400, CLOSE),
    ("two request ids", get(b"/livez", b"X-Request-Id: a", b"X-Request-Id: a"), 400, CLOSE),
    ("two fetch sites", get(b"/livez", b"Sec-Fetch-Site: none", b"Sec-Fetch-Site: none"), 400, CLOSE),
    ("two content encodings", post(b"Content-Encoding: identity", b"Content-Encoding: identity"), 400, CLOSE),
    ("upgrade to HTTP/2", get(b"/livez", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"), 200, OPEN),
    ("upgrade to a web socket", get(b"/livez", b"Connection: Upgrade", b"Upgrade: websocket"), 200, OPEN),
    ("method in a header", get(b"/livez", b"X-HTTP-Method-Override: DELETE"), 200, OPEN),
    ("foreign forwarded host", get(b"/livez", b"X-Forwarded-Host: evil.example"), 200, OPEN),
    ("a hundred ranges", get(b"/livez", b"Range: bytes=" + b"0-1," * 100), 200, OPEN),
    ("close asked for", get(b"/livez", b"Connection: close"), 200, CLOSE),
    # host
    ("no host", get(host=b""), 400, CLOSE),
    ("no host in HTTP/1.0", request(b"GET /livez HTTP/1.0", host=b""), 400, CLOSE),
    ("empty host", host(b""), 400, CLOSE),
    ("two hosts", get(b"/livez", b"Host: localhost"), 400, CLOSE),
    ("two hosts, one of them foreign", get(b"/livez", b"Host: evil.example"), 400, CLOSE),
    ("foreign host", host(b"evil.example"), 403, CLOSE),
    ("foreign host on POST", request(b"POST /v1/tokenize HTTP/1.1", JSON.strip(), b"Content-Length: 13", host=b"Host: evil.example\r\n", body=BODY), 403, CLOSE),
    ("host that begins as ours", host(b"localhost.evil.example"), 403, CLOSE),
    ("host that ends as ours", host(b"evil-localhost"), 403, CLOSE),
    ("host that begins as an address", host(b"127.0.0.1.evil.example"), 403, CLOSE),
    ("subdomain of localhost", host(b"app.localhost:8080"), 200, OPEN),
    ("localhost with a dot", host(b"localhost."), 200, OPEN),
    ("upper-case localhost", host(b"LOCALHOST"), 200, OPEN),
    ("IPv4 address", host(b"10.1.2.3:80"), 200, OPEN),
    ("IPv6 address", host(b"[::1]:80"), 200, OPEN),
    ("IPv6 address without end", host(b"[::1"), 400, CLOSE),
    ("brackets around a name", host(b"[localhost]"), 400, CLOSE),
    ("user in the host", host(b"a@localhost"), 400, CLOSE),
    ("port of letters", host(b"localhost:http"), 400, CLOSE),
    ("port of 65536", host(b"localhost:65536"), 400, CLOSE),
    ("path in the host", host(b"localhost/x"), 400, CLOSE),
    ("host with a space", host(b"local host"), 400, CLOSE),
    ("host list", host(b"localhost, evil.example"), 400, CLOSE),
    ("address in hexadecimal", host(b"0x7f.1"), 403, CLOSE),
    ("address as one number", host(b"2130706433"), 403, CLOSE),
    ("address in octal", host(b"0177.0.0.1"), 403, CLOSE),
    ("host of UTF-8", host("löcalhost".encode()), 400, CLOSE),
    ("encoded host", host(b"%6cocalhost"), 400, CLOSE),
    ("IPv6 address with a zone", host(b"[fe80::1%25eth0]"), 400, CLOSE),
    ("host that begins with a dot", host(b".localhost"), 400, CLOSE),
    ("host that ends with two dots", host(b"localhost.."), 403, CLOSE),
    ("two ports", host(b"localhost:1:2"), 400, CLOSE),
    ("negative port", host(b"localhost:-1"), 400, CLOSE),
    # origin
    ("own origin", get(b"/livez", b"Origin: http://localhost"), 200, OPEN),
    ("own origin behind a TLS proxy", get(b"/livez", b"Origin: https://localhost"), 200, OPEN),
    ("origin of another port", get(b"/livez", b"Origin: http://localhost:3000"), 403, CLOSE),
    ("foreign origin", get(b"/livez", b"Origin: https://evil.example"), 403, CLOSE),
    ("null origin", post(b"Origin: null"), 403, CLOSE),
    ("file origin", get(b"/livez", b"Origin: file://"), 403, CLOSE),
    ("two origins", get(b"/livez", b"Origin: http://localhost", b"Origin: http://localhost"), 400, CLOSE),
    ("cross-site fetch", get(b"/livez", b"Sec-Fetch-Site: cross-site"), 403, CLOSE),
    ("same-origin fetch", get(b"/livez", b"Sec-Fetch-Site: same-origin"), 200, OPEN),
    ("preflight of a foreign origin", request(b"OPTIONS /v1/tokenize HTTP/1.1", b"Origin: https://evil.example",
                                              b"Access-Control-Request-Method: POST"), 403, CLOSE),
    ("origin without a scheme", get(b"/livez", b"Origin: localhost"), 403, CLOSE),
    ("origin with a path", get(b"/livez", b"Origin: http://localhost/x"), 403, CLOSE),
    ("origin that begins as ours", get(b"/livez", b"Origin: http://localhost.evil.example"), 403, CLOSE),
    ("origin of a browser's extension", get(b"/livez", b"Origin: chrome-extension://abc"), 403, CLOSE),
    ("empty origin", get(b"/livez", b"Origin:"), 403, CLOSE),
    ("own origin in capitals", get(b"/livez", b"Origin: HTTP://LOCALHOST"), 200, OPEN),
    ("fetch from the address line", get(b"/livez", b"Sec-Fetch-Site: none"), 200, OPEN),
    # bodies
    ("form", post(b"Content-Type: application/x-www-form-urlencoded"), 415, CLOSE),
    ("text/plain, which a page may send anywhere", post(b"Content-Type: text/plain"), 415, CLOSE),
    ("no type", request(b"POST /v1/tokenize HTTP/1.1", b"Content-Length: 13", body=BODY), 415, CLOSE),
    ("two types", post(JSON.strip(), b"Content-Type: application/json"), 400, CLOSE),
    ("JSON of a prefix", post(b"Content-Type: application/jsonp"), 415, CLOSE),
    ("JSON in UTF-8", post(b"Content-Type: application/json; charset=utf-8"), 200, OPEN),
    ("JSON in Latin-1", post(b"Content-Type: application/json; charset=iso-8859-1"), 415, CLOSE),
    ("JSON lines where they are not taken", post(b"Content-Type: application/x-ndjson"), 415, CLOSE),
    ("gzip", post(b"Content-Encoding: gzip"), 415, CLOSE),
    ("identity encoding", post(b"Content-Encoding: identity"), 200, OPEN),
    ("length over the limit", post(b"Content-Length: 999999999", length=False, body=b""), 413, CLOSE),
    ("body where there is none", request(b"GET /livez HTTP/1.1", JSON.strip(), b"Content-Length: 13", body=BODY), 413, CLOSE),
    ("malformed JSON", post(body=b'{"input":'), 400, OPEN),
    ("UTF-8 that is none", post(body=b'{"input":"\xff"}'), 400, OPEN),
    ("a deep body", post(body=b"[" * 100000), (400, 413), OPEN),
    ("same key twice", post(body=b'{"input":"a","input":"b"}'), 400, OPEN),
    ("form with parts", post(b"Content-Type: multipart/form-data; boundary=x"), 415, CLOSE),
    ("any type", post(b"Content-Type: */*"), 415, CLOSE),
    ("list of types", post(b"Content-Type: application/json, text/plain"), 415, CLOSE),
    ("two charsets", post(b"Content-Type: application/json; charset=utf-8; charset=utf-16"), 415, CLOSE),
    ("another JSON", post(b"Content-Type: application/ld+json"), 415, CLOSE),
    ("JSON in capitals", post(b"Content-Type: APPLICATION/JSON"), 200, OPEN),
    ("deflate", post(b"Content-Encoding: deflate"), 415, CLOSE),
    ("list of encodings", post(b"Content-Encoding: identity, gzip"), 415, CLOSE),
    ("zstd", post(b"Content-Encoding: zstd"), 415, CLOSE),
    ("empty encoding", post(b"Content-Encoding:"), 415, CLOSE),
    ("byte order mark", post(body=b'\xef\xbb\xbf{"input":"x"}'), 400, OPEN),
    ("UTF-16", post(body='{"input":"x"}'.encode("utf-16")), 400, OPEN),
    ("overlong UTF-8", post(body=b'{"input":"\xc0\xaf"}'), 400, OPEN),
    ("lone surrogate", post(body=b'{"input":"\\ud800"}'), 400, OPEN),
    ("zero byte in a text", post(body=b'{"input":"a\x00b"}'), 400, OPEN),
    ("NaN", post(body=b'{"input":NaN}'), 400, OPEN),
    ("number beyond all bounds", post(body=b'{"input":1e999}'), 400, OPEN),
    ("something behind the JSON", post(body=b'{"input":"x"}x'), 400, OPEN),
    ("two JSON texts", post(body=b'{"input":"x"}{"input":"x"}'), 400, OPEN),
    ("list for an object", post(body=b"[]"), 400, OPEN),
    ("text for an object", post(body=b'"x"'), 400, OPEN),
    ("257 keys", post(body=b"{" + b",".join(b'"k%d":1' % i for i in range(257)) + b"}"), 413, OPEN),
    ("33 levels", post(body=b"[" * 33 + b"]" * 33), 413, OPEN),
    ("__proto__", post(body=b'{"input":"x","__proto__":{}}'), 400, OPEN),
    ("unknown field", post(body=b'{"input":"x","nope":1}'), 400, OPEN),
    ("comment", post(body=b'{"input":"x"/**/}'), 400, OPEN),
    ("single quotes", post(body=b"{'input':'x'}"), 400, OPEN),
    ("no body at all", request(b"POST /v1/tokenize HTTP/1.1", JSON.strip(), b"Content-Length: 0"), 400, OPEN),
]

# What libmicrohttpd 0.9.75 hides from the server, as SECURITY.md says. A version that refuses it is better.
HIDDEN = [
    ("folded header", get(b"/livez", b"X-A: b\r\n c"), (200, 400), None),
    ("bare line feeds", b"GET /livez HTTP/1.1\nHost: localhost\n\n", (200, 400, None), None),
    ("bare line feeds around a chunk", post(CHUNKED, body=b"d\n" + BODY + b"\n0\n\n", length=False), (200, 400, None), None),
    ("zero byte in a header value", get(b"/livez", b"X-A: a\x00b"), (200, 400, None), None),
    ("zero byte in the target", request(b"GET /li\x00vez HTTP/1.1"), (404, 400, None), None),
    ("header without a name", get(b"/livez", b": a"), (200, 400, None), None),
]


def run_case(server, name, data, statuses, after):
    peer = Peer(server)
    method = data.split(b" ", 1)[0].decode("latin-1")
    try:
        peer.send(data)
        answer = peer.answer(method)
        status = answer and answer[0]
        allowed = statuses if isinstance(statuses, tuple) else (statuses,)
        assert status in allowed, f"{name}: answered {status} instead of {statuses}: {answer}"
        if status is None:
            return
        headers, body = answer[1], answer[2]
        if status != 204 and "x-request-id" in headers:
            assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store", f"{name}: {headers}"
            assert method == "HEAD" or json.loads(body) is not None, name
        if status == 405:
            assert "allow" in headers, f"{name}: a 405 without Allow"
        if after == CLOSE:
            assert peer.ended(), f"{name}: the connection stays open after {status}"
        elif after == OPEN:
            peer.send(get())
            again = peer.answer()
            assert again and again[0] == 200, f"{name}: the connection was closed after {status}"
    finally:
        peer.close()


def pipelining(server):
    peer = Peer(server)
    peer.send(get() + post() + request(b"HEAD /livez HTTP/1.1") + get(b"/nothing") + post(CHUNKED, body=b"d\r\n" + BODY + b"\r\n0\r\n\r\n", length=False) + get())
    for method, status in (("GET", 200), ("POST", 200), ("HEAD", 200), ("GET", 404), ("POST", 200), ("GET", 200)):
        answer = peer.answer(method)
        assert answer and answer[0] == status, f"pipelined {method}: {answer}"
    peer.close()


def chunked_beyond_the_limit(server):
    peer = Peer(server)
    peer.send(post(CHUNKED, body=b"", length=False))
    for _ in range(64):
        peer.send(b"10000\r\n" + b" " * 65536 + b"\r\n")
    answer = peer.answer()
    assert answer and answer[0] == 413, f"an endless chunked body: {answer}"
    assert peer.ended()
    peer.close()


def half_closed(server):
    """A client that has said all it has to say still gets its answer."""
    peer = Peer(server)
    peer.send(post())
    peer.socket.shutdown(socket.SHUT_WR)
    answer = peer.answer()
    assert answer and answer[0] == 200, f"half-closed: {answer}"
    peer.close()


def byte_by_byte(server):
    peer = Peer(server)
    for byte in post():
        peer.send(bytes([byte]))
    answer = peer.answer()
    assert answer and answer[0] == 200, f"byte by byte: {answer}"
    peer.close()


def dripping(server, first, drip, answered=0):
    """Something every half second keeps nobody's connection open beyond the deadline of the whole."""
    peer = Peer(server)
    for _ in range(answered):
        peer.send(get())
        assert peer.answer()[0] == 200
    peer.socket.settimeout(0.5)
    peer.send(first)
    start = time.monotonic()
    while time.monotonic() - start < 60:
        peer.send(drip)
        try:
            if not peer.more() or peer.bytes:
                break
        except TimeoutError:
            continue
    peer.socket.settimeout(60)
    answer = peer.answer()
    assert answer and answer[0] == 408, f"dripping: {answer}"
    assert peer.ended()
    peer.close()


def silent(server, first):
    """Neither does saying nothing, inside a request."""
    peer = Peer(server)
    peer.send(first)
    answer = peer.answer()
    assert answer is None or answer[0] == 408, f"silent: {answer}"
    assert peer.ended()
    peer.close()


def identifiers(server):
    for given, taken in ((b"abc-123", True), (b"a b", False), (b"x" * 129, False), (b'"}', False)):
        peer = Peer(server)
        peer.send(get(b"/livez", b"X-Request-Id: " + given))
        got = peer.answer()[1]["x-request-id"]
        assert (got == given.decode()) == taken, f"id {given}: {got}"
        assert taken or len(got) == 32, got
        peer.close()


def main():
    with Server() as server:
        slow = []
        failures = []

        def aside(function, *arguments):
            def run():
                try:
                    function(*arguments)
                except BaseException as problem:  # reported by the main thread
                    failures.append(f"{function.__name__}: {problem!r}")

            slow.append(threading.Thread(target=run))
            slow[-1].start()

        aside(dripping, server, b"GET /livez HTTP/1.1\r\n" + HOST, b"X-A: b\r\n")
        aside(dripping, server, b"GET /livez", b"z", 2)  # a head that never ends, on a connection that was good before
        aside(silent, server, b"GET /livez HTTP/1.1\r\n" + HOST)
        aside(silent, server, b"")
        aside(silent, server, post(b"Content-Length: 100", length=False))
        aside(silent, server, b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + bytes(60))  # TLS to a plain port
        aside(silent, server, bytes(range(256)))
        aside(silent, server, b"GET /livez HTTP/1.1\rHost: localhost\r\r")
        for case in CASES + HIDDEN:
            run_case(server, *case)
        pipelining(server)
        chunked_beyond_the_limit(server)
        half_closed(server)
        byte_by_byte(server)
        identifiers(server)
        for thread in slow:
            thread.join()
        assert not failures, failures
        assert server.call("GET", "/livez")[0] == 200
        for line in server.log.splitlines():
            if line.startswith("{"):
                json.loads(line)
    assert server.process.returncode == 0, server.process.returncode
    print(f"{len(CASES) + len(HIDDEN) + len(slow) + 8} cases")


if __name__ == "__main__":
    sys.exit(main())
