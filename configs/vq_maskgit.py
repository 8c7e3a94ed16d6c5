"""Tokenizer of 256x256 images in MaskGIT's published layout: 16x16 tokens of 1024 codes.

To start ITIT from its weights, or to train such a one on other images with its numbers, without
its entropy term and under our critic:

python -m itit_jax.main --config=configs/itit_large.py ... \
    --config.tokenizer.weights=tokenizer_imagenet256_checkpoint \
    --config.tokenizer.config=configs/vq_maskgit.py
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 256
    c.data.rows.images = 256

    # The sizes are the defaults: base 128, multipliers 1, 1, 2, 2, 4, two blocks, width 256.
    c.model.update(layout="maskgit", attention_resolutions=(), codes=1024)

    c.loss.perceptual = 0.1
    c.loss.adversarial = 0.1

    c.optimizer.update(learning_rate=1e-4, warmup_steps=0, schedule="constant", b1=0.0, b2=0.99)
    c.optimizer.ema_decay = 0.999
    c.train.steps = 1_000_000

    c.save.every = 5_000
    c.sample.every = 5_000
    return c
