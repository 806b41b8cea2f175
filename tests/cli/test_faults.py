"""What the command line says of calls, files and cells that cannot work."""

import pandas as pd
import pytest


def is_sentence(said, status):
    """Tell whether a call ended so, with one line and no traceback."""
    last = said.err.strip().splitlines()[-1]
    is_plain = last.startswith("sklearn-mm: error: ") and "Traceback" not in said.err
    return said.status == status and is_plain


def fit(folder, table="pets.csv", target="species"):
    return ["fit", folder / table, "--target", target, "--output", folder / "x.mm"]


def test_a_missing_table_is_named(folder, call):
    said = call(*fit(folder, "lost.csv"))
    assert is_sentence(said, 1)
    assert f"there is no table '{folder}/lost.csv'" in said.err


def test_a_missing_model_is_named(folder, call):
    said = call("predict", folder / "lost.mm", folder / "new.csv")
    assert is_sentence(said, 1)
    assert f"there is no model '{folder}/lost.mm'" in said.err


def test_a_damaged_model_is_refused(folder, call):
    path = folder / "pets.mm"
    path.write_bytes(path.read_bytes()[:1000])
    for verb in (["inspect", path], ["predict", path, folder / "new.csv"]):
        said = call(*verb)
        assert is_sentence(said, 1)
        assert "damaged or truncated" in said.err


def test_a_target_that_is_no_column_is_a_fault_of_the_call(folder, call):
    said = call(*fit(folder, target="specie"))
    assert is_sentence(said, 2)
    assert "--target 'specie' is no column of the table. Did you mean" in said.err
    said = call("evaluate", folder / "pets.mm", folder / "new.csv", "--target", "age")
    assert is_sentence(said, 2)


@pytest.mark.parametrize("option", ["--columns", "--exclude", "--groups"])
def test_an_option_that_names_no_column_is_a_fault_of_the_call(folder, call, option):
    said = call(*fit(folder), option, "hight")
    assert is_sentence(said, 2)
    assert f"{option} 'hight' is no column of the table. Did you mean" in said.err


def test_a_column_that_is_missing_in_prediction_is_named(folder, call):
    table = pd.read_csv(folder / "new.csv").rename(columns={"height": "size"})
    table.to_csv(folder / "other.csv", index=False)
    said = call("predict", folder / "pets.mm", folder / "other.csv")
    assert is_sentence(said, 1)
    assert "modality 'table' needs ['height']" in said.err


def test_a_broken_cell_is_named_by_column_and_row(folder, call):
    (folder / "photos" / "1_2.png").write_bytes(b"no image")
    said = call("predict", folder / "pets.mm", folder / "new.csv")
    assert is_sentence(said, 1)
    assert "column 'photo', row 2" in said.err
    assert said.out == ""


def test_broken_cells_are_missing_if_asked_for_and_counted(folder, call):
    (folder / "photos" / "1_2.png").write_bytes(b"no image")
    predict = ["predict", folder / "pets.mm", folder / "new.csv"]
    said = call(*predict, "--on-error", "missing")
    assert said.status == 0
    assert said.err.count("note: 1 of 8 cells could not be read") == 1
    table = pd.read_csv(folder / "new.csv")
    table.loc[2, "photo"] = None
    table.to_csv(folder / "without.csv", index=False)
    without = call("predict", folder / "pets.mm", folder / "without.csv")
    assert without.out == said.out


def test_a_lost_file_is_named_in_fit(folder, call):
    (folder / "photos" / "0_4.png").unlink()
    said = call(*fit(folder), "--no-classical")
    assert is_sentence(said, 1)
    assert "column 'photo', row 4" in said.err and "0_4.png" in said.err
    assert not (folder / "x.mm").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["fit", "pets.csv", "--target", "species", "--output", "old"],
        ["predict", "pets.mm", "new.csv", "--output", "old.csv"],
        ["report", "pets.mm", "new.csv", "--target", "species", "--output", "old.html"],
    ],
    ids=lambda command: command[0],
)
def test_nothing_is_written_over_without_force(folder, call, monkeypatch, command):
    monkeypatch.chdir(folder)
    (folder / command[-1]).write_text("precious")
    said = call(*command)
    assert is_sentence(said, 2)
    assert "is there already; --force replaces it" in said.err
    assert (folder / command[-1]).read_text() == "precious"


def test_force_replaces_the_output(folder, call):
    output = folder / "old.csv"
    output.write_text("precious")
    predict = ["predict", folder / "pets.mm", folder / "new.csv", "--output", output]
    assert call(*predict, "--force").status == 0
    assert len(pd.read_csv(output)) == 8


