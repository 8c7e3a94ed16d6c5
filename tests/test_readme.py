"""The README's tree names every file there is, and nothing else."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
FOLDERS = ("configs", "data_pipelines", "itit_jax", "benchmarks")


def test_the_tree_in_the_readme_is_the_tree():
    block = re.search(r"## The tree\n.*?```\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    told = set(re.findall(r"[\w/]+\.py", block[1]))
    there = {
        file.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        if file.name != "__init__.py"
    }
    assert told == there


def test_every_picture_and_file_that_the_readme_links_exists():
    text = (ROOT / "README.md").read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (ROOT / target).exists(), target
