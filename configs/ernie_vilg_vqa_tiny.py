"""ERNIE-ViLG answers questions about 32x32 scenes, from a run of configs/ernie_vilg_tiny.py on the
same data, which was built with --questions_each=8:

python -m itit_jax.main --config=configs/ernie_vilg_vqa_tiny.py --workdir=runs/ernie_vqa \
    --config.data.path=data/tiny --config.tokenizer.workdir=runs/vq_tiny \
    --config.model.start_from=runs/ernie
"""

from configs import ernie_vilg_tiny


def get_config():
    c = ernie_vilg_tiny.get_config()
    c.data.rows.update(draw=0, caption=0, questions=64)
    c.data.answer_length = 4  # bottom right, its end included
    c.optimizer.learning_rate = 1e-3  # it starts from a trained model
    c.train.steps = 2_000
    c.evaluate.update(examples=500, splits=("test_questions", "held_out_questions"), scenes="")
    return c
