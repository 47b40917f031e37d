"""Several threads may read a kind for the first time at once."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_AT_ONCE = """
import sys, threading
from dataclasses import is_dataclass
import msgspec
import domain.requests
from storage.typed import read_json

sys.setswitchinterval(1e-6)
kinds = [each for each in vars(domain.requests).values() if isinstance(each, type) and is_dataclass(each)]
together = threading.Barrier(4)

def read():
    for kind in kinds:
        together.wait()
        try:
            read_json(kind, b'{"zz": 1, "yy": 2}')
        except msgspec.ValidationError:
            pass

threads = [threading.Thread(target=read) for _ in range(4)]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(len(kinds))
"""


def test_a_kind_is_read_for_the_first_time_by_four_threads_at_once() -> None:
    """With msgspec alone the process ends by a segmentation fault, nearly always."""
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", _AT_ONCE], cwd=ROOT, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        assert int(ended.stdout) > 50


def test_nobody_reads_a_type_past_it() -> None:
    """Who names a type where it reads goes through storage.typed; plain dicts are as they are."""
    past = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in (
            "domain",
            "ingest",
            "detectors",
            "linkage",
            "delivery",
            "storage",
            "service",
            "web",
        )
        for path in (ROOT / room).rglob("*.py")
        if path.name != "typed.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"msgspec.json.decode", "msgspec.msgpack.decode"}
        and any(
            word.arg == "type" and ast.unparse(word.value) not in {"dict[str, Any]", "Site"}
            for word in node.keywords
        )
    ]
    assert not past
