"""Every test sees 8 virtual CPU devices and shares compiled programs between runs."""

import os
import pathlib

import hypothesis
import pytest

from tests.runs import xla_flags

CACHE = pathlib.Path(__file__).parent.parent / ".jax_cache"

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("EPATH_USE_TF", "false")  # etils asks once a process
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(CACHE))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {xla_flags(devices=8)}".strip()


# No test is timed: a machine may have other work.
hypothesis.settings.register_profile(
    "house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def bucket():
    """gs://bucket, served here. Its clients look for it once a process: one for all tests."""
    from tests.bucket import Bucket

    served = Bucket()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.environment.items():
            patch.setenv(name, value)
        yield served
    served.close()


@pytest.fixture(scope="session")
def easy(tmp_path_factory):
    """The smallest scenes data set."""
    from data_pipelines import build

    out = tmp_path_factory.mktemp("data") / "easy"
    assert build.main(["--from=scenes", "--preset=easy", f"--out={out}"]) == 0
    return out


@pytest.fixture(scope="session")
def easy_asked(tmp_path_factory):
    """The same with six questions about each picture."""
    from data_pipelines import build

    out = tmp_path_factory.mktemp("data") / "easy_asked"
    arguments = ["--from=scenes", "--preset=easy", "--questions_each=6", f"--out={out}"]
    assert build.main(arguments) == 0
    return out


@pytest.fixture(scope="session")
def tokenizer(easy, tmp_path_factory):
    """Workdir of a tokenizer that was trained for four steps."""
    from tests import runs

    workdir = tmp_path_factory.mktemp("vq") / "run"
    data = f"--config.data.path={easy}"
    runs.run(*runs.VQ, f"--workdir={workdir}", data, "--config.train.steps=4")
    return workdir


@pytest.fixture(scope="session")
def classifier(easy, tmp_path_factory):
    """Workdir of a classifier that was trained for four steps."""
    from tests import runs

    workdir = tmp_path_factory.mktemp("classifier") / "run"
    runs.run(
        *runs.CLASSIFIER, f"--workdir={workdir}", f"--config.data.path={easy}",
        "--config.train.steps=4",
    )
    return workdir


@pytest.fixture(scope="session")
def towers_run(easy, tmp_path_factory):
    """Workdir of towers that were trained for four steps and saved after two and four."""
    from tests import runs

    workdir = tmp_path_factory.mktemp("towers") / "run"
    runs.run(
        *runs.TOWERS, f"--workdir={workdir}", f"--config.data.path={easy}",
        "--config.train.steps=4", "--config.save.every=2",
    )
    return workdir


@pytest.fixture(scope="session")
def trained(easy, tokenizer, tmp_path_factory):
    """Workdir of an ITIT run that nobody disturbed."""
    from tests import runs

    workdir = tmp_path_factory.mktemp("itit") / "run"
    runs.run(*runs.itit(workdir, easy, tokenizer))
    return workdir


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """The export of that run."""
    from itit_jax import main

    out = tmp_path_factory.mktemp("export") / "red_circles"
    assert main.main(["--mode=export", f"--workdir={trained}", f"--out={out}"]) == 0
    return out
