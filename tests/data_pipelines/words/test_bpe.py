"""CLIP's and GPT-2's BPE, beside plain Python code that follows the papers' own."""

import functools
import json
import re
import sys
import unicodedata

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.errors import UserError
from data_pipelines.words.bpe import Bpe
from tests.data_pipelines.words import byte_bpe

TEXTS = ["a red dog's house", "the red dogs run, don't they?", "Żółć in 1234 cafés 漢字 😀 😀!"] * 2
# Letters that any table of Unicode knows: Python's and the library's are of different years.
KNOWN = st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs", "Cn"])
LETTERS = "adeghorsu tT'’,.!_ \n\t12éÉß漢字😀żŻ"  # what the plain code splits as \p{L} would
SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


@functools.cache
def merges(ending):
    return tuple(byte_bpe.learn(TEXTS, 60, ending))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    folder = byte_bpe.write(tmp_path_factory.mktemp("gpt2"), merges(""), "")
    return Bpe(folder / "vocab.json", folder / "merges.txt")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = byte_bpe.write(tmp_path_factory.mktemp("clip"), merges("</w>"), "</w>")
    return Bpe(folder / "vocab.json", folder / "merges.txt")


# ---- ids ---------------------------------------------------------------------------------------


def test_merges_are_done_in_their_order_by_hand(tmp_path):
    # low: l o w > lo w > low. slow: "o w" stands before "s lo", so s lo w > s low stays.
    steps = (("l", "o"), ("lo", "w"), ("s", "lo"), ("Ġ", "low"))
    folder = byte_bpe.write(tmp_path, steps, "")
    words = Bpe(folder / "vocab.json", folder / "merges.txt")
    lo, low, slo, after_space, end = range(256, 261)
    space, s, w = (byte_bpe.vocabulary(steps, "")[letter] for letter in "Ġsw")
    assert list(words.encode("low low", 4)) == [low, after_space, end, end]
    assert list(words.encode("slow lo", 6)) == [s, low, space, lo, end, end]
    assert slo not in words.encode("slow slo w", 20)[:2] and w in words.encode("slo w", 9)
    assert (words.begin, words.end, words.pad, words.size) == (end, end, end, 261)


@settings(max_examples=80, deadline=None)
@given(st.text(LETTERS, max_size=30) | st.sampled_from(TEXTS))
def test_gpt2s_ids_are_those_of_the_plain_code(gpt2, text):
    ids = byte_bpe.ids(text, merges(""), "")
    assert gpt2.count(text) == len(ids) + 1
    assert list(gpt2.encode(text, len(ids) + 3)) == [*ids, *[gpt2.end] * 3]


@settings(max_examples=80, deadline=None)
@given(st.text(LETTERS, max_size=30) | st.sampled_from(TEXTS))
def test_clips_ids_are_those_of_the_plain_code_between_begin_and_end(clip, text):
    ids = byte_bpe.ids(text, merges("</w>"), "</w>")
    assert clip.count(text) == len(ids) + 2
    assert list(clip.encode(text, len(ids) + 4)) == [clip.begin, *ids, *[clip.end] * 3]
    assert (clip.size - 2, clip.size - 1) == (clip.begin, clip.end)  # as 49406, 49407 of 49408


@pytest.mark.parametrize("name", ["gpt2", "clip"])
def test_a_long_text_is_cut_and_still_ended(name, request):
    words = request.getfixturevalue(name)
    whole, cut = words.encode(TEXTS[1], 99), words.encode(TEXTS[1], 5)
    assert cut.dtype == np.int32 and list(cut) == [*whole[:4], words.end]


# ---- and back ----------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.text(KNOWN, max_size=30))
def test_every_text_comes_back_from_gpt2(gpt2, text):
    assert gpt2.decode(gpt2.encode(text, gpt2.count(text) + 2)) == text


@settings(max_examples=150, deadline=None)
# Which marks combine, and in what order, the library knows of another Unicode than Python's.
@given(st.text(KNOWN.filter(lambda letter: not unicodedata.combining(letter)), max_size=30))
def test_every_text_comes_back_from_clip_in_lower_case_but_for_its_spaces(clip, text):
    back = clip.decode(clip.encode(text, clip.count(text) + 2))
    lower = "".join(letter.lower() for letter in unicodedata.normalize("NFC", text))
    assert SPACES.sub("", back) == SPACES.sub("", lower)


