"""What is installed, by "cmake --install" and as a Debian package: all of it is there and works where it was put."""
import gzip
import os
import re
import shutil
import subprocess
import sys

from harness import BUILD, SOURCE, Scratch

FILES = {
    "bin/cognate", "lib/systemd/system/cognate.service", "lib/systemd/system/cognate.socket", "lib/sysusers.d/cognate.conf",
    "lib/tmpfiles.d/cognate.conf", "share/bash-completion/completions/cognate", "share/cognate/alerts.yml",
    "share/cognate/cognate-e5-512.gguf", "share/cognate/dashboard.json", "share/doc/cognate/CHANGELOG.md", "share/doc/cognate/LICENSE",
    "share/doc/cognate/OPERATING.md", "share/doc/cognate/README.md", "share/doc/cognate/SECURITY.md", "share/doc/cognate/copyright",
    "share/fish/vendor_completions.d/cognate.fish", "share/man/man1/cognate.1.gz", "share/zsh/vendor-completions/_cognate",
}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, encoding="utf-8", **options)
    assert done.returncode == 0, (command, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def files_below(folder):
    return {os.path.relpath(os.path.join(where, name), folder) for where, _, names in os.walk(folder) for name in names}


def works(prefix, folder):
    """The program finds the model beside it, with nothing in the environment to help."""
    program = os.path.join(prefix, "bin/cognate")
    environment = {"HOME": folder, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    text = os.path.join(folder, "text.txt")
    with open(text, "w") as file:
        file.write("The bakery on the corner opens at seven.\n")
    run(program, "index", text, env=environment)
    assert "bakery" in run(program, "search", "Wann öffnet die Bäckerei?", env=environment)
    assert os.path.join(prefix, "share/cognate/cognate-e5-512.gguf") in os.path.normpath(
        re.search(r"\S*cognate-e5-512\.gguf", run(program, "--json", "doctor", env=environment)).group(0).split('"')[-1])


def reads(prefix):
    """The manual page and the completions are what the tools take."""
    with gzip.open(os.path.join(prefix, "share/man/man1/cognate.1.gz"), "rt", encoding="utf-8") as file:
        page = file.read()
    assert page.startswith(".TH COGNATE 1") and "cognate serve" in page.replace("\\-", "-")
    for shell, path, check in (("bash", "share/bash-completion/completions/cognate", "-n"), ("zsh", "share/zsh/vendor-completions/_cognate", "-n"),
                               ("fish", "share/fish/vendor_completions.d/cognate.fish", "--no-execute")):
        if shutil.which(shell):
            run(shell, check, os.path.join(prefix, path))


def unit(prefix, program):
    path = os.path.join(prefix, "lib/systemd/system/cognate.service")
    with open(path) as file:
        text = file.read()
    assert f"ExecStart={program} serve" in text and "@" not in re.sub(r"@(system-service|privileged|resources)", "", text)
    if not shutil.which("systemd-analyze"):
        print("skipped: the unit's exposure, for want of systemd-analyze")
        return
    report = run("systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", path)  # 1.5 of 10
    print(report.strip().splitlines()[-1].strip("→ "))
    if os.path.exists(program):
        run("systemd-analyze", "verify", "--man=no", path)


def prefix(folder):
    where = os.path.join(folder, "prefix")
    run("cmake", "--install", BUILD, "--prefix", where)
    assert files_below(where) == FILES, files_below(where) ^ FILES
    works(where, folder)
    reads(where)
    unit(where, os.path.join(where, "bin/cognate"))


def debian(folder):
    if not shutil.which("dpkg-shlibdeps") or not shutil.which("dpkg-deb"):
        print("skipped: the Debian package, for want of dpkg-dev")
        return
    run("cpack", "--config", os.path.join(BUILD, "CPackConfig.cmake"), "-G", "DEB", "-B", folder, cwd=folder)
    package = next(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb"))
    fields = run("dpkg-deb", "-f", package)
    for field in ("Package: cognate", "Maintainer: ", "Section: utils", "Recommends: .*systemd"):
        assert re.search("^" + field, fields, re.MULTILINE), (field, fields)
    for library in ("libc6", "libsqlite3-0", "libmicrohttpd12", "libgnutls30", "libjansson4"):
        assert re.search(rf"^Depends: .*\b{library}", fields, re.MULTILINE), (library, fields)
    root = os.path.join(folder, "root")
    run("dpkg-deb", "-x", package, root)
    assert files_below(os.path.join(root, "usr")) == FILES, files_below(os.path.join(root, "usr")) ^ FILES
    assert os.listdir(root) == ["usr"], os.listdir(root)
    control = os.path.join(folder, "control")
    run("dpkg-deb", "-e", package, control)
    for script in ("postinst", "prerm"):
        assert os.access(os.path.join(control, script), os.X_OK)
        run("sh", "-n", os.path.join(control, script))
    for line in run("dpkg-deb", "-c", package).splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root" and mode[5] == mode[8] == "-", line
    works(os.path.join(root, "usr"), folder)
    unit(os.path.join(root, "usr"), "/usr/bin/cognate")


def container():
    """What can be told of the container file without building it."""
    with open(os.path.join(SOURCE, "server/ops/Containerfile")) as file:
        lines = [line for line in file.read().replace("\\\n", "").splitlines() if line and not line.startswith("#")]
    final = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")):]
    known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "ENV", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in lines} <= known, lines
    assert re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", next(line for line in final if line.startswith("USER"))), "runs as root"
    assert any(line.startswith("HEALTHCHECK") for line in final) and any(line.startswith("VOLUME") for line in final)
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert os.path.exists(os.path.join(SOURCE, source)), line
        if line.startswith("RUN"):
            run("sh", "-n", "-c", line[4:])


def main():
    with Scratch() as folder:
        prefix(folder)
        container()
    with Scratch() as folder:
        debian(folder)


if __name__ == "__main__":
    sys.exit(main())
