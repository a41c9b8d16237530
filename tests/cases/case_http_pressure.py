"""Under pressure: clients that send a byte now and then, and more work than the machine can do.

Moderate numbers and no clock in what is asserted. With COGNATE_LONG=1: 1,000 dripping clients for a minute beside a healthy one, and
four times the measured capacity for half a minute; the figures are printed, and held to what the server promises.
"""
import asyncio
import json
import multiprocessing
import os
import resource
import sys
import time

from harness import Server

LONG = os.environ.get("COGNATE_LONG")
HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"
TEXT = "The ferry to the island leaves at a quarter past nine from the second pier of the old harbour."


def message(path, body):
    body = json.dumps(body)
    return (HEAD.format(path, len(body)) + body).encode()


class Client:
    """A connection that asks one thing after the other."""

    def __init__(self, server):
        self.server = server

    async def __aenter__(self):
        self.reader, self.writer = await asyncio.open_connection(self.server.host, self.server.port)
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    async def ask(self, data):
        """(status, headers in lower case, seconds)"""
        start = time.monotonic()
        self.writer.write(data)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        await self.reader.readexactly(length)
        return int(head.split(" ")[1]), head, time.monotonic() - start


def p99(seconds):
    return sorted(seconds)[int(0.99 * (len(seconds) - 1))]


# ---- slow clients ----

async def drip(host, port, until):
    """Holds a connection with a head that never ends, and another when the server has closed it."""
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /livez HTTP/1.1\r\n")
            while time.monotonic() < until and not reader.at_eof():
                writer.write(b"X-Drip: x\r\n")
                await writer.drain()
                await asyncio.sleep(1)
            writer.close()
        except OSError:
            await asyncio.sleep(0.2)


def drip_all(host, port, count, seconds):
    async def together():
        until = time.monotonic() + seconds
        await asyncio.gather(*(drip(host, port, until) for _ in range(count)))

    asyncio.run(together())


async def healthy(server, seconds):
    """Times of single queries, one after the other."""
    times = []
    until = time.monotonic() + seconds
    async with Client(server) as client:
        while time.monotonic() < until:
            status, head, took = await client.ask(message("/v1/embed", {"input": f"{len(times)} {TEXT}"}))
            assert status == 200, head
            times.append(took)
    return times


async def slow_clients(server):
    count, seconds = (1000, 60) if LONG else (100, 3)
    idle = await healthy(server, seconds / 4)
    slow = multiprocessing.Process(target=drip_all, args=(server.host, server.port, count, seconds))
    slow.start()  # a process of its own, so that its work is not measured with the answers
    await asyncio.sleep(seconds / 10)
    beside = await healthy(server, seconds * 0.9)
    slow.join()
    assert beside, "nothing was answered beside slow clients"
    print(f"{count} dripping clients for {seconds} s: p99 of a query {1000 * p99(beside):.0f} ms, {1000 * p99(idle):.0f} ms without")


# ---- more than can be done ----

async def full_queue(server):
    """Calls beyond the queue are refused with 429 and Retry-After while others wait. Most give up: the others are done at once."""
    bulk = message("/v1/embed", {"input": ["short"] * 33})  # more texts than a call that goes first may have
    long = message("/v1/embed", {"input": [f"{i} {TEXT * 8}" for i in range(2000)]})
    async with Client(server) as one, Client(server) as two, Client(server) as three:
        first = [asyncio.create_task(client.ask(long)) for client in (one, two, three)]
        await asyncio.sleep(0.5)
        clients = [await Client(server).__aenter__() for _ in range(700)]
        answers = [asyncio.create_task(client.ask(bulk)) for client in clients]
        while not any(task.done() for task in answers):
            await asyncio.sleep(0.01)
        early = [task.result() for task in answers if task.done()]
        assert all(status == 429 and "\r\nretry-after: 1\r\n" in head for status, head, _ in early), early[:3]
        assert not any(task.done() for task in first), "the first calls were done before the queue was full"
        for number, client in enumerate(clients):
            if number % 50 != 0:
                await client.__aexit__()
    await asyncio.gather(*first, return_exceptions=True)
    done = await asyncio.gather(*answers, return_exceptions=True)
    kept = done[::50]
    assert not any(isinstance(answer, Exception) for answer in kept), kept
    assert {status for status, _, _ in kept} <= {200, 429} and 200 in {status for status, _, _ in kept}, kept
    for client in clients[::50]:
        await client.__aexit__()
    refused = sum(not isinstance(answer, Exception) and answer[0] == 429 for answer in done)
    print(f"full queue: {refused} of {len(clients)} calls refused before the others gave up")


async def capacity(server):
    """Queries a second that eight clients get answered."""
    done = await asyncio.gather(*(healthy(server, 5) for _ in range(8)))
    return sum(map(len, done)) / 5


async def overload(server):
    """Four times the capacity for half a minute."""
    rate = await capacity(server)
    free, accepted, refused, lost = [], [], [], []
    data = message("/v1/embed", {"input": TEXT})

    async def one():
        try:
            if free:
                client = free.pop()
            else:
                client = await Client(server).__aenter__()
            status, head, took = await client.ask(data)
            assert status in (200, 429, 503), head  # the last: too many connections
            assert status == 200 or "\r\nretry-after: " in head, head
            (accepted if status == 200 else refused).append(took)
            if status != 503:
                free.append(client)
        except (OSError, asyncio.IncompleteReadError, IndexError):
            lost.append(1)  # beyond the limit of connections: refused before a request was read

    tasks, start = [], time.monotonic()
    while (now := time.monotonic() - start) < 30:
        while len(tasks) < 4 * rate * now:
            tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    end = time.monotonic()
    print(f"capacity {rate:.0f} queries a second; at four times that {len(tasks)} were sent: {len(accepted)} answered (p99 "
          f"{1000 * p99(accepted):.0f} ms), {len(refused)} refused (p99 {1000 * p99(refused or [0]):.0f} ms), {len(lost)} not let in")
    for client in free:
        await client.__aexit__()
    refusals = [json.loads(line)["ms"] for line in server.log.splitlines() if '"status":429,' in line]
    print(f"by the server's own log a refusal took {p99(refusals or [0]):.1f} ms (p99)")
    while True:  # at once, or when the server has seen that those connections are gone
        try:
            if p99((await healthy(server, 0.5))[-3:]) < 1:
                break
        except (OSError, AssertionError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.2)
        assert time.monotonic() - end < 5, "the server does not recover"
    assert len(accepted) >= rate * 30 / 2, "overload takes the capacity away"
    assert refused, "four times the capacity and nothing refused"


async def run():
    with Server("--connections", "2000") as server:
        await slow_clients(server)
        await full_queue(server)
        if LONG:
            await overload(server)
        assert server.call("GET", "/readyz")[0] == 200
        answered = server.call("GET", "/metrics")[1]
        assert "\ncognate_encoder_waiting_calls 0\n" in answered
    assert server.process.returncode == 0


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 5000:
        print("skipped: needs 5,000 descriptors")
        return 77
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 5000), hard))
    asyncio.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
