"""The stand-in behaves as the store does, and a run in it is the run in a folder."""

import threading

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
import tensorstore

from benchmarks.bucket import Bucket
from data_pipelines.words.find import open_words
from itit_jax import inputs
from itit_jax.addresses import open_path
from itit_jax.checkpoints import Checkpoints, Saver
from itit_jax.workdir import COMMITTED, Workdir
from tests import runs
from tests.test_checkpoints import shapes, state


def names(bucket, folder):
    return sorted(n.removeprefix(folder) for n in bucket.objects if n.startswith(folder))


@pytest.fixture
def hold(bucket):
    """hold(ending): writes of objects that end so wait; -> event that tells of the first."""
    reached, free = threading.Event(), threading.Event()

    def begin(ending):
        def wait(name):
            if name.endswith(ending):
                reached.set()
                free.wait(60)
                raise ConnectionError("the client is gone")

        bucket.before_write = wait
        return reached

    yield begin
    bucket.before_write = lambda name: None
    free.set()


# ---- the stand-in --------------------------------------------------------------------------------


def test_an_object_of_any_size_comes_back(bucket):
    folder = open_path("gs://bucket/sizes")
    for size in (0, 1, 6 << 20):  # a client cuts from 5 MiB on
        data = np.random.default_rng(size).bytes(size)
        (folder / str(size)).write_bytes(data)
        assert (folder / str(size)).read_bytes() == data == bucket.objects[f"sizes/{size}"][0]


def test_there_are_no_folders_and_nothing_is_added_to_an_object(bucket):
    folder = open_path("gs://bucket/none")
    folder.mkdir(parents=True, exist_ok=True)
    assert not folder.exists()
    for text in ("one", "two"):
        with pytest.warns(UserWarning, match="Append"), (folder / "log").open("a") as file:
            file.write(text)
    assert bucket.objects["none/log"][0] == b"two"


def test_a_condition_on_the_generation_holds(bucket):
    store = tensorstore.KvStore.open("gs://bucket/conditions/").result()
    first = store.write("a", b"1").result()
    second = store.write("a", b"23", if_equal=first.generation).result()
    assert store.write("a", b"4", if_equal=first.generation).result() != second
    assert store.read("a").result().value == b"23" == bucket.objects["conditions/a"][0]


def test_a_listing_in_pages_is_whole():
    bucket = Bucket(page=2)
    for name in ("a", "d/1", "d/2", "e", "f", "g/1"):
        bucket.write(name, b"")
    items, prefixes, token = [], [], ""
    while token is not None:
        page = bucket.listing({"delimiter": "/", "pageToken": token})
        items += [item["name"] for item in page["items"]]
        prefixes += page["prefixes"]
        token = page.get("nextPageToken")
    bucket.close()
    assert (items, prefixes) == (["a", "e", "f"], ["d/", "g/"])


# ---- checkpoints on it ---------------------------------------------------------------------------


def save(run, steps, keep=2):
    saver = Saver(run, keep)
    for step in steps:
        saver.save(step, state(step))
    saver.wait()


def test_checkpoints_in_a_bucket_come_back_whole_and_in_parts_and_old_ones_go(bucket):
    run = Workdir("gs://bucket/kept")
    save(run, (1, 2, 3))
    tops = {name.split("/")[0] for name in names(bucket, "kept/checkpoints/")}
    assert tops == {"2", "3"}
    found = Checkpoints(run).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(3))
    part = Checkpoints(run).restore_part("params", "model", shapes(state(0).params["model"]))
    np.testing.assert_array_equal(part["kernel"], state(3).params["model"]["kernel"])


def test_an_object_of_a_checkpoint_that_changed_is_seen_and_the_older_one_taken(bucket, capsys):
    run = Workdir("gs://bucket/flipped")
    save(run, (1, 2))
    assert Checkpoints(run).whole_step() == 2
    data = max(
        (name for name in names(bucket, "flipped/checkpoints/2/") if "/d/" in name),
        key=lambda name: len(bucket.objects[f"flipped/checkpoints/2/{name}"][0]),
    )
    flipped = bytearray((run.checkpoints / "2" / data).read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (run.checkpoints / "2" / data).write_bytes(bytes(flipped))
    found = Checkpoints(run).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(1))
    assert f"checkpoint 2 is damaged ({data} is not as it was" in capsys.readouterr().err
    saver = Saver(run, 2)
    assert saver.forget_after(1) == {2: "is removed"}
    saver.save(2, state(2))
    saver.wait()
    assert Checkpoints(run).whole_step() == 2


