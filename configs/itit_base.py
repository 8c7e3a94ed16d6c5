"""ITIT, base: a ViT-B encoder, otherwise configs/itit_large.py.

python -m itit_jax.main --config=configs/itit_base.py --workdir=/bucket/itit_base \
    --config.data.path=DATA --config.data.vocabulary=spiece.model \
    --config.tokenizer.workdir=/bucket/vq_f16 --config.text_encoder.weights=T5_V1_1_XXL
"""

from configs import itit_large


def get_config():
    c = itit_large.get_config()
    c.model.update(width=768, depth=12, heads=12, mlp_width=3072)
    c.mesh.fsdp = 4
    return c
