"""Files as people have them: in any dialect, packed, in parts, as a workbook, or damaged."""

import bz2
import gzip
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from benchmarks.reliability import tables as fuzz

from gradless._core.errors import InputError
from gradless.data.files import Reading
from gradless.data.table import read_columns, read_table

GOOD = "a,b,y\n1,2,u\n3,4,v\n5,6,v\n"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "a table.csv"


WRITTEN = {
    "semicolons": GOOD.replace(",", ";"),
    "tabs": GOOD.replace(",", "\t"),
    "bars": GOOD.replace(",", "|"),
    "spaces": GOOD.replace(",", " "),
    "spaces after commas": GOOD.replace(",", ", "),
    "Excel's line on separators": "sep=;\n" + GOOD.replace(",", ";"),
    "decimal commas": "a;b;y\n1,0;2,00;u\n3,0;4,00;v\n5,0;6,00;v\n",
    "decimal commas in quotes": 'a,b,y\n"1,0","2,00",u\n"3,0","4,00",v\n"5,0","6,00",v\n',
    "gzip": gzip.compress(GOOD.encode()),
    "utf-16": GOOD.encode("utf-16"),
    "utf-16, unmarked": GOOD.encode("utf-16-le"),
    "utf-16-be, unmarked": GOOD.encode("utf-16-be"),
    "utf-32": GOOD.encode("utf-32"),
    "single quotes": "'a','b','y'\n1,2,'u'\n3,4,'v'\n5,6,'v'\n",
    "titles above": "Sales,,\n,,\n" + GOOD,
    "a page break in a title": "Sales\f2020,,\n,,\n" + GOOD,
    "rows that end in a comma": "a,b,y\n1,2,u,\n3,4,v,\n5,6,v,\n",
    "all lines end in a comma": "a,b,y,\n1,2,u,\n3,4,v,\n5,6,v,\n",
    "row names of R": '"a","b","y"\n"1",1,2,"u"\n"2",3,4,"v"\n"3",5,6,"v"\n',
    "the index of pandas": ",a,b,y\n0,1,2,u\n1,3,4,v\n2,5,6,v\n",
    "the index of pandas, twice": "Unnamed: 0,a,b,y\n0,1,2,u\n1,3,4,v\n2,5,6,v\n",
}


@pytest.mark.parametrize("data", WRITTEN.values(), ids=WRITTEN)
def test_it_is_read_however_it_is_written(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    read = read_table(path)
    assert read.feature_names == ("a", "b")
    assert np.array_equal(read.features, [[1, 2], [3, 4], [5, 6]])
    assert [read.class_names[k] for k in read.targets] == ["u", "v", "v"]


@pytest.mark.parametrize("total", [66, 67])
def test_a_last_row_of_sums_is_no_row(path, total):
    rows = "".join(f"{'rs'[k % 2]},11,{k % 2 + k // 4},{k + 1}\n" for k in range(6))
    path.write_text(f"shop,a,b,y\n{rows}Total:,{total},5,21\n", encoding="utf-8")
    read = read_table(path, task="regression")
    left_out = total == 66
    assert len(read.targets) == 7 - left_out
    assert ("line 8 is left out, since it holds the sums of the others" in read.notes) is left_out


def test_zstandard_and_another_name_of_the_file(path):
    pyarrow = pytest.importorskip("pyarrow")
    with pyarrow.CompressedOutputStream(str(path), "zstd") as file:
        file.write(GOOD.encode())
    assert read_table(path).features.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_letters_of_windows_are_read_and_said(path):
    path.write_bytes(GOOD.replace("u", "Köln Süd").encode("cp1252"))
    read = read_table(path)
    assert read.class_names == ("Köln Süd", "v")
    assert "the letters of Windows (cp1252)" in read.notes[0]
    path.write_bytes(GOOD.replace("u", "Łódź").encode("latin2"))
    assert read_table(path, how=Reading(encoding="latin2")).class_names == ("v", "Łódź")
    with pytest.raises(InputError, match="--encoding must be one that Python knows, got 'klingon'"):
        read_table(path, how=Reading(encoding="klingon"))


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (gzip.compress(GOOD.encode() * 99, mtime=0)[:-20], "the packed file is damaged"),
        (bz2.compress(GOOD.encode()), "must be text"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.8,virginica\n", "--no-header if this is the first"),
    ],
)
def test_what_is_refused_says_what_to_do(path, data, fragment):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError) as error:
        read_table(path)
    fuzz.check_message(path, error.value)
    assert fragment in str(error.value)


def test_what_is_said_of_a_file_counts(path):
    path.write_text("5.1,3.5,u\n4.9,3.0,v\n6.1,2.8,u\n")
    read = read_table(path, "column 3", how=Reading(names=False))
    assert read.feature_names == ("column 1", "column 2")
    assert len(read.features) == 3
    path.write_text("2019;2020;2021\n1,5;2;u\n1,25;3;v\n2;4;u\n")
    read = read_table(path, "2021", how=Reading(decimal=",", delimiter=";"))
    assert read.features[:, 0].tolist() == [1.5, 1.25, 2]


