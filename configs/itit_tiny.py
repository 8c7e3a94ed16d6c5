"""ITIT on 32x32 scenes: all four objectives on two CPU cores. After configs/vq_tiny.py:

python -m itit_jax.main --config=configs/itit_tiny.py --workdir=runs/itit_tiny \
    --config.data.path=data/tiny --config.tokenizer.workdir=runs/vq_tiny
"""

from configs import itit


def get_config():
    c = itit.defaults()

    c.data.image_size = 32
    c.data.text_length = 24
    c.data.rows.update(draw=16, caption=16, images=32, texts=16)

    c.tokenizer.config = "configs/vq_tiny.py"  # 4x4 tokens of 512 codes

    # T5's layout from scratch: published weights know another vocabulary.
    c.text_encoder.update(layers=2, width=96, mlp_width=192, heads=4, head_width=24)
    c.text_encoder.trainable = True

    c.model.update(width=96, depth=3, heads=4, mlp_width=384, vocabulary_size=256)
    c.model.image_decoder.depth = 2
    c.model.text_decoder.update(depth=2, width=96, heads=4, mlp_width=384)
    c.model.scan = False  # few layers: unrolled they run faster on a CPU

    # Of 16 tokens the captioner needs every one, and 4 make an object: the drawer learns
    # nothing from its text while half of the picture is known.
    c.masks.update(draw_min=0.5, caption_drop=0.0)
    c.loss.smoothing = 0.0

    # Pseudo-pairs of an untrained generator are noise: pairs come first. A drawer is good
    # earlier than a captioner, and a wrong captioner would teach it to ignore its text.
    c.cycle.update(t2i2t_start=400, i2t2i_start=700, ramp=100, rounds=3, top_p=0.7)

    c.optimizer.update(name="muon", learning_rate=3e-3, weight_decay=0.01, ema_decay=0.99)
    c.train.steps = 2_400

    c.decode.update(rounds=6, temperature=1.0)  # 16 tokens, not 256

    c.evaluate.update(scenes="tiny", examples=500, splits=("test", "held_out"))
    c.save.every = 400
    c.sample.every = 800
    return c
