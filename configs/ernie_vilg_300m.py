"""ERNIE-ViLG, 300M: the model of the paper's ablations, 256x256 images (papers.md 3.4).

python -m itit_jax.main --config=configs/ernie_vilg_300m.py --workdir=/bucket/ernie_300m \
    --config.data.path=DATA --config.data.vocabulary=spiece.model \
    --config.tokenizer.workdir=/bucket/vq_f8

The paper does not tell optimizer, rates, rows and steps: those of configs/itit_large.py.
"""

from configs import ernie_vilg


def get_config():
    c = ernie_vilg.defaults()

    c.data.rows.update(draw=512, caption=512)
    c.tokenizer.config = "configs/vq_f8.py"  # 32x32 tokens of 8192 codes

    # 24 layers of 1024 with 16 heads are the default.
    c.model.attention = "sparse"  # rows and columns, and 11x11 tokens in the last layer

    c.optimizer.update(name="adafactor", learning_rate=1e-4, b1=0.9, b2=0.96)
    c.optimizer.update(schedule="cosine", warmup_steps=5_000)
    c.optimizer.weight_decay = 0.045
    c.train.steps = 500_000

    c.mesh.update(fsdp=16, remat="full")
    c.precision.compute = "bfloat16"

    c.evaluate.every = 50_000
    c.save.every = 5_000
    c.sample.every = 5_000
    return c
