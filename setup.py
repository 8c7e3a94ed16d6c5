"""Packaging. `pip install -e .` gives the light core, `.[data]` adds seqio and TensorFlow."""

from setuptools import find_packages, setup

CORE = [
    "absl-py>=2.1",
    "array_record>=0.8",
    "flax>=0.11.2,<0.13",
    "gin-config>=0.5",
    "grain>=0.2.12",
    "jax>=0.7.2,<0.11",
    "matplotlib>=3.8",
    "ml-collections>=1.0",
    "ml_dtypes>=0.5",
    "msgpack>=1.0",
    "numpy>=2.0",
    "optax>=0.2.8",
    "orbax-checkpoint>=0.12.4",
    "pillow>=11",
    "rich>=13",
    "safetensors>=0.6",
    "sentencepiece>=0.2",
    "tensorboardX>=2.6",
    "tensorstore>=0.1.60",
    "xxhash>=3.5",
]
DATA = ["pyarrow>=16", "seqio>=0.0.20", "tensorflow>=2.20", "tensorflow-datasets>=4.9.9"]
TOWERS = ["tokenizers>=0.21"]  # words of CLIP and SigLIP 2
GCS = ["etils[epath]>=1.15", "fsspec>=2026.4", "gcsfs>=2026.4"]  # runs in buckets
TEST = [*GCS, *TOWERS, "hypothesis>=6", "pytest>=8", "pytest-xdist>=3", "ruff>=0.8"]

setup(
    name="itit_jax",
    version="0.1.0",
    description="Image-text generation from few pairs and many lone images and texts, in JAX",
    python_requires=">=3.11,<3.14",
    packages=find_packages(include=["itit_jax*", "data_pipelines*", "configs*", "launch*"]),
    package_data={"launch": ["Dockerfile", "README.md"]},
    install_requires=CORE,
    extras_require={
        "data": DATA,
        "test": TEST,
        "gcs": GCS,
        "hub": ["huggingface_hub>=0.30"],
        "towers": TOWERS,
        "tpu": ["jax[tpu]>=0.7.2,<0.11"],
        "cuda": ["jax[cuda12]>=0.7.2,<0.11"],
    },
)
