"""Towers of 32x32 scenes and their captions; minutes on two CPU cores.

python -m itit_jax.main --config=configs/towers_tiny.py --workdir=runs/towers \
    --config.data.path=data/tiny
"""

from configs import towers


def get_config():
    c = towers.defaults()

    c.data.image_size = 32
    c.data.text_length = 24
    c.data.rows.caption = 128

    c.model.update(features=64, vocabulary_size=256, scan=False)
    c.model.image.update(patch=8, width=64, depth=2, heads=4, mlp_width=256)
    c.model.text.update(width=64, depth=2, heads=4, mlp_width=256)

    c.optimizer.update(name="muon", learning_rate=3e-3, weight_decay=0.05, warmup_steps=50)
    c.train.steps = 600  # more learn the 500 pairs by heart

    c.evaluate.examples = 500
    c.save.every = 200
    c.sample.every = 0
    return c
