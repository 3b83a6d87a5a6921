"""CSV files of all kinds, whole and damaged: the right data, or a line that says what is wrong."""

import io
import random
import unicodedata
import zipfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from benchmarks.reliability import tables as fuzz
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gradless._core.errors import InputError
from gradless.data import csv_file
from gradless.data.table import read_columns, read_features, read_table

often = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # a folder, for one file written again and again
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "table.csv"


# --- Any table, written in any way ----------------------------------------------------------------

letters = st.characters(exclude_categories=["Cs", "Z"], exclude_characters="\0\ufeff")
words = (
    st.text(letters, min_size=1, max_size=8)
    .map(lambda word: unicodedata.normalize("NFC", "".join(word.split())))
    .filter(bool)
)
names = st.lists(words, min_size=1, max_size=3).map(" ".join).filter(lambda name: name != "y")
# Text that is neither a number nor missing: classes as words.
classes = names.map(lambda name: f"c {name}")
values = (
    st.floats(-3.4028234e38, 3.4028234e38)
    | st.floats(width=32, allow_nan=False, allow_infinity=False)
    | st.integers(10**8, 10**15).map(float)  # times, identifiers: no digit is lost
)
chances = st.randoms(use_true_random=False)


@st.composite
def cells(draw: st.DrawFn, rows: int) -> list[fuzz.Cell]:
    """A column of numbers or of categories, perhaps with gaps, but not of gaps alone."""
    some = values
    if draw(st.booleans()):
        some = st.sampled_from(draw(st.lists(classes, min_size=1, max_size=4, unique=True)))
    others = some | st.none() if draw(st.booleans()) else some
    column = draw(st.lists(others, min_size=rows - 1, max_size=rows - 1))
    column.insert(draw(st.integers(0, rows - 1)), draw(some))
    return column


@st.composite
def contents(draw: st.DrawFn) -> fuzz.Content:
    columns = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    rows = draw(st.integers(3, 8))
    numbers = list(zip(*(draw(cells(rows)) for _ in columns), strict=True))
    if draw(st.booleans()):
        # One of them is no whole number, or few whole numbers would be classes.
        return fuzz.Content(
            columns, numbers, [0.5, *draw(st.lists(values, min_size=rows - 1, max_size=rows - 1))]
        )
    known = draw(st.lists(classes, min_size=2, max_size=4, unique=True))
    more = draw(st.lists(st.sampled_from(known), min_size=rows - 3, max_size=rows - 3))
    return fuzz.Content(columns, numbers, [known[1], known[0], known[1], *more])


@often
@given(contents(), chances, st.sampled_from([1, 9, 2**15]))
def test_a_table_is_read_back_exactly(path, content, chance, block):
    path.write_bytes(fuzz.render(content, chance))
    with patch.object(csv_file, "BLOCK_CELLS", block):
        fuzz.check_read(path, content)


@often
@given(contents(), chances)
def test_damaged_files_are_consistent_tables_or_refused(path, content, chance):
    path.write_bytes(fuzz.mutate(fuzz.render(content, chance), chance))
    fuzz.check_any(path, content)


