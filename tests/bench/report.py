"""What both comparisons write into tests/bench/results.md: this machine, and a section that replaces the one of the last run."""
import datetime
import os
import re
import subprocess

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results.md")


def machine():
    """The processor and its instruction sets, cores, memory, compiler, kernel, as one line each."""
    cpu = open("/proc/cpuinfo").read()
    name = re.search(r"^model name\s*: (.*)$", cpu, re.M).group(1)
    flags = set(re.search(r"^flags\s*: (.*)$", cpu, re.M).group(1).split())
    known = [f for f in ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8") if f in flags]
    memory = int(re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read()).group(1)) / (1 << 20)
    family = "/".join(re.search(rf"^{key}\s*: (\d+)$", cpu, re.M).group(1) for key in ("cpu family", "model", "stepping"))
    return f"{name} (family/model/stepping {family}; {', '.join(known)}), {os.cpu_count()} cores, {memory:.0f} GiB, Linux {os.uname().release}"


def commit():
    done = subprocess.run(["git", "-C", os.path.dirname(RESULTS), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def today():
    return datetime.date.today().isoformat()


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def write(title, body):
    """Puts `body` under the heading `title`, in place of what stood there."""
    text = open(RESULTS, encoding="utf-8").read()
    section = f"## {title}\n\n{body.strip()}\n"
    old = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.M | re.S)
    text = old.sub(lambda _: section + "\n", text) if old.search(text) else text.rstrip() + "\n\n" + section
    with open(RESULTS, "w", encoding="utf-8") as file:
        file.write(text.rstrip() + "\n")