@pytest.mark.parametrize("delimiter", ["::", "", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(path, delimiter):
    path.write_text(GOOD)
    with pytest.raises(InputError, match="--delimiter must be one character, and no quotation"):
        read_table(path, how=Reading(delimiter=delimiter))


@pytest.mark.parametrize(("typed", "delimiter"), [(r"\t", "\t"), ("§", "§"), ("\t", "\t")])
def test_any_delimiter_that_is_named(path, typed, delimiter):
    text = GOOD.replace(",", delimiter)
    path.write_text(text, encoding="utf-8")
    assert read_table(path, how=Reading(delimiter=typed)).features.tolist() == [
        [1, 2],
        [3, 4],
        [5, 6],
    ]
    # One cell too few in a row whose letters share a byte with the separator.
    path.write_text(text + f"ç7{delimiter}v\n", encoding="utf-8")
    with pytest.raises(
        InputError, match="line 5: the row must have 3 cells as the header has, got 2"
    ):
        read_table(path, how=Reading(delimiter=typed))


def test_names_that_are_years_are_names(path):
    path.write_text("town,2019,2020,2021\nu,5,6,7\nv,7,8,9\nu,9,8,7\n")
    assert read_table(path, "town").feature_names == ("2019", "2020", "2021")


def test_files_of_one_shape_are_one_table(tmp_path):
    (tmp_path / "part-1.csv").write_text(GOOD)
    (tmp_path / "part-2.csv").write_bytes(gzip.compress(b"y;b;a\nu;8;7\nv;-;9\n"))
    for path in (tmp_path, tmp_path / "part-*.csv"):
        read = read_table(path)
        assert read.features[:, 0].tolist() == [1, 3, 5, 7, 9]
        assert [read.class_names[k] for k in read.targets] == ["u", "v", "v", "u", "v"]
        assert f"('-', first in {tmp_path / 'part-2.csv'}, line 3)" in read.notes[1]
    (tmp_path / "part-3.csv").write_text(GOOD.replace("b", "c"))
    with pytest.raises(InputError, match=r"part-3\.csv: the files must have the same columns, got"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no table here; name a file, a folder"):
        read_table(tmp_path / "nothing-*.csv")


def test_standard_input_is_read_once(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert read_table("-").features.tolist() == [[1, 2], [3, 4], [5, 6]]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="standard input: the file is empty"):
        read_table("-")


def test_a_file_that_changes_while_it_is_read_is_refused(path, monkeypatch):
    path.write_text(GOOD)
    from gradless.data import csv_file  # noqa: PLC0415

    blocks = csv_file.CsvFile.blocks

    def growing(self, *arguments):
        with path.open("a") as file:
            file.write("7,8,v\n")
        yield from blocks(self, *arguments)

    monkeypatch.setattr(csv_file.CsvFile, "blocks", growing)
    with pytest.raises(InputError, match="the file changed while it was read; try again"):
        read_table(path)

    def vanishing(self, *arguments):
        path.unlink()
        yield from blocks(self, *arguments)

    path.write_text(GOOD)
    monkeypatch.setattr(csv_file.CsvFile, "blocks", vanishing)
    assert len(read_table(path).features) == 3  # it is still open


def workbook(rows: list[list[str | float | None]]) -> bytes:
    """A workbook of one sheet, as small as one can be."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"

    def cell(value: str | float | None, place: str) -> str:
        if value is None:
            return ""
        if isinstance(value, str):
            return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{place}"><v>{value!r}</v></c>'

    lines = "".join(
        f'<row r="{k}">{"".join(cell(x, f"{chr(65 + n)}{k}") for n, x in enumerate(row))}</row>'
        for k, row in enumerate(rows, start=1)
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/>'
        "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sales" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData>'
        "</worksheet>",
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return file.getvalue()


def test_a_workbook_is_its_table(path):
    pytest.importorskip("python_calamine")
    book = path.with_suffix(".xlsx")
    rows = [["a", "when", "y"], [1.5, "2020-01-31", "u"], [2, "2020-02-01", "v"]]
    book.write_bytes(workbook([["Sales of a year"], [], *rows, [None, "2020-02-29", "u"]]))
    read = read_table(book)
    assert read.feature_names == ("a", "when")
    assert np.array_equal(read.features[:, 0], [1.5, 2, np.nan], equal_nan=True)
    assert read.columns.kinds == ("number", "date")
    assert [read.class_names[k] for k in read.targets] == ["u", "v", "u"]
    used = read_columns(book, ["when"], ["date"])
    assert np.array_equal(used.features[:, 0], read.features[:, 1])
    book.write_bytes(book.read_bytes()[:-300])
    with pytest.raises(InputError, match="cannot be read as a workbook"):
        read_table(book)


def test_without_calamine_the_extra_is_named(path, monkeypatch):
    book = path.with_suffix(".xlsx")
    book.write_bytes(workbook([["a", "y"], [1, "u"]]))
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    monkeypatch.delitem(sys.modules, "gradless.data.excel_file", raising=False)
    with pytest.raises(InputError, match=r'pip install "\.\[excel\]"'):
        read_table(book)
    monkeypatch.delitem(sys.modules, "gradless.data.excel_file")
