"""What the README and the results promise is there: files, links, figures."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "results").glob("*.md")), ROOT / "launch/README.md")
FOLDERS = ("configs", "data_pipelines", "itit_jax", "benchmarks", "launch")


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


def test_every_picture_and_file_that_a_page_links_exists():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), (page.name, target)


def test_results_name_only_files_that_there_are():
    told = re.findall(r"`([\w/*.]+\.(?:md|json|png))`", (ROOT / "results/README.md").read_text())
    assert told and all(list((ROOT / "results").glob(name)) for name in told), told


def test_no_page_waits_for_its_figures():
    for page in PAGES:
        waiting = re.findall(r"^[A-Z_]{3,}\.?$", page.read_text(), re.M)
        assert not waiting, (page.name, waiting)
