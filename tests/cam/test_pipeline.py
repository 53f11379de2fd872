"""Threads around the network: order, bounds, and errors that come out."""
import threading
import time

import pytest

from mmfbr.cam.pipeline import Finisher, read_ahead


def test_items_come_in_order_and_no_more_are_loaded_than_told():
    loaded = []
    for number, item in enumerate(read_ahead(range(9), lambda n: loaded.append(n) or 10 * n, depth=2)):
        assert item == 10 * number
        assert len(loaded) <= number + 3
    assert loaded == list(range(9))


def test_loading_goes_on_while_the_caller_works():
    started = threading.Event()
    items = read_ahead(range(2), lambda n: started.set() if n else None)
    next(items)
    assert started.wait(60)
    items.close()


def test_error_comes_at_its_place_and_loading_ends():
    def load(n):
        if n == 2:
            raise ValueError('two')
        return n
    items = read_ahead(range(100), load)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match='two'):
        next(items)
    assert list(items) == []


def test_a_caller_that_stops_leaves_no_thread():
    before = threading.active_count()
    items = read_ahead(range(100), lambda n: n)
    next(items)
    items.close()
    assert threading.active_count() == before


def test_all_is_finished_at_the_end_and_the_caller_waits_when_too_much_is_not():
    done, gate = [], threading.Event()

    def work(n):
        gate.wait()
        done.append(n)

    def open_later():
        time.sleep(0.2)
        assert not done
        gate.set()

    opener = threading.Thread(target=open_later)
    with Finisher(workers=1, limit=3) as finisher:
        opener.start()
        for n in range(8):
            finisher.submit(work, n)
            assert n < 3 or gate.is_set()
            assert len(finisher.pending) <= 3
    opener.join()
    assert done == list(range(8))


def test_errors_come_out_and_the_rest_is_done_all_the_same():
    def fail():
        raise OSError('full')
    done, gate = [], threading.Event()
    with pytest.raises(OSError, match='full'), Finisher() as finisher:
        finisher.submit(fail)
    with pytest.raises(KeyboardInterrupt), Finisher(workers=1) as finisher:
        finisher.submit(gate.wait)
        finisher.submit(done.append, 1)
        threading.Timer(0.1, gate.set).start()
        raise KeyboardInterrupt
    assert done == [1]
