"""ITIT without and with its cycles, each with two seeds.

python -m itit_jax.main --config=configs/itit_tiny.py --workdir=runs/ablation \
    --config.data.path=data/tiny --config.tokenizer.workdir=runs/vq_tiny \
    --sweep=configs/sweeps/ablation.py --dry_run
"""


def get_sweep():
    return [
        {"cycle.mode": mode, "seed": seed} for mode in ("none", "half", "full") for seed in (0, 1)
    ]
