"""C3's captioner of COCO: CLIP ViT-B/32 and GPT-2 small, texts alone (papers.md 2.2).

python -m itit_jax.main --config=configs/c3_coco.py --workdir=/bucket/c3_coco \
    --config.data.path=data/coco --config.tower.weights=CLIP --config.decoder.weights=GPT2 \
    --config.data.vocabulary=GPT2

CLIP and GPT2 are folders with weights and vocabulary, as Hugging Face has them.
"""

from configs import c3


def get_config():
    c = c3.defaults()

    c.data.image_size = 224
    c.data.text_length = 67  # the longest caption that the paper decodes
    c.data.rows.update(texts=40)

    c.tower.config = "configs/clip_b32.py"  # to plan without the weights

    c.model.vocabulary_size = 50_259  # GPT-2's 50,257 words, padding and end

    c.optimizer.update(learning_rate=2e-5, warmup_steps=5_000, schedule="linear")
    c.optimizer.update(b2=0.999, weight_decay=0.01)  # not told; AdamW's usual ones
    c.train.steps = 141_690  # 10 epochs of 566,747 captions, counted from the Karpathy split

    c.evaluate.update(captions=True, splits=("validation", "test"))
    return c