@often
@given(st.binary(max_size=300) | st.text('0123456789.,;"\r\n \tay\0é%-', max_size=60))
def test_any_bytes_at_all(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    fuzz.check_any(path, fuzz.Content(["a"], [], []))


@often
@given(contents(), chances, st.data())
def test_columns_are_found_by_name(path, content, chance, data):
    """Of unseen rows: in another order, with more columns, or without one."""
    path.write_bytes(fuzz.render(content, chance))
    every = dict(zip(content.names, zip(*content.values, strict=True), strict=True))
    assume(not all(fuzz.may_be_left_out(name, cells) for name, cells in every.items()))
    trained = read_table(path, fuzz.TARGET)
    columns = dict(zip(content.names, zip(*content.values, strict=True), strict=True))
    kinds = dict(zip(trained.feature_names, trained.columns.kinds, strict=True))
    wanted = data.draw(st.permutations(trained.feature_names))
    found = read_columns(path, wanted, [kinds[name] for name in wanted])
    fuzz._check_columns(path, found, [columns[name] for name in wanted])

    others = data.draw(st.lists(names, max_size=2).filter(lambda more: not {*more} & {*wanted}))
    written = [*wanted, *dict.fromkeys(others)]
    chance.shuffle(written)
    numbers = range(len(trained.features))
    rows = [
        [columns[name][k] if name in columns else float(k) for name in written] for k in numbers
    ]
    path.write_bytes(fuzz.render(fuzz.Content(written, rows, [0.5] * len(rows)), chance))
    found = read_columns(path, trained.feature_names, list(kinds.values()))
    fuzz._check_columns(path, found, [columns[name] for name in trained.feature_names])

    absent = data.draw(names.filter(lambda name: name not in written))
    with pytest.raises(InputError, match="no column named") as error:
        read_columns(path, [*wanted, absent], ["number"] * (len(wanted) + 1))
    fuzz.check_message(path, error.value)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda read: read._replace(features=read.features + 1e-300),
        lambda read: read._replace(features=read.features[::-1]),
        lambda read: read._replace(targets=read.targets[::-1]),
        lambda read: read._replace(feature_names=read.feature_names[::-1]),
        lambda read: read._replace(feature_names=("a ", "b")),
        lambda read: read._replace(class_names=("v", "u")),
    ],
)
def test_the_checks_notice_other_data(path, wrong):
    content = fuzz.Content(["a", "b"], [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], ["u", "u", "v"])
    path.write_bytes(fuzz.render(content, random.Random(0)))
    fuzz.check_read(path, content)
    other = wrong(read_table(path, fuzz.TARGET))
    with (
        patch.object(fuzz, "read_table", lambda *_: other),
        pytest.raises(fuzz.BrokenPromiseError),
    ):
        fuzz.check_read(path, content)


@pytest.mark.parametrize(
    "message", ["other.csv: bad", "{path}: two\nlines", "{path}: \x1b[31m", "{path}: " + "x" * 3000]
)
def test_the_checks_notice_a_bad_message(path, message):
    with pytest.raises(fuzz.BrokenPromiseError):
        fuzz.check_message(path, InputError(message.format(path=path)))


def test_the_campaign_counts_what_it_did():
    counts = fuzz.tables(60)
    assert counts["files"] == 60
    assert counts["right"] == 30 == counts["read"] + counts["refused"]


# --- The corpus: files that can be read -----------------------------------------------------------

GOOD = "a,b,y\n1,2,u\n3,4,v\n5,6,v\n"
HEAD = "a,b,y\n"
REST = "3,4,v\n5,6,v\n"

READ = {
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "CRLF": GOOD.replace("\n", "\r\n"),
    "lone CR": GOOD.replace("\n", "\r"),
    "CR CR LF": GOOD.replace("\n", "\r\r\n"),
    "all line ends": "a,b,y\r1,2,u\r\n3,4,v\n5,6,v\r",
    "no last line end": GOOD.rstrip(),
    "empty lines": "\n\n" + GOOD.replace("\n", "\n\n") + "\n\n",
    "lines of white space": GOOD.replace("\n", "\n  \t\n"),
    "empty lines of CR": GOOD.replace("\n", "\r\r\r"),
    "quotes": '"a","b","y"\n"1","2","u"\n"3","4","v"\n"5","6","v"\n',
    "spaces before quotes": '"a", "b", "y"\n "1", "2", "u"\n"3", "4",   "v"\n5, 6, v\n',
    "spaces within quotes": '" a","b ","y"\n" 1 ","2","u "\n3,4,v\n5,6,v\n',
    "line breaks within quotes": '"a\n","\r\nb",y\n1,"2\n\n",u\n"\n3",4,v\n5,6,v\n',
    "spaces": " a ,b\t,\u00a0y\n 1 , 2,u \n3,\t4\t,v\n5 ,6,\u3000v\n",
    "plus": HEAD + "+1,+2.0,u\n" + REST,
    "exponents": HEAD + "10e-1,.2E+1,u\n" + REST,
    "leading zeros": HEAD + "0001,2." + "0" * 1000 + ",u\n" + REST,
    "other digits": HEAD + "\u0661,\uff12,u\n" + REST,
    "Excel's line on separators": "sep=,\r\n" + GOOD,
    "the same in quotes": b'\xef\xbb\xbf"sep=,"\n' + GOOD.encode(),
    "two byte order marks": b"\xef\xbb\xbf" * 2 + GOOD.encode(),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ.keys())
