"""A sheet of held-out examples: what is there, rebuilt, drawn and captioned."""

from itit_jax import inputs
from itit_jax.evaluation.run import score_rows
from itit_jax.sheets import draw_sheet

PICTURES = ("rebuilt", "drawn")


def sheet(config, recipe, params, split):
    """PIL picture with sample.rows examples of a split."""
    examples = inputs.held_out(config, split, config.sample.rows)
    results = score_rows(recipe, params, examples)
    pictures = {"picture": examples["image"]}
    pictures |= {name: results[name] for name in PICTURES if name in results}
    texts = {"text": [texts[0] for texts in examples["texts"]]}
    if "caption" in results:
        vocabulary = inputs.open_vocabulary(config)
        texts["caption"] = [vocabulary.decode(ids) for ids in results["caption"]]
    return draw_sheet(pictures, texts)
