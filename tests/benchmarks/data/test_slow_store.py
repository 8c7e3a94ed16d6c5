"""What is counted of a slow store is what it was asked and gave."""

from benchmarks.data import slow_store
from data_pipelines import fetched


def test_both_orders_read_the_same_set_and_the_windowed_one_keeps_its_windows(
    bucket, tmp_path, monkeypatch
):
    for name, value in dict(SLEEP=0, SHARD_BYTES=4000, WINDOW=2, MARKS=(1,)).items():
        monkeypatch.setattr(slow_store, name, value)
    monkeypatch.setattr(slow_store, "Bucket", lambda: bucket)
    monkeypatch.setattr(bucket, "close", lambda: None)
    monkeypatch.setattr(bucket, "before_answer", bucket.before_answer)
    monkeypatch.setattr(slow_store, "_child", lambda _, given: slow_store.child(*map(str, given)))
    found = slow_store.beside(tmp_path, 320, 16, 9)
    fetched.let_go()
    uniform, windowed = found["uniform"], found["windowed"]
    assert found["shards"] > 16 and uniform["megabytes_fetched"] >= found["megabytes"] > 0
    for one in (uniform, windowed):
        assert one["requests"] > 1 and 0 < one["seconds_to_1_batches"] < one["seconds_to_9_batches"]
    assert windowed["most_megabytes_on_disk"] < uniform["most_megabytes_on_disk"]
