"""The file that figures go to: what it holds already, and what is none of it."""

import pytest

from data_pipelines.errors import UserError
from itit_jax.evaluation import out_files


def test_a_file_gives_back_what_was_written_and_none_is_empty(tmp_path):
    file = tmp_path / "x.json"
    assert out_files.kept(str(file)) == out_files.kept("") == {}
    out_files.write(str(file), {"drawing": [1.5, float("nan")]})
    assert out_files.kept(str(file)) == {"drawing": [1.5, None]}


@pytest.mark.parametrize("text", ["[]", "not JSON", ""])
def test_a_file_of_something_else_is_one_sentence(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UserError, match="holds no table of such figures; give another file"):
        out_files.kept(str(file))
