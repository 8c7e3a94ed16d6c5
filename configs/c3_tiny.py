"""C3 on 32x32 scenes: captions learned from texts, drawings from pictures; minutes on two cores.
After configs/towers_tiny.py and configs/vq_tiny.py:

python -m itit_jax.main --config=configs/c3_tiny.py --workdir=runs/c3 --config.data.path=data/tiny \
    --config.tower.workdir=runs/towers --config.tokenizer.workdir=runs/vq_tiny
"""

from configs import c3


def get_config():
    c = c3.defaults()

    c.data.image_size = 32
    c.data.text_length = 24
    c.data.rows.update(texts=64, images=32)

    c.tower.config = "configs/towers_tiny.py"
    c.tokenizer.config = "configs/vq_tiny.py"  # 4x4 tokens of 512 codes

    c.model.update(vocabulary_size=256, scan=False)
    c.model.captioner.update(prefix=4, width=96, depth=2, heads=4, mlp_width=384)
    c.model.drawer.update(width=96, depth=3, image_depth=2, heads=4, mlp_width=384)

    c.condition.energy = 0.1  # of 64 dimensions hardly any outlives the paper's 8.2

    c.masks.draw_min = 0.5
    c.loss.smoothing = 0.0

    c.optimizer.update(name="muon", learning_rate=3e-3, weight_decay=0.01, ema_decay=0.99)
    c.train.steps = 1_200

    c.decode.update(rounds=6, temperature=1.0)  # 16 tokens, not 256

    c.evaluate.update(scenes="tiny", examples=500, splits=("test", "held_out"))
    c.save.every = 400
    c.sample.every = 1_000
    return c
