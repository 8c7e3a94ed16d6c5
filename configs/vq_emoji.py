"""Tokenizer of 64x64 emoji: 8x8 tokens of 8x8 pixels.

python -m itit_jax.main --config=configs/vq_emoji.py --workdir=runs/vq_emoji \
    --config.data.path=data/emoji
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 64
    # Lone pictures of three vendors, and a few of the pairs' own: all must be rebuilt.
    c.data.rows.update(images=24, draw=8)

    c.model.update(patch=4, base_channels=64, channel_multipliers=(1, 2), res_blocks=1)
    c.model.update(attention_resolutions=(), latent_channels=128)
    c.model.update(quantizer="fsq", levels=(8, 5, 5, 5))  # few pictures for a learned codebook

    c.loss.l1 = 1.0  # flat colours and hard edges

    c.optimizer.update(learning_rate=1e-3, warmup_steps=100, ema_decay=0.99)
    c.train.steps = 2_000

    c.save.every = 500
    c.sample.every = 500
    return c