def test_the_table_is_never_replaced(folder, call):
    path = folder / "new.csv"
    said = call("predict", folder / "pets.mm", path, "--output", path, "--force")
    assert is_sentence(said, 2)
    assert len(pd.read_csv(path)) == 8


def test_an_output_without_a_folder_is_refused_before_the_work(folder, call):
    said = call(*fit(folder)[:-1], folder / "lost" / "x.mm")
    assert is_sentence(said, 2)
    assert "there is no folder" in said.err


def test_a_wrong_parameter_is_refused_with_others_that_are_there(folder, call):
    said = call(*fit(folder), "--param", "classifier__epochs=3")
    assert is_sentence(said, 2)
    assert "classifier__max_epochs" in said.err


def test_a_value_that_a_parameter_cannot_have_is_an_error(folder, call):
    said = call(*fit(folder), "--no-classical", "--param", "classifier__width=none")
    assert is_sentence(said, 1)
    assert "width" in said.err


@pytest.mark.parametrize(
    "option",
    [
        ["--param", "max_epochs"],
        ["--test-size", "1.5"],
        ["--folds", "1"],
        ["--folds", "3", "--test-size", "0.2"],
        ["--columns", "height", "--exclude", "photo"],
        ["--columns", "species"],
        ["--seed", "-1"],
    ],
    ids=" ".join,
)
def test_options_that_cannot_be_meant_are_faults_of_the_call(folder, call, option):
    said = call(*fit(folder), *option)
    assert said.status == 2
    assert "error: " in said.err and "Traceback" not in said.err


def test_labels_that_the_model_does_not_know_are_named(folder, call):
    table = pd.read_csv(folder / "new.csv")
    table.loc[4, "species"] = "bird"
    table.to_csv(folder / "birds.csv", index=False)
    for verb in ("evaluate", "report"):
        command = [verb, folder / "pets.mm", folder / "birds.csv", "--target=species"]
        output = ["--output", folder / "x.html"] if verb == "report" else []
        said = call(*command, *output)
        assert is_sentence(said, 1)
        assert "in 1 of 8 rows, the first: row 4: ['bird']" in said.err


def test_a_missing_target_is_counted(folder, call):
    table = pd.read_csv(folder / "pets.csv")
    table.loc[[5, 9], "species"] = None
    table.to_csv(folder / "gaps.csv", index=False)
    said = call(*fit(folder, "gaps.csv"))
    assert is_sentence(said, 1)
    assert "missing in 2 of 24 rows, the first: row 5" in said.err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"a,species\n", "has no rows"),
        (b"a,a,species\n1,2,cat\n", r"several columns called ['a']"),
        (b"a;species\n1;cat\n", "pass --separator ';'"),
        (b"a,species\n1,cat,3\n", "more cells than its header"),
        (b"a,species\n1,cat\n1,2,3,4\n", "cannot be read"),
        ("a,species\nn\xf6,cat\n".encode("latin-1"), "Name another --encoding"),
        (b"a,species\n1,cat\n2,cat\n", "is 'cat' in all rows"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(folder, call, content, reason):
    (folder / "odd.csv").write_bytes(content)
    said = call(*fit(folder, "odd.csv"))
    assert is_sentence(said, 1)
    assert reason in said.err


def test_other_separators_and_encodings_are_read_if_they_are_named(folder, call, tiny):
    text = "note;species\n" + "n\xf6 n\xf6;cat\nja ja;dog\n" * 6
    (folder / "odd.txt").write_bytes(text.encode("latin-1"))
    read = ["--separator", ";", "--encoding", "latin-1", "--no-classical", "--quiet"]
    read += ["--param", "classifier__max_epochs=1"]
    assert call(*fit(folder, "odd.txt"), *read).status == 0
    said = call(*fit(folder, "odd.txt"), "--force")
    assert is_sentence(said, 2)
    assert "--separator" in said.err


def test_a_file_that_is_no_parquet_is_refused(folder, call):
    (folder / "odd.parquet").write_bytes(b"a,b\n")
    said = call(*fit(folder, "odd.parquet"))
    assert is_sentence(said, 1)
    assert "is no Parquet file" in said.err


def test_traceback_shows_where_an_error_arose(folder, call):
    said = call(*fit(folder, "lost.csv"), "--traceback")
    assert said.status == 1
    assert "Traceback (most recent call last)" in said.err
