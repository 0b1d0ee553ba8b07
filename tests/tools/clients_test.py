"""The table of clients: what is equal, what is told of the rest; no client runs here."""

import numpy as np
import pytest
from cmlc.compiler.driver import load_text
from cmlc.ir.verify import verify
from cmlc.tools.clients import models, readers, table


def test_the_models_are_read():
    groups = {}
    for item in models.files():
        groups.setdefault(item.group, []).append(item)
        if isinstance(item.source, str):
            verify(load_text(item.source))
        else:
            assert item.source.exists()
    counts = {group: len(items) for group, items in groups.items()}
    single = dict.fromkeys(("detector", "transformer", "classifier"), 1)
    assert counts == {"LSTM": 4, "GRU": 3, "RNN": 3, **single}


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"y": [1.0, 2.0]}, ""),
        ({"y": [1.0, 2.0001]}, ""),
        ({"y": [1.0, 2.001]}, "'y' is 5.0e-04 off"),
        ({"y": [1.0, np.nan]}, "'y' is nan off"),
        ({"y": [[1.0, 2.0]]}, "'y' has shape [1, 2], not [2]"),
        ({"z": [1.0, 2.0]}, "no output 'y'"),
    ],
)
def test_what_is_equal(found, said):
    assert table.difference({"y": np.array([1.0, 2.0])}, found) == said


def test_the_table_counts_and_names_what_fails():
    client = table.Client("other", "Other", (), ("TFLite",))
    right = table.Row(client, "TFLite", "1.0")
    wrong = table.Row(client, "SavedModel", "1.0", {"lstm_8": "bad `op`", "lstm_12": "bad `op`"})
    head, _, first, second, blank, told = table.table([right, wrong])
    titles = "client form LSTM GRU RNN detector transformer classifier versions"
    assert head.replace("|", "").split() == titles.split()
    assert "| 4 of 4" in first
    assert "| **2 of 4** | 3 of 3" in second
    assert blank == ""
    assert told == f"* {client.title}, SavedModel, lstm_8, lstm_12: `bad 'op'`"


def test_what_a_client_is_not_given():
    client = table.Client("other", "Other", (), ("TFLite",), untried=("detector",))
    _, _, row, blank, told = table.table([table.Row(client, "TFLite", "1.0")])
    assert row.replace(" ", "").split("|")[6] == "–"
    assert (blank, told) == ("", "* Other: what has a – is not tried, because its process ended")


def test_the_essence_of_an_error():
    assert readers.essence("first\nthe op Foo is not supported by bar\nlast") == (
        "the op Foo is not supported by bar"
    )
    assert readers.essence("first\n\nlast\n") == "last"
    assert readers.essence("") == "nothing"