def test_a_step_without_its_end_is_none_and_is_saved_anew(bucket):
    def data_files(bucket):
        return {name for name in names(bucket, "cut/checkpoints/2/") if "/d/" in name}

    run = Workdir("gs://bucket/cut")
    save(run, (1, 2))
    before = data_files(bucket)
    for name in (f"2/{COMMITTED}", "2/default/manifest.ocdbt"):
        bucket.delete(f"cut/checkpoints/{name}")
    assert Checkpoints(run).steps() == [1]
    save(run, (2,))
    assert Checkpoints(run).steps() == [2, 1]
    assert before and not before & data_files(bucket)  # nothing of it is left between the new
    found = Checkpoints(run).restore(shapes(state(0)))
    jax.tree.map(np.testing.assert_array_equal, found, state(2))


def test_leftovers_of_a_killed_save_are_removed_by_the_next_run(bucket):
    run = Workdir("gs://bucket/left")
    save(run, (1, 2))
    bucket.delete(f"left/checkpoints/2/{COMMITTED}")
    run.remove_leftovers()
    assert {name.split("/")[0] for name in names(bucket, "left/checkpoints/")} == {"1"}


# ---- a whole run on it ---------------------------------------------------------------------------


def arrays(checkpoints):
    """Every array of the last checkpoint, as Orbax alone reads it."""
    return ocp.PyTreeCheckpointer().restore(checkpoints / "4" / "default")


@pytest.mark.long
def test_a_run_in_a_bucket_that_was_killed_in_a_save_is_the_run_in_a_folder(
    bucket, hold, easy, tokenizer
):
    address = "gs://bucket/run"
    command = [*runs.VQ, f"--workdir={address}", f"--config.data.path={easy}",
               "--config.train.steps=4", "--config.save.every=1"]
    reached = hold(f"run/checkpoints/3/{COMMITTED}")
    process = runs.start(*command)
    assert reached.wait(300), process.communicate()[0]
    process.kill()
    process.communicate()
    bucket.before_write = lambda name: None
    assert Checkpoints(Workdir(address)).latest() == 2
    assert "resuming from step 2" in runs.run(*command)
    here = (tokenizer / "metrics.jsonl").read_bytes()
    assert bucket.objects["run/metrics.jsonl"][0] == here
    assert here.count(b"\n") == 4
    assert Workdir(address).scores() == Workdir(tokenizer).scores()
    places = Workdir(address).checkpoints, Workdir(tokenizer).checkpoints
    jax.tree.map(np.testing.assert_array_equal, *map(arrays, places))


def test_an_address_that_is_not_served_is_refused_and_leaves_nothing(bucket, easy):
    there = set(bucket.objects)
    for address in ("s3://b/run", "gs:/b/run", "gs://buckt/run"):
        out = runs.run(*runs.VQ, f"--workdir={address}", f"--config.data.path={easy}", code=2)
        assert out.startswith("itit_jax: ") and out.count("\n") == 1, out
    out = runs.run(*runs.itit("gs://bucket/asks", easy, "s3://b/vq"), code=2)
    assert "tokenizer.workdir is no such place: s3:// is not" in out and out.count("\n") == 1, out
    out = runs.run(*runs.itit("gs://bucket/asks", easy, "gs://bucket/nobody"), code=2)
    assert "looked for in gs://bucket/nobody, which holds no config.json" in out
    assert not [runs.ROOT / scheme for scheme in ("gs:", "s3:") if (runs.ROOT / scheme).exists()]
    assert set(bucket.objects) == there


def test_the_vocabulary_of_a_run_in_a_bucket_is_read_here(bucket, easy):
    run, wanted = Workdir("gs://bucket/words"), open_words(easy)
    inputs.keep_vocabulary(wanted, run)
    assert inputs.kept_vocabulary(run).files() == wanted.files()
