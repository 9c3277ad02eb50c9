"""The distribution holds the package, its types and its licence, and needs two packages."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import eventsite_client
from tests.support.server import CHECKOUT


def test_the_wheel_holds_every_module_and_needs_httpx2_and_msgspec_only(tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--offline", "--wheel", "--out-dir", str(tmp_path)]
    subprocess.run([uv, "build", *options, CHECKOUT / "client"], check=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
        [metadata] = [file.read(name).decode() for name in names if name.endswith("/METADATA")]
    package = Path(eventsite_client.__file__).parent
    modules = {str(path.relative_to(package.parent)) for path in package.rglob("*.py")}
    held = {name for name in names if ".dist-info/" not in name}
    assert held == modules | {"eventsite_client/py.typed"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    lines = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    needed = [line.split()[1] for line in lines if "extra ==" not in line]
    assert [name.partition(">")[0] for name in needed] == ["httpx2", "msgspec"]
    assert "Requires-Python: >=3.10" in metadata
    assert f"Version: {eventsite_client.__version__}" in metadata.splitlines()
