"""Tokenizer of 32x32 scenes: 4x4 tokens of 8x8 pixels, a minute or two on two CPU cores.

python -m itit_jax.main --config=configs/vq_tiny.py --workdir=runs/vq_tiny \
    --config.data.path=data/tiny
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 32
    c.data.rows.images = 32

    # A token sees its own 8x8 pixels: equal patches get equal codes, which a small model that
    # is trained for minutes can learn. The decoder is convolutional at 4x4 places: cheap.
    c.model.update(encoder="patch", patch=8, channel_multipliers=(1,), res_blocks=1)
    c.model.update(base_channels=128, attention_resolutions=(), latent_channels=128)
    c.model.update(quantizer="fsq", levels=(8, 8, 8))

    c.optimizer.update(learning_rate=2e-3, warmup_steps=100)
    c.train.steps = 800

    c.evaluate.scenes = "tiny"
    c.save.every = 200
    c.sample.every = 400
    return c
