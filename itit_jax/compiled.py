"""Compiled programs, kept from run to run."""

import hashlib
import os
import pathlib
import platform

import jax

from data_pipelines.places import meant

LEAST = 0.5  # seconds of compiling that are worth a file


def keep(folder):
    """Keep what JAX compiles under `folder`; "" leaves it to JAX's own variables. Where nobody
    has a home the folder in it is none.

    Programs for a processor may not run on another one: those of each kind lie apart.
    """
    if not folder or jax.config.jax_compilation_cache_dir:
        return
    try:
        folder = meant(folder, bucket=True)
    except ValueError:
        return
    # As text: a pathlib.Path would turn gs://bucket into a folder gs:/bucket of this machine.
    path = os.path.join(folder, f"{platform.machine()}-{_processor()}")
    jax.config.update("jax_compilation_cache_dir", path)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", LEAST)


def _processor():
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    told = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return hashlib.sha256((told or platform.processor()).encode()).hexdigest()[:8]
