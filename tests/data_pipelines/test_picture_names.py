"""Names of pictures in the forms that people write, and those that mean none."""

import unicodedata

import pytest

from data_pipelines.picture_names import Names, outside


def names(*pictures, source="/data/photos"):
    return Names(pictures, [source])


@pytest.mark.parametrize(
    "form",
    [
        lambda name: name,
        lambda name: f"./{name}",
        lambda name: f" {name} ",
        lambda name: name.replace("/", "\\"),
        lambda name: name.replace("/", "//"),
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: f"photos/{name}",
        lambda name: f"data/photos/{name}",
        lambda name: f"/data/photos/{name}",
        lambda name: name.rpartition(".")[0],
    ],
)
def test_every_form_of_a_name_means_its_picture(form):
    known = ("é.png", "sub/b b.jpg", "sub/deep/山.png", "e.f.png")
    found = names(*known)
    assert [found.find(form(name)) for name in known] == list(known)


def test_the_folder_that_all_of_a_zip_lie_in_may_be_left_out():
    found = names("top/a.png", "top/b/c.png", source="x.zip")
    assert found.find("a.png") == "top/a.png" and found.find("b/c") == "top/b/c.png"


def test_a_form_that_means_two_means_none():
    found = names("a.png", "a.jpg")
    assert found.find("a") is None and found.find("a.jpg") == "a.jpg"


@pytest.mark.parametrize("name", ["no.png", "other/a.png", "/etc/a.png", "b", "", "."])
def test_another_name_means_none(name):
    assert names("a.png", "sub/b.png").find(name) is None


@pytest.mark.parametrize("name", ["../a.png", "sub/../../a.png", "..\\a.png"])
def test_a_name_that_leads_out_is_told(name):
    assert outside(name) and not outside("a..b/c.png")
