"""ERNIE-ViLG on 32x32 scenes: both directions from pairs, minutes on two cores.
After configs/vq_tiny.py:

python -m itit_jax.main --config=configs/ernie_vilg_tiny.py --workdir=runs/ernie \
    --config.data.path=data/tiny --config.tokenizer.workdir=runs/vq_tiny
"""

from configs import ernie_vilg


def get_config():
    c = ernie_vilg.defaults()

    c.data.image_size = 32
    c.data.text_length = 24
    c.data.rows.update(draw=32, caption=32)

    c.tokenizer.config = "configs/vq_tiny.py"  # 4x4 tokens of 512 codes

    c.model.update(width=128, depth=4, heads=4, mlp_width=512, vocabulary_size=256)
    c.model.scan = False  # few layers: unrolled they run faster on a CPU

    c.optimizer.update(name="muon", learning_rate=3e-3, weight_decay=0.01, ema_decay=0.99)
    c.train.steps = 2_000

    c.evaluate.update(scenes="tiny", examples=500, splits=("test", "held_out"))
    c.save.every = 500
    c.sample.every = 1_000
    return c
