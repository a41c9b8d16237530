"""What is kept between starts: tables and packed weights in the cache folder give the same vectors as those that are worked out, and a
folder that cannot be used, or entries that are damaged, cost time and nothing else."""
import os

from harness import Scratch, cognate


def embed(cache):
    code, out, err = cognate("embed", "--format", "base64", "Der Zug hat Verspätung.", "電車が遅れています。", env={"XDG_CACHE_HOME": cache})
    assert code == 0, err
    assert err == "", err
    return out


def main():
    with Scratch() as folder:
        cache = os.path.join(folder, "cache")
        first = embed(cache)
        tables = os.path.join(cache, "cognate", "tables")
        entries = {name: open(os.path.join(tables, name), "rb").read() for name in os.listdir(tables)}
        assert any(name.startswith("int8-weights") for name in entries), entries.keys()
        assert embed(cache) == first

        for name, content in entries.items():  # damaged in the middle, cut short, empty
            path = os.path.join(tables, name)
            middle = 128 + (len(content) - 128) // 2
            for broken in (content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:], content[:middle], b""):
                with open(path, "wb") as f:
                    f.write(broken)
                assert embed(cache) == first, name
                with open(path, "rb") as f:
                    assert f.read() == content, name + " was not mended"
        assert set(os.listdir(tables)) == set(entries), "temporary files were left"

        file = os.path.join(folder, "file")
        with open(file, "w"):
            pass
        assert embed(file) == first  # a file where the folder should be
        code, out, err = cognate("doctor", env={"XDG_CACHE_HOME": file}, db=os.path.join(folder, "none.db"))
        assert "cache" in out and "starting takes a little longer" in out, out + err


if __name__ == "__main__":
    main()
