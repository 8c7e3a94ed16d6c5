"""ITIT on 64x64 emoji with few pairs, for one GPU. After configs/vq_emoji.py:

python -m itit_jax.main --config=configs/itit_emoji.py --workdir=runs/itit_emoji \
    --config.data.path=data/emoji --config.tokenizer.workdir=runs/vq_emoji
"""

from configs import itit


def get_config():
    c = itit.defaults()

    c.data.image_size = 64
    c.data.text_length = 32
    c.data.pairs = 400  # the largest of the published few-pair lists; the rest is lone
    c.data.rows.update(draw=64, caption=64, images=64, texts=64)

    c.tokenizer.config = "configs/vq_emoji.py"  # 8x8 tokens of 1000 codes

    # From scratch, with the vocabulary of 6,600 captions.
    c.text_encoder.update(layers=4, width=256, mlp_width=512, heads=4, head_width=64)
    c.text_encoder.trainable = True

    c.model.update(width=256, depth=6, heads=4, mlp_width=1024, vocabulary_size=2048)
    c.model.image_decoder.depth = 4
    c.model.text_decoder.update(depth=4, width=256, heads=4, mlp_width=1024)
    c.model.dropout = 0.1  # 400 pairs are soon known by heart

    c.cycle.update(t2i2t_start=1_000, i2t2i_start=1_000, ramp=1_000)

    c.optimizer.update(learning_rate=5e-4, warmup_steps=500, ema_decay=0.999)
    c.optimizer.weight_decay = 0.045
    c.train.steps = 20_000

    c.decode.rounds = 12  # 64 tokens, not 256

    c.save.every = 2_000
    c.sample.every = 2_000
    return c
