"""Tokenizer of 64x64 emoji into 8x8 tokens, for one small GPU or a patient CPU.

python -m itit_jax.main --config=configs/vq_emoji.py --workdir=runs/vq_emoji \
    --config.data.path=data/emoji
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 64
    c.data.rows.images = 64

    # 64x64 pixels -> patches of 2 -> two halvings -> 8x8 tokens.
    c.model.patch = 2
    c.model.base_channels = 64
    c.model.channel_multipliers = (1, 2, 2)
    c.model.attention_resolutions = (8,)
    c.model.latent_channels = 128
    c.model.quantizer = "fsq"  # 7,000 images are few for a learned codebook
    c.model.levels = (8, 5, 5, 5)

    c.loss.l1 = 1.0  # flat colours and hard edges

    c.optimizer.update(learning_rate=1e-3, warmup_steps=500, ema_decay=0.999)
    c.train.steps = 20_000

    c.save.every = 2_000
    c.sample.every = 2_000
    return c
