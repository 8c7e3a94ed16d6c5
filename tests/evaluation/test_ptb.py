"""Tokens of captions. test_caption_scores.py holds whole sets of them to the official ones, and
odd_captions.py generated ones where Java is; here are official tokens of each kind of rule."""

import pytest

from itit_jax.evaluation.ptb import tokenize
from tests.evaluation import odd_captions


@pytest.mark.parametrize(
    "text, tokens",
    [
        ("It's the dog's bowl, isn't it?", "it 's the dog 's bowl is n't it"),
        ("A man (in a hat).", "a man -lrb- in a hat -rrb-"),
        ("Mr. Smith of the U.K. can't wait...", "mr. smith of the u.k. ca n't wait"),
        ("a $5.00 well-known\ncup -- 50% off!", "a $ 5.00 well-known cup 50 % off"),
        ("...", ""),
        ("", ""),
        # What the lexer made of these, one by one; the program itself is Java.
        ("an 18-wheeler in 3-D, a 5-year-old", "an 18-wheeler in 3-d a 5-year-old"),
        ("7-Eleven 1st-class 2-for-1 747-400", "7-eleven 1st-class 2-for-1 747-400"),
        ("24/7 and/or hot-dog/burger 1/2-eaten", "24/7 and/or hot-dog/burger 1/2-eaten"),
        ("pb&j AT&T Q&A &nbsp; &amp; b", "pb & j at&t q&a & b"),
        ("Hawai'i o'clock C'mon ol' cap'n fo'c'sle", "hawai'i o'clock c'mon ol' cap'n fo c sle"),
        ("A$9 US$20 £5 €10 5'10\" .5 v1.2.3", "a$ 9 us$ 20 # 5 $ 10 5 10 .5 v1 .2.3"),
        ("No.1 No. 1 Fig. 3 approx. 10 Sept. 5", "no. 1 no. 1 fig. 3 approx 10 sept. 5"),
        ("x!y why?because ok!ok", "x!y why?because ok!ok"),
        ("smile :) ;) :-( :D end", "smile :-rrb- ;-rrb- :--lrb- :d end"),
        ("I'm gonna cannot y'all 'tis 'twas 'em", "i 'm gon na can not y' all 't is 't was 'em"),
        ("rock 'n' roll in '90s or the 90's", "rock 'n' roll in '90s or the 90 's"),
        ("2½ 3 1/2 (555) 123-4567", "2 1/2 3\u00a01/2 -lrb-555-rrb-\u00a0123-4567"),
        ("a.b end.Start etc.A dog, etc., b", "a.b end.start etc. a dog etc. b"),
        ("foo.com http://a.b/c?d=e @home #fun", "foo.com http://a.b/c?d=e @home #fun"),
        ("mail a@b.com, please", "mail a@b.com, please"),
        ("IMG_1234.JPG file.jpg snow_board", "img_1234 jpg file.jpg snow_board"),
    ],
)  # fmt: skip
def test_official_tokens(text, tokens):
    assert tokenize(text) == tokens


def test_odd_captions_come_from_their_seed_and_all_have_tokens():
    texts = odd_captions.captions(200, 3)
    assert texts == odd_captions.captions(200, 3) != odd_captions.captions(200, 4)
    assert all(tokenize(text) == tokenize(f"  {text} ").strip() for text in texts)
