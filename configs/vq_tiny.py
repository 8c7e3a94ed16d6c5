"""Tokenizer of 32x32 scenes: 8x8 tokens of 4x4 pixels, a minute or two on two CPU cores.

python -m itit_jax.main --config=configs/vq_tiny.py --workdir=runs/vq_tiny \
    --config.data.path=data/tiny
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 32
    c.data.rows.images = 32

    # A token sees its own 4x4 pixels: equal patches get equal codes, which a small model that
    # is trained for minutes can learn. The decoder is convolutional at 8x8 places: cheap.
    c.model.update(encoder="patch", patch=4, channel_multipliers=(1,), res_blocks=1)
    c.model.update(base_channels=64, attention_resolutions=(), latent_channels=64)
    c.model.update(quantizer="fsq", levels=(8, 8, 8))

    c.optimizer.update(learning_rate=2e-3, warmup_steps=100)
    c.train.steps = 800

    c.evaluate.scenes = "tiny"
    c.save.every = 200
    c.sample.every = 400
    return c
