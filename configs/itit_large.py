"""ITIT, large: ViT-L encoder, 256x256 images, the paper's run (papers.md 1.1 and 1.5).

python -m itit_jax.main --config=configs/itit_large.py --workdir=/bucket/itit_large \
    --config.data.path=DATA --config.data.vocabulary=spiece.model \
    --config.tokenizer.workdir=/bucket/vq_f16 --config.text_encoder.weights=T5_V1_1_XXL
"""

from configs import defaults, itit


def get_config():
    c = itit.defaults()

    # The paper uses the same 1024 pairs for both paired objectives; here each has 512 of its own.
    c.data.rows.update(draw=512, caption=512, images=512, texts=512)

    c.tokenizer.config = "configs/vq_f16.py"  # 16x16 tokens of 8192 codes

    # T5 1.1 XXL, frozen, as in Muse: the paper does not name its T5.
    c.text_encoder.update(layers=24, width=4096, mlp_width=10_240, heads=64, head_width=64)

    c.model.update(width=1024, depth=24, heads=16, mlp_width=4096)
    c.model.image_decoder.depth = 8
    c.model.text_decoder.update(depth=6, width=768, heads=12, mlp_width=3072)  # at every size

    # The paper draws as for users, in 24 rounds, which is half of a step (results/cycle_cost.json).
    c.cycle.rounds = 4

    c.optimizer.update(name="adafactor", learning_rate=1e-4, b1=0.9, b2=0.96)
    c.optimizer.update(schedule="cosine", warmup_steps=5_000)
    c.optimizer.weight_decay = 0.045  # Muse's; the paper does not say
    c.train.steps = 1_500_000

    # T5-XXL, gathered for every pass, would fill the links; a quarter of it fits a chip.
    c.mesh.update(fsdp=16, tensor=4, remat="full")
    c.mesh.rules = (*defaults.whole_over_fsdp("text_encoder"), *c.mesh.rules)
    c.precision.compute = "bfloat16"

    c.evaluate.every = 50_000
    c.save.every = 5_000
    c.sample.every = 5_000
    return c
