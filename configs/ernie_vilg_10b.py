"""ERNIE-ViLG, 10B: the paper's model, 256x256 images (papers.md 3.4).

python -m itit_jax.main --config=configs/ernie_vilg_10b.py --workdir=/bucket/ernie_10b \
    --config.data.path=DATA --config.data.vocabulary=spiece.model \
    --config.tokenizer.workdir=/bucket/vq_f8
"""

from configs import ernie_vilg_300m


def get_config():
    c = ernie_vilg_300m.get_config()

    # In two stages, as in the paper: at this size its GAN was not stable.
    c.model.update(width=4096, depth=48, heads=64, mlp_width=16_384)

    c.mesh.update(fsdp=32, tensor=4)
    return c
