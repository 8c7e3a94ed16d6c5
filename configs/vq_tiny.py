"""Tokenizer for 32x32 scenes, small enough for two CPU cores.

python -m data_pipelines.build --from=scenes --preset=tiny --out=data/tiny
python -m itit_jax.main --config=configs/vq_tiny.py --workdir=runs/vq_tiny \
    --config.data.path=data/tiny
"""

from configs import vq


def get_config():
    c = vq.defaults()

    c.data.image_size = 32
    c.data.rows.images = 32

    # 32x32 pixels -> patches of 2 -> one halving -> 8x8 tokens.
    c.model.patch = 2  # convolutions at 16x16 cost a quarter
    c.model.base_channels = 32
    c.model.channel_multipliers = (1, 2)
    c.model.res_blocks = 1
    c.model.attention_resolutions = ()
    c.model.latent_channels = 64
    c.model.quantizer = "fsq"  # no codebook, so no code can die in a short run
    c.model.levels = (8, 8, 8)

    c.loss.l1 = 1.0  # sharper edges of flat shapes than the squared error alone

    c.optimizer.learning_rate = 2e-3
    c.optimizer.warmup_steps = 50
    c.train.steps = 800

    c.save.every = 400
    c.sample.every = 400
    return c
