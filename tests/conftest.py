"""Every test sees 8 virtual CPU devices and shares compiled programs between runs."""

import fcntl
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


def pytest_configure(config):
    config.addinivalue_line("markers", "long: of `make test-long`, not of `make test`")


@pytest.fixture(scope="session")
def bucket():
    """gs://bucket, served here. Its clients look for it once a process: one for all tests."""
    from benchmarks.bucket import Bucket

    served = Bucket()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.environment.items():
            patch.setenv(name, value)
        yield served
    served.close()


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """once(name, make): a folder that make(folder) fills, the same for all workers."""
    ours = tmp_path_factory.getbasetemp()
    shared = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours

    def of(name, make):
        folder, made = shared / name, shared / f"{name}.made"
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                make(folder)
                made.touch()
        return folder

    return of


def _scenes(*more):
    from data_pipelines import build

    def make(folder):
        arguments = ["--from=scenes", "--preset=easy", *more, f"--out={folder}"]
        assert build.main(arguments) == 0

    return make


@pytest.fixture(scope="session")
def easy(once):
    """The smallest scenes data set."""
    return once("easy", _scenes())


@pytest.fixture(scope="session")
def easy_asked(once):
    """The same with six questions about each picture."""
    return once("easy_asked", _scenes("--questions_each=6"))


def _trained(data, arguments, *more):
    from tests import runs

    places = lambda folder: (f"--workdir={folder}", f"--config.data.path={data}")
    return lambda folder: runs.run(*arguments, *places(folder), *more)


@pytest.fixture(scope="session")
def tokenizer(once, easy):
    """Workdir of a tokenizer that was trained for four steps and saved after two and four."""
    from tests import runs

    return once("tokenizer", _trained(easy, runs.VQ, *runs.FOUR))


@pytest.fixture(scope="session")
def classifier(once, easy):
    """Workdir of a classifier that was trained for four steps."""
    from tests import runs

    return once("classifier", _trained(easy, runs.CLASSIFIER, "--config.train.steps=4"))


@pytest.fixture(scope="session")
def towers_run(once, easy):
    """Workdir of towers that were trained for four steps and saved after two and four."""
    from tests import runs

    return once("towers", _trained(easy, runs.TOWERS, *runs.FOUR))


@pytest.fixture(scope="session")
def trained(once, easy, tokenizer):
    """Workdir of an ITIT run that nobody disturbed."""
    from tests import runs

    return once("itit", lambda folder: runs.run(*runs.itit(folder, easy, tokenizer)))


@pytest.fixture(scope="session")
def exported(once, trained):
    """The export of that run."""
    from itit_jax import main

    def make(folder):
        assert main.main(["--mode=export", f"--workdir={trained}", f"--out={folder}"]) == 0

    return once("red_circles", make)
