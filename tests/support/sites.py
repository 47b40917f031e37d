"""Site folders for tests and benchmarks, written as a person would write them."""

from collections.abc import Iterable
from pathlib import Path

CODE = "test-site"
SOURCE = "field"
ASSET = "N/1T"
SIREN = "siren-1T"


def write_site(
    folder: Path,
    *,
    port: int,
    points: Iterable[str],
    limits: Iterable[str],
    rules: Iterable[str] = (),
    valid_for: str = "60s",
    confirm_within: str = "3s",
    stale_after: str = "never",
) -> Path:
    """One station with one transformer and one siren. `limits` and `rules` are lines of YAML."""
    files = {
        "site.yaml": (
            f"name: test\ncode: {CODE}\nzone: Asia/Shanghai\n"
            "responsible: {name: 甲值正值, role: 当值负责人, because: 测试站由甲值负责}\n"
        ),
        f"sources/{SOURCE}.yaml": (
            f"id: {SOURCE}\nkind: mqtt\nhost: 127.0.0.1\nport: {port}\nclient_id: core\n"
        ),
        "assets/station.yaml": (
            "station: 35kV测试变\nstaffing: unattended\nbays:\n"
            "  - name: 1号主变间隔\n    voltage: 35kV\n    devices:\n"
            f"      - id: {ASSET}\n        name: 1号主变\n        points:\n"
            + "".join(
                f"          - {{key: {key}, signal: 油温, unit: degC, source: {SOURCE}, "
                f"stale_after: {stale_after}}}\n"
                for key in points
            )
        ),
        "limits/limits.yaml": _listed("limits", limits),
        "linkage.yaml": (
            f"devices:\n  - {{id: {SIREN}, name: 1号主变声光报警器, at: {ASSET}, "
            f"valid_for: {valid_for}, confirm_within: {confirm_within}}}\n"
            + _listed("rules", rules or [f"{{id: siren, at_least: urgent, device: {SIREN}}}"])
        ),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def limit(point: str, kind: str, value: float, *, priority: str = "urgent", **more: str) -> str:
    """A line for `limits`, e.g. limit("A", "H", 85, on_delay="60s")."""
    fields = {"value": str(value), "priority": priority, "mark": "D", **more}
    return f"{{point: {point}, {kind}: {{{', '.join(f'{k}: {v}' for k, v in fields.items())}}}}}"


def _listed(name: str, lines: Iterable[str]) -> str:
    items = list(lines)
    return f"{name}:\n" + "".join(f"  - {line}\n" for line in items) if items else f"{name}: []\n"
