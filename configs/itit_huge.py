"""ITIT, huge: a ViT-H encoder, otherwise configs/itit_large.py.

python -m itit_jax.main --config=configs/itit_huge.py --workdir=/bucket/itit_huge \
    --config.data.path=DATA --config.data.vocabulary=spiece.model \
    --config.tokenizer.workdir=/bucket/vq_f16 --config.text_encoder.weights=T5_V1_1_XXL
"""

from configs import itit_large


def get_config():
    c = itit_large.get_config()
    c.model.update(width=1280, depth=32, heads=16, mlp_width=5120)
    c.cycle.rounds = 3  # four make the step 1.84 times that of pairs alone
    c.mesh.fsdp = 32
    return c
