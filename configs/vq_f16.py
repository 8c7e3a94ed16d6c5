"""Tokenizer of 256x256 images into 16x16 tokens, with the numbers of Muse (papers.md 4.2).

python -m itit_jax.main --config=configs/vq_f16.py --workdir=/bucket/vq_f16 \
    --config.data.path=DATA
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 256
    c.data.rows.images = 256

    # The f16 layout is the default: base 128, multipliers 1, 1, 2, 2, 4, two blocks a level.
    c.model.attention_resolutions = ()  # Muse: no non-local blocks, so any image size will do
    c.model.codes = 8192

    c.loss.perceptual = 0.05
    c.loss.adversarial = 0.1
    c.loss.adversarial_start = 10_000  # not published: once reconstructions are images

    c.optimizer.update(learning_rate=1e-4, warmup_steps=10_000, b1=0.9, b2=0.99)
    c.optimizer.weight_decay = 1e-4
    c.optimizer.ema_decay = 0.999  # MaskGIT's Polyak average; Muse does not say
    c.train.steps = 1_000_000

    c.precision.compute = "bfloat16"

    c.save.every = 5_000
    c.sample.every = 5_000
    return c