def test_corpus_that_is_read(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    features, targets, names, class_names = read_table(path)[:4]
    assert names == ("a", "b")
    assert class_names == ("u", "v")
    assert np.array_equal(features, [[1, 2], [3, 4], [5, 6]])
    assert targets.tolist() == [0, 1, 1]


def test_quotes_doubled_and_line_breaks_in_names(path):
    path.write_bytes(
        b'"a ""quoted"" name","with, comma","two\r\nlines",y\n'
        b'1,2,3,"say ""u"""\n1,3,3,5" v\n4,2,3,v\n1,2,9,5" v\n'
    )
    read = read_table(path)
    assert read.feature_names == ('a "quoted" name', "with, comma", "two lines")
    assert read.class_names == ('5" v', 'say "u"', "v")
    assert read.targets.tolist() == [1, 0, 2, 0]


def test_unicode_names_and_classes(path):
    path.write_text("größe,温度,🌡,y\n1,2,3,да\n4,5,6,لا\n7,8,9,да\n", encoding="utf-8")
    read = read_table(path)
    assert read.feature_names == ("größe", "温度", "🌡")
    assert read.class_names == ("да", "لا")
    assert read.targets.tolist() == [0, 1, 0]


def test_accents_are_the_same_in_one_character_or_two(path):
    composed, apart = "caf\u00e9", "cafe\u0301"
    path.write_text(f"{apart},y\n1,{composed}\n2,{apart}\n3,tea\n", encoding="utf-8")
    read = read_table(path)
    assert read.feature_names == (composed,)
    assert read.class_names == (composed, "tea")
    assert read.targets.tolist() == [0, 0, 1]
    for name in (composed, apart):
        assert read_features(path, [name]).tolist() == [[1], [2], [3]]
    path.write_text(f"{apart},y\n1,4\n2,5\n3,6\n", encoding="utf-8")
    for name in (composed, apart):
        assert read_table(path, name, "regression").targets.tolist() == [1, 2, 3]


def test_ten_thousand_columns(path):
    values = np.random.default_rng(0).standard_normal((9, 9_999))
    header = ",".join([*(f"x{k}" for k in range(9_999)), "y"])
    rows = [",".join([*map(str, row), "uv"[k % 2]]) for k, row in enumerate(values.tolist())]
    path.write_text("\n".join([header, *rows]))
    read = read_table(path)
    assert np.array_equal(read.features, values)
    assert read.feature_names[-1] == "x9998"
    backwards = read_features(path, read.feature_names[::-1])
    assert np.array_equal(backwards, values[:, ::-1])


def test_large_whole_numbers_are_classes_of_their_own(path):
    """As floats, they were one."""
    one, other = 2**53, 2**53 + 1
    path.write_text(f"a,y\n1,{one}\n2,{other}\n3,{one}\n")
    read = read_table(path, task="classification")
    assert read.class_names == (str(one), str(other))
    assert read.targets.tolist() == [0, 1, 0]


def test_many_different_target_texts(path):
    """More than are shared among rows, and more rows than are converted at once."""
    texts = [f"class {k % 3000}" for k in range(9_000)]
    path.write_text("a,b,c,y\n" + "".join(f"{k},{-k},0,{text}\n" for k, text in enumerate(texts)))
    read = read_table(path)
    assert [read.class_names[target] for target in read.targets] == texts
    assert np.array_equal(read.features[:, 1], -np.arange(9_000.0))


# --- The corpus: files that cannot ----------------------------------------------------------------


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    return file.getvalue()


LIMIT = 140_000  # more than the csv module takes for a cell
LIKE = "is not a number, but looks like one with"

REFUSED = {
    # No text
    "empty": (b"", "the file is empty"),
    "byte order mark alone": (b"\xef\xbb\xbf", "the file is empty"),
    "empty lines alone": ("\r\n\n  \n\t\n", "the file is empty"),
    "xlsx": (_zip(), "got an Excel file or a zip archive; save its table as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel file"),
    "parquet": (b"PAR1\x15\x04\x15\x18\x15\x1cL\x15\x02" + b"\0", "cannot be read as Parquet ("),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
    "web page": ("<!DOCTYPE html>\n<html><body>", "got a web page; download the"),
    "half a character": (
        "a,b,y\n1,2,ü".encode()[:-1],
        "line 2: this must be text in UTF-8, got the byte 0xc3",
    ),
    "surrogate": (
        b"a,b,y\n1,2,\xed\xa0\x80\n",
        "line 2: this must be text in UTF-8, got the byte 0xed",
    ),
    "zeros": (bytes(10**6), "line 1: this must be text, got a NUL byte"),
    "zeros at the end": (GOOD.encode() + bytes(4096), "line 5: this must be text, got a NUL byte"),
    "zeros, late": (
        GOOD.encode() + REST.encode() * 5000 + b"\0",
        "line 10005: this must be text, got a NUL byte",
    ),
    # Lines and quotes
    "more cells": (HEAD + "1,2,p,q\n", "the row must have 3 cells as the header has, got 4; quote"),
    "one row": (HEAD + "1,2,p\n", "there must be two rows of data or more, got one"),
    "open quote": (HEAD + '1,2,"u\n' + REST, "line 2: not valid CSV (unexpected end of data)"),
    "quote in a quoted cell": (HEAD + '1,2,"u" v\n' + REST, "line 2: not valid CSV (',' expected"),
    "open quote in a long file": (HEAD + '1,2,"u\n' + REST * 20_000, "that is not closed"),
    "huge number": (HEAD + "1" * LIMIT + ",2,u\n" + REST, "line 2: not valid CSV (field larger"),
    "huge text": (HEAD + REST + "1,2," + "u" * LIMIT, "line 4: not valid CSV (field larger"),
    "huge name": ("a" * LIMIT + ",b,y\n" + REST, "line 1: not valid CSV (field larger"),
    "long line": (
        HEAD + "1," * 500_000 + "u\n",
        "line 2: the row must have 3 cells as the header has, got 500001",
    ),
    # Header
    "header alone": (HEAD, "no rows below the header; add at least one"),
    "header without a line end": (HEAD.rstrip(), "no rows below the header"),
    "duplicate names": ("\na,b,a,y\n" + REST, "line 2: several columns are named 'a'; give each"),
    "duplicate but for spaces": ("a b, a  b ,y\n" + REST, "several columns are named 'a b'"),
    "duplicate but for accents": (
        "\u00e9,e\u0301,y\n" + REST,
        "several columns are named '\u00e9'",
    ),
    # Numbers, as people write them
    "thousands separator, unquoted": (
        HEAD + "1,234,2,u\n" + REST,
        "line 2: the row must have 3 cells as the header has, got 4; quote a text that contains a "
        "comma, and write numbers without: 1234.5",
    ),
    "too few cells": (
        HEAD + "1,u\n" + REST,
        "the row must have 3 cells as the header has, got 2; add the missing ones",
    ),
    # The target
}


@pytest.mark.parametrize(("data", "fragment"), REFUSED.values(), ids=REFUSED.keys())
def test_corpus_that_is_refused(path, data, fragment):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError) as error:
        read_table(path)
    fuzz.check_message(path, error.value)
    assert fragment in str(error.value)


@pytest.mark.parametrize("target", [None, "c", "x" * 100_000])
def test_messages_stay_short_whatever_the_names(path, target):
    path.write_text(",".join(f"{'ab' * 6_000}{k}" for k in range(100)) + "\n" + "1," * 99 + "2\n")
    with pytest.raises(InputError) as error:
        read_table(path, target)
    fuzz.check_message(path, error.value)
    assert "... (100 in all)" in str(error.value)
    with pytest.raises(InputError, match="100 in all") as error:
        read_features(path, ["c" * 100_000] * 50)
    fuzz.check_message(path, error.value)
