"""The code that machines of a cluster run, as a wheel: this package and configs, no JAX.

What it needs beside is told in requirements/beam.txt; Beam itself is there before it.
"""

import base64
import hashlib
import pathlib
import zipfile

ROOT = pathlib.Path(__file__).parent.parent
PACKAGES = ("configs", "data_pipelines")
NAME = "itit_jax_data-0.1.0"  # what pip tells one from another by


def write(folder) -> pathlib.Path:
    """A wheel of what is here now."""
    file = pathlib.Path(folder, f"{NAME}-py3-none-any.whl")
    contents = {each: data.encode() for each, data in _about().items()}
    for package in PACKAGES:
        for module in sorted((ROOT / package).rglob("*.py")):
            contents[module.relative_to(ROOT).as_posix()] = module.read_bytes()
    record = f"{NAME}.dist-info/RECORD"
    lines = [f"{name},{_sum(data)},{len(data)}\n" for name, data in contents.items()]
    contents[record] = "".join([*lines, f"{record},,\n"]).encode()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in contents.items():
            wheel.writestr(name, data)
    return file


def needed() -> list[str]:
    """Requirements of the code beside Beam."""
    lines = (ROOT / "requirements/beam.txt").read_text(encoding="utf-8").splitlines()
    told = [line.partition("#")[0].strip() for line in lines]
    return [line for line in told if line and not line.startswith("apache-beam")]


def _about():
    name, _, version = NAME.partition("-")
    needs = [f"Requires-Dist: {each}" for each in needed()]
    told = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *needs]
    kind = ["Wheel-Version: 1.0", "Generator: itit_jax", "Root-Is-Purelib: true",
            "Tag: py3-none-any"]  # fmt: skip
    files = {"METADATA": told, "WHEEL": kind}
    return {f"{NAME}.dist-info/{file}": "\n".join([*lines, ""]) for file, lines in files.items()}


def _sum(data):
    """As RECORD has it."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest())
    return f"sha256={digest.decode().rstrip('=')}"
