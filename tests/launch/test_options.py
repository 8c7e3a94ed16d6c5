"""What a launcher takes, refuses and hands on."""

import pytest

from launch import options, start
from launch.options import Fault
from tests.launch import stubs

TAKES = stubs.options_of("tpu")


@pytest.mark.parametrize(
    "texts, words",
    [
        (["--zone=us west4 a"], "not 'us west4 a' (did you mean us-west4-a?)"),
        (["--name=ITIT Large!"], "did you mean itit-large?"),
        (["--name=-"], "must be at most 40 small letters"),
        (["--name=" + "a" * 41], "at most 40"),
        (["--name=a\nb"], "did you mean a-b?"),
        (["--slices=0"], "at least 1"),
        (["--slices=two"], "a whole number"),
        (["--spot=yes"], "is a switch"),
        (["--zone"], "--zone has no value"),
        (["--zone=a", "--zone=b"], "given twice"),
        (["--acelerator=x"], "did you mean --accelerator=x?"),
        (["--cluster=c"], "--cluster says nothing here"),
        (["--data=s3://x/y"], "gs://BUCKET/FOLDER"),
        (["--config.seed"], "--config.seed has no value"),
        (["-v"], "--help lists the flags"),
        (["--name=\udcff"], "is no UTF-8"),
    ],
)
def test_a_wrong_flag_is_one_sentence_with_the_nearest_that_works(texts, words):
    with pytest.raises(Fault) as fault:
        options.parse(texts, TAKES)
    assert words in str(fault.value)


def test_keys_and_what_stands_behind_the_dashes_go_on_as_they_are():
    texts = ["--zone", "us-west4-a", "--config.seed", "3", "--gin.train.steps=2",
             "--config.model.start_from=a b", "--spot", "--", "--profile=1:3", "-x"]  # fmt: skip
    found = options.parse(texts, TAKES)
    assert found.zone == "us-west4-a" and found.spot and found.slices == 1
    assert found.more == ("--config.seed", "3", "--gin.train.steps=2",
                          "--config.model.start_from=a b", "--profile=1:3", "-x")  # fmt: skip


def test_every_flag_is_taken_by_a_target_and_told_by_its_help(capsys):
    taken = set()
    for name, module in stubs.TARGETS.items():
        assert module.main(["--help"]) == 0
        printed = capsys.readouterr().out
        for flag in stubs.options_of(name):
            assert f"--{flag}" in printed
        taken |= set(stubs.options_of(name))
        assert set(module.TARGET.needs) <= set(module.TARGET.takes)
    assert taken == set(options.OPTIONS)


def test_42_and_signals_are_started_again_and_2_is_not():
    assert 42 in options.RESTARTED and {134, 137, 143} <= set(options.RESTARTED)
    assert not {0, 1, 2} & set(options.RESTARTED)
    assert start.USER_FAULT == 2
