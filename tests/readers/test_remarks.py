"""What is noted of cells while they are read."""

from concurrent.futures import ThreadPoolExecutor

from sklearn_mm.readers.remarks import note, noted, with_remarks, without_remarks


def test_nothing_is_noted_where_nobody_listens():
    note("are long", "9 steps")
    with noted() as remarks:
        pass
    assert remarks == []


def test_each_thread_hears_of_its_own_cells():
    def read(cell):
        with noted() as remarks:
            note("are long", cell)
        return [remark.detail for remark in remarks]

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(read, range(30))) == [[cell] for cell in range(30)]


def test_a_result_and_its_remarks_can_be_taken_apart():
    with noted() as remarks:
        note("are long", "9 steps")
    assert without_remarks(with_remarks("result", remarks)) == ("result", (*remarks,))
    assert without_remarks(with_remarks("result", [])) == ("result", ())
