"""Tokenizer of aMUSEd's pipeline folders: 8192 codes, each for 16x16 pixels.

The sizes and the pixels are aMUSEd's; how to train such a one is left at our defaults.

python -m itit_jax.main --config=configs/itit_large.py ... \
    --config.tokenizer.weights=amused-256 --config.tokenizer.config=configs/vq_amused.py
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 256
    c.data.rows.images = 256

    c.model.update(layout="amused", channel_multipliers=(1, 2, 2, 4, 6), attention_resolutions=())
    c.model.update(latent_channels=64, codes=8192, code_width=64)
    return c
