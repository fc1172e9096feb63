"""The master process takes its signals from a queue."""

import queue
import signal

from presentation.http.server.master import Master


def test_several_sighups_that_wait_count_as_one_and_other_signals_stay_in_order() -> None:
    # The constructor would install the handlers of the signals.
    master = Master.__new__(Master)
    master.SIG_QUEUE = queue.SimpleQueue()
    for number in (signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP, signal.SIGTTIN, signal.SIGHUP, signal.SIGTERM):
        master.SIG_QUEUE.put_nowait(number)

    signals = master.wait_for_signals()

    assert signals == [signal.SIGHUP, signal.SIGTTIN, signal.SIGTTIN, signal.SIGTERM]
