"""CLIP ViT-B/32: the sizes of the published one, in which configs/c3_coco.py is planned.

python -m itit_jax.main --config=configs/clip_b32.py --workdir=/bucket/clip \
    --config.data.path=DATA --config.data.vocabulary=CLIP
"""

from configs import towers


def get_config():
    c = towers.defaults()

    c.data.image_size = 224
    c.data.text_length = 77
    c.data.rows.caption = 32_768

    c.model.update(family="clip", features=512, vocabulary_size=49_410)  # its words, pad and end
    c.model.image.update(patch=32, width=768, depth=12, heads=12, mlp_width=3072)
    c.model.text.update(width=512, depth=12, heads=8, mlp_width=2048)

    c.loss.contrast = "infonce"
    c.precision.compute = "bfloat16"
    c.optimizer.update(learning_rate=5e-4, warmup_steps=2_000, weight_decay=0.2)
    c.train.steps = 390_000  # 32 epochs of 400 million pairs
    return c
