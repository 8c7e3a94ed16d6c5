"""Classifier of 32x32 scenes, whose features measure drawn scenes; a minute on one CPU core.

python -m itit_jax.main --config=configs/classifier_tiny.py --workdir=runs/classifier_tiny \
    --config.data.path=data/tiny
"""

from configs import classifier


def get_config():
    c = classifier.defaults()

    c.data.image_size = 32
    c.data.text_length = 24
    c.data.rows.caption = 64

    c.model.update(vocabulary_size=256, channels=(32, 64, 128), width=64)

    c.optimizer.update(learning_rate=2e-3, warmup_steps=50, weight_decay=0.05)
    c.train.steps = 400

    c.evaluate.examples = 500
    c.save.every = 200
    c.sample.every = 0
    return c
