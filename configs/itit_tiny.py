"""ITIT on 32x32 scenes: all four objectives on two CPU cores. After configs/vq_tiny.py:

python -m itit_jax.main --config=configs/itit_tiny.py --workdir=runs/itit_tiny \
    --config.data.path=data/tiny --config.tokenizer.workdir=runs/vq_tiny
"""

from configs import itit


def get_config():
    c = itit.defaults()

    c.data.image_size = 32
    c.data.text_length = 32
    c.data.rows.update(draw=32, caption=32, images=24, texts=24)

    c.tokenizer.config = "configs/vq_tiny.py"  # 8x8 tokens of 512 codes

    # T5's layout from scratch: published weights know another vocabulary.
    c.text_encoder.update(layers=2, width=128, mlp_width=256, heads=4, head_width=32)
    c.text_encoder.trainable = True

    c.model.update(width=128, depth=3, heads=4, mlp_width=512, vocabulary_size=256)
    c.model.image_decoder.depth = 2
    c.model.text_decoder.update(depth=2, width=128, heads=4, mlp_width=512)

    # Pseudo-pairs of an untrained generator are noise: pairs come first.
    c.cycle.update(t2i2t_start=300, i2t2i_start=300, ramp=200)

    c.optimizer.update(learning_rate=1e-3, warmup_steps=100, ema_decay=0.99)
    c.train.steps = 1_500

    c.decode.rounds = 12  # 64 tokens, not 256

    c.evaluate.scenes = "tiny"
    c.save.every = 500
    c.sample.every = 500
    return c
