"""The wheel for machines of a cluster holds what they run, and says what that needs."""

import subprocess
import sys

from data_pipelines import wheel
from tests import test_setup


def test_what_pip_makes_of_it_runs_what_machines_run_without_jax(tmp_path):
    made, target = wheel.write(tmp_path), tmp_path / "there"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, f"--target={target}", made], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r})\n"
        "import data_pipelines.on_workers as worker, data_pipelines.sources.parquet\n"
        "print(worker.__file__, {'jax', 'tensorflow', 'apache_beam'} & set(sys.modules))"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == f"{target}/data_pipelines/on_workers.py set()\n", done.stderr
    assert (target / "configs/commands.py").is_file()


def test_what_it_needs_is_what_setup_asks_for():
    asked = {}
    for line in wheel.needed():
        asked[test_setup.normal(line)] = line.partition(">=")[2]
    text = (wheel.ROOT / "setup.py").read_text()
    for name, version in asked.items():
        spellings = (name, name.replace("-", "_"), f"{name}[epath]")
        assert any(f'"{spelt}>={version}' in text for spelt in spellings), name
    assert {"numpy", "pillow", "array-record"} <= asked.keys()
