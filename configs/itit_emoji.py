"""ITIT on 64x64 emoji with few pairs. After configs/vq_emoji.py:

python -m itit_jax.main --config=configs/itit_emoji.py --workdir=runs/itit_emoji \
    --config.data.path=data/emoji --config.tokenizer.workdir=runs/vq_emoji
"""

from configs import itit


def get_config():
    c = itit.defaults()

    c.data.image_size = 64
    c.data.text_length = 32
    c.data.rows.update(draw=16, caption=16, images=8, texts=8)

    c.tokenizer.config = "configs/vq_emoji.py"  # 8x8 tokens of 1000 codes

    # From scratch, with a vocabulary of the captions at hand.
    c.text_encoder.update(layers=2, width=128, mlp_width=256, heads=4, head_width=32)
    c.text_encoder.trainable = True

    c.model.update(width=128, depth=4, heads=4, mlp_width=512, vocabulary_size=1000)
    c.model.image_decoder.depth = 2
    c.model.text_decoder.update(depth=2, width=128, heads=4, mlp_width=512)
    c.model.dropout = 0.1  # 400 pairs are soon known by heart
    c.model.scan = False

    c.masks.update(draw_min=0.5, caption_drop=0.25)
    c.cycle.update(t2i2t_start=1_000, i2t2i_start=1_000, ramp=500, rounds=4)

    c.optimizer.update(name="muon", learning_rate=2e-3, weight_decay=0.05, ema_decay=0.99)
    c.train.steps = 2_000

    c.decode.update(rounds=12, temperature=2.0)  # 64 tokens, not 256

    c.evaluate.update(examples=164, captions=True)
    c.save.every = 250
    c.sample.every = 500
    return c
