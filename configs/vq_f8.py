"""Tokenizer of 256x256 images into 32x32 tokens of 8,192 codes, which ERNIE-ViLG reads.

The paper tells factor and codes; the other sizes are taming's, the rates those of vq_f16.

python -m itit_jax.main --config=configs/vq_f8.py --workdir=/bucket/vq_f8 --config.data.path=DATA
"""

from configs import vq_f16


def get_config():
    c = vq_f16.get_config()
    c.model.channel_multipliers = (1, 1, 2, 4)
    return c