def test_clip_puts_one_space_between_words(clip):
    ids = clip.encode("  A RED,\n dog's house", 40)
    assert clip.decode(ids) == "a red , dog 's house"


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(0, 700), max_size=12))
def test_any_ids_decode_up_to_the_first_end(gpt2, clip, ids):
    for words in (gpt2, clip):
        kept = ids[: ids.index(words.end)] if words.end in ids else ids
        known = [i for i in kept if 0 <= i < words.size]
        assert words.decode(ids) == words.decode([*known, words.end, 3])


# ---- files -------------------------------------------------------------------------------------


def published(folder, ending):
    """tokenizer.json as transformers writes it, with settings of its own for the length."""
    known = byte_bpe.vocabulary(merges(ending), ending)
    model = tokenizers.models.BPE(
        known, list(merges(ending)), end_of_word_suffix=ending,
        unk_token="<|endoftext|>", continuing_subword_prefix="",
    )
    table = tokenizers.Tokenizer(model)
    split = tokenizers.pre_tokenizers
    byte_level = split.ByteLevel(add_prefix_space=False)
    if ending:
        clean = tokenizers.normalizers
        spaces = clean.Replace(tokenizers.Regex(r"\s+"), " ")
        table.normalizer = clean.Sequence([clean.NFC(), spaces, clean.Lowercase()])
        pattern = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
        parts = split.Split(tokenizers.Regex(pattern), behavior="removed", invert=True)
        table.pre_tokenizer = split.Sequence([parts, byte_level])
    else:
        table.pre_tokenizer = byte_level
    table.add_special_tokens(byte_bpe.SPECIAL[ending])
    table.enable_padding(length=20)
    table.enable_truncation(1)
    table.save(str(folder / "tokenizer.json"))
    return Bpe(folder / "tokenizer.json")


@pytest.mark.parametrize("ending", ["", "</w>"])
def test_both_forms_of_the_files_are_one_vocabulary(ending, tmp_path):
    folder = byte_bpe.write(tmp_path, merges(ending), ending)
    pair, table = Bpe(folder / "vocab.json", folder / "merges.txt"), published(tmp_path, ending)
    assert pair.digest != table.digest and pair.size == table.size
    assert (pair.begin, pair.end) == (table.begin, table.end)
    for text in [*TEXTS, "", "a <|endoftext|> in a caption"]:
        ids = pair.encode(text, 60)
        np.testing.assert_array_equal(table.encode(text, 60), ids)
        assert list(ids).index(pair.end) == pair.count(text) - 1  # a text ends once
        assert table.decode(ids) == pair.decode(ids)


@pytest.mark.parametrize("ending", ["", "</w>"])
def test_its_files_open_as_the_same_vocabulary(ending, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    words = published(tmp_path, ending)
    for name, data in words.files().items():
        (copy / name).write_bytes(data)
    assert Bpe(copy / "tokenizer.json").digest == words.digest


def test_another_vocabulary_has_another_digest(gpt2, clip, tmp_path):
    folder = byte_bpe.write(tmp_path, merges("")[:-1], "")
    other = Bpe(folder / "vocab.json", folder / "merges.txt")
    assert len({gpt2.digest, clip.digest, other.digest}) == 3


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda known: known.pop("<|endoftext|>"), "neither CLIP's nor GPT-2's"),
        (lambda known: known.pop("ÿ"), "no byte-level BPE: it has no piece ÿ"),
        (lambda known: known.pop("the"), "no sound BPE"),
        (lambda known: known.update(x="y"), "no sound BPE"),
    ],
)
def test_a_file_of_another_kind_is_one_sentence(tmp_path, change, sentence):
    folder = byte_bpe.write(tmp_path, merges(""), "")
    known = json.loads((folder / "vocab.json").read_text())
    change(known)
    (folder / "vocab.json").write_text(json.dumps(known))
    with pytest.raises(UserError, match=sentence):
        Bpe(folder / "vocab.json", folder / "merges.txt")


def test_missing_files_and_a_missing_package_are_one_sentence(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="does not exist"):
        Bpe(tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="no sound BPE"):
        Bpe(tmp_path / "tokenizer.json")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match="pip install tokenizers"):
        Bpe(tmp_path / "tokenizer.json")
