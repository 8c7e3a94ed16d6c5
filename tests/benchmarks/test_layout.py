"""Golden tables: what every config allocates and where. A change must be meant.

To accept one: python -m benchmarks.layout --config=configs/NAME.py --mesh=M > tests/golden/NAME.txt
"""

import pathlib

import pytest

from benchmarks.layout import table
from itit_jax import config as settings

MESHES = {
    "vq_tiny": (8, 1, 1),
    "vq_emoji": (8, 1, 1),
    "vq_f16": (4, 2, 1),
    "vq_f8": (4, 2, 1),
    "vq_maskgit": (4, 2, 1),
    "vq_amused": (4, 2, 1),
    "classifier_tiny": (4, 2, 1),
    "towers_tiny": (2, 2, 2),
    "c3_tiny": (2, 2, 2),
    "c3_coco": (1, 4, 1),
    "clip_b32": (1, 8, 1),
    "ernie_vilg_tiny": (2, 2, 2),
    "ernie_vilg_vqa_tiny": (2, 2, 2),
    "ernie_vilg_300m": (1, 16, 1),
    "ernie_vilg_10b": (1, 32, 4),
    "itit_tiny": (2, 2, 2),
    "itit_emoji": (8, 1, 1),
    "itit_base": (1, 4, 4),
    "itit_large": (1, 16, 4),
    "itit_huge": (1, 32, 4),
}
GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", MESHES)
def test_layout_is_the_golden_one(name):
    found = table(settings.load(f"configs/{name}.py"), MESHES[name])
    assert found == (GOLDEN / f"{name}.txt").read_text().rstrip("\n")
