"""Workers: whatever is asked and whatever dies, short queries stay short, and each gets its own answer or an error."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from kg.errors import HungUp, KgError, Overloaded, QueryFailed, QueryTimeout, QueryTooHeavy
from kg.settings import Settings
from kg.store import Answer, Request
from kg.store import pool as pools
from kg.store.pool import _AHEAD, Pool
from store.starting import Running

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes where Linux shows them")

SLOW = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
MEDIUM = "SELECT (COUNT(*) AS ?n) { { SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 200000 } }"  # a few tenths of a second
CRASH = "SELECT * { ?s ?p ?o FILTER(" + "!" * 400_000 + "true) }"
LARGE = "SELECT * { ?a ?b ?c . ?d ?e ?f } LIMIT 5000"  # comes as a file
Run = Callable[[Settings], Running]


def pool_of(store: Running) -> Pool:
    return store.store._pool


def counts(store: Running) -> dict[str, int]:
    return inside(store, lambda: pool_of(store).counts)


def inside(store: Running, call: Callable[[], Any]) -> Any:
    """What the call returns in the store's own loop."""

    async def run() -> Any:
        return call()

    return asyncio.run_coroutine_threadsafe(run(), store.loop).result(30)


def together(store: Running, asked: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """All results and errors, in order."""

    async def run() -> list[Any]:
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run_coroutine_threadsafe(run(), store.loop).result(60)


def number(store: Running, n: int, client: str = "") -> Coroutine[Any, Any, Answer]:
    """A short query whose answer is its own."""
    return store.store.query(Request(f"SELECT ({n} AS ?n) {{}}", "csv", None), client)


def is_number(answer: Any, n: int) -> bool:
    return isinstance(answer, Answer) and answer.body == f"n\r\n{n}\r\n".encode()


def slow(store: Running, client: str = "", timeout: float | None = None) -> Coroutine[Any, Any, Answer]:
    return store.store.query(Request(SLOW, "json", None, timeout=timeout), client)


def begin(store: Running, coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run_coroutine_threadsafe(coroutine, store.loop)


def eventually(what: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.005)
    return what()


def settled(store: Running) -> None:
    """Wait until there are as many workers as there shall be, and none is on its way."""
    pool = pool_of(store)
    assert eventually(lambda: len(pool._workers) == pool._size.young and not pool._forking, 5)


def zygote(store: Running) -> int:
    process = pool_of(store)._process
    assert process
    return process.pid


def children(parent: int) -> dict[int, str]:
    """Its child processes, and the states they are in."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                state, ppid = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(ppid) == parent:
                    found[int(folder.name)] = state
    return found


def known(store: Running) -> set[int]:
    pool = pool_of(store)
    return {worker.pid for worker in pool._all()}


def descriptors(process: int | str = "self") -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


# Short queries stay short


@pytest.mark.parametrize("clients", [("mallory",), tuple("abcdef")], ids=["one", "several"])
def test_short_queries_stay_short_beside_hostile_ones(run: Run, clients: tuple[str, ...]) -> None:
    store = run(Settings(young=2, old=6, timeout=4))
    end = time.monotonic() + 5
    outcomes: Counter[str] = Counter()

    async def hostile(client: str) -> None:
        while time.monotonic() < end:
            try:
                await slow(store, client)
            except KgError as error:
                outcomes[type(error).__name__] += 1
                await asyncio.sleep(0.05)

    async def friendly() -> list[float]:
        taken = []
        await asyncio.sleep(0.3)
        for n in range(300):
            begun = time.monotonic()
            try:
                assert is_number(await number(store, n, "friend"), n)
                taken.append(time.monotonic() - begun)
            except Overloaded:  # on a busy machine even a short one may need longer than its first moment, and a place
                taken.append(1.0)
            await asyncio.sleep(0.01)
        return sorted(taken)

    *_, taken = together(store, [*(hostile(clients[i % len(clients)]) for i in range(6)), friendly()])
    assert taken[296] < 0.3, taken[-20:]  # 99 of 100
    assert set(outcomes) <= {"QueryTimeout", "Overloaded"}
    assert outcomes["QueryTimeout"] >= 3  # they did run


def test_queries_sent_ahead_are_each_answered_with_their_own(run: Run) -> None:
    store = run(Settings(young=2, old=6, waiting=1000, timeout=1))
    asked: list[Coroutine[Any, Any, Any]] = []
    for n in range(500):
        if n % 50 == 7:
            asked.append(slow(store, f"slow {n}"))
        asked.append(number(store, n, f"client {n % 20}"))
    answers = together(store, asked)
    slow_ones = [answer for i, answer in enumerate(answers) if i % 51 == 7][:10]
    others = [answer for i, answer in enumerate(answers) if i % 51 != 7 or i // 51 >= 10]
    assert len(others) == 500
    assert [(n, answer) for n, answer in enumerate(others) if not is_number(answer, n)] == []
    assert all(isinstance(answer, QueryTimeout | Overloaded) for answer in slow_ones)
    assert counts(store) == {"young": 0, "old": 0, "waiting": 0}


def test_what_was_sent_ahead_to_a_slow_worker_is_answered_by_another(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_YOUNG", 10.0)  # it is slow, but never old
    store = run(Settings(young=2, timeout=5))
    settled(store)
    finished: list[int] = []
    workers = known(store)

    async def ask(n: int) -> None:
        if n == 0:
            await store.store.query(Request(MEDIUM, "json", None), "a")
        else:
            assert is_number(await number(store, n, str(n)), n)
        finished.append(n)

    answers = together(store, [ask(n) for n in range(6)])
    assert answers == [None] * 6, answers
    assert finished[-1] == 0
    assert known(store) == workers  # none had to end for it


def test_what_a_worker_has_begun_before_it_is_taken_back_is_answered_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_QUICK", 0.1)  # by then it has begun
    store = run(Settings(young=2, old=4, timeout=1.5))
    settled(store)
    pool = pool_of(store)

    async def ask() -> list[Any]:
        deaf, other = pool._workers
        pool._workers = [deaf]
        asked = [asyncio.ensure_future(coroutine) for coroutine in (number(store, 1), slow(store), number(store, 2))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pool._workers.append(other)
        # The reply to the first is there, and the worker is at the second, when they are taken back.
        store.loop.remove_reader(deaf._connection)
        assert len(deaf.queries) == 3
        await asyncio.sleep(0.15)
        assert len(deaf.queries) == 1
        assert deaf.taking_back
        store.loop.add_reader(deaf._connection, deaf._read)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert deaf not in pool._workers  # it was at what nobody waited for
        return answers

    first, second, third = together(store, [ask()])[0]
    assert is_number(first, 1)
    assert isinstance(second, QueryTimeout)
    assert is_number(third, 2)
    assert eventually(lambda: counts(store) == {"young": 0, "old": 0, "waiting": 0}, 1), counts(store)
    settled(store)
    assert eventually(lambda: set(children(zygote(store))) == known(store), 1)


def test_answers_in_files_and_others_are_not_mixed_up(run: Run) -> None:
    store = run(Settings(young=2, old=40, waiting=200))
    lengths = {}

    async def large(n: int) -> None:
        answer = await store.store.query(
            Request(f"SELECT ?a ?b ?c ({n} AS ?n) {{ ?a ?b ?c . ?d ?e ?f FILTER(isIRI(?c)) }} LIMIT 9000", "csv", None)
        )
        assert not isinstance(answer.body, bytes)
        with answer.body as file:
            file.seek(0)
            lines = file.read().splitlines()
        lengths[n] = len(lines)
        assert all(line.endswith(b",%d" % n) for line in lines[1:])

    answers = together(store, [large(n) if n % 5 == 0 else number(store, n, str(n % 3)) for n in range(60)])
    assert [n for n, answer in enumerate(answers) if not (answer is None if n % 5 == 0 else is_number(answer, n))] == []
    assert set(lengths.values()) == {9001}


# Places


def test_one_client_has_at_most_half_of_the_old_places(run: Run) -> None:
    store = run(Settings(young=2, old=4, timeout=1.5))
    answers = together(store, [*(slow(store, "a") for _ in range(4)), *(slow(store, "b") for _ in range(4))])
    for own in (answers[:4], answers[4:]):
        assert Counter(type(answer) for answer in own) == {QueryTimeout: 2, Overloaded: 2}
    assert eventually(lambda: counts(store)["old"] == 0, 1)


def test_when_all_old_places_are_taken_another_is_told_so(run: Run) -> None:
    store = run(Settings(young=2, old=2, timeout=1.5))
    answers = together(store, [slow(store, client) for client in "abcd"])
    assert Counter(type(answer) for answer in answers) == {QueryTimeout: 2, Overloaded: 2}
    assert all(
        isinstance(answer, QueryFailed) and "long queries" in str(answer) for answer in answers if isinstance(answer, Overloaded)
    )


def test_what_finds_no_place_in_the_line_is_refused_at_once(run: Run) -> None:
    store = run(Settings(young=1, old=2, waiting=4))
    settled(store)
    answers = together(store, [number(store, n, "a") for n in range(20)])
    refused = [n for n, answer in enumerate(answers) if isinstance(answer, Overloaded)]
    taken = _AHEAD + 2  # some are sent ahead, two wait: half of the places
    assert refused == list(range(taken, 20))
    assert all(is_number(answers[n], n) for n in range(taken))
    assert is_number(together(store, [number(store, 1, "a")])[0], 1)


@pytest.mark.parametrize("how", ["hang-up", "timeout", "cancellation"])
def test_an_old_place_is_freed(run: Run, how: str) -> None:
    store = run(Settings(young=1, old=1, timeout=5))
    settled(store)
    gone = asyncio.Event()

    async def hang_up() -> None:
        await gone.wait()

    asked = begin(store, store.store.query(Request(SLOW, "json", None, timeout=0.8 if how == "timeout" else None), "a", hang_up))
    assert eventually(lambda: counts(store)["old"] == 1, 2)
    worker = known(store) - {one.pid for one in pool_of(store)._workers}
    if how == "hang-up":
        store.loop.call_soon_threadsafe(gone.set)
    elif how == "cancellation":
        asked.cancel()
    assert eventually(lambda: counts(store)["old"] == 0, 1)
    assert eventually(lambda: not worker & set(children(zygote(store))), 1)  # its process has ended
    if how != "cancellation":
        with pytest.raises(HungUp if how == "hang-up" else QueryTimeout):
            asked.result(1)
    other = begin(store, slow(store, "b"))
    assert eventually(lambda: counts(store)["old"] == 1, 2)  # the place is another's
    other.cancel()


def test_a_query_that_is_given_up_young_holds_up_nobody(run: Run) -> None:
    store = run(Settings(young=1, old=1))
    settled(store)

    async def ask() -> Answer:
        given_up = asyncio.ensure_future(slow(store, "a"))
        await asyncio.sleep(0.005)
        given_up.cancel()
        return await number(store, 1, "b")

    begun = time.monotonic()
    assert is_number(together(store, [ask()])[0], 1)
    assert time.monotonic() - begun < 0.3
    assert eventually(lambda: counts(store) == {"young": 0, "old": 0, "waiting": 0}, 1)


def test_all_that_ask_others_together_have_no_more_places_than_there_are(run: Run) -> None:
    with silent() as (address, _):
        store = run(Settings(young=1, old=4, timeout=1, services=(address,)))
        most = 0

        async def watch() -> None:
            nonlocal most
            for _ in range(40):
                most = max(most, pool_of(store).counts["old"], len(known(store)) - 1)
                await asyncio.sleep(0.02)

        text = f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}"
        answers = together(store, [*(store.store.query(Request(text, "json", None), "a") for _ in range(20)), watch()])
        assert Counter(type(answer) for answer in answers[:-1]) == {QueryTimeout: 2, Overloaded: 18}
        assert most == 2


@contextmanager
def silent() -> Iterator[tuple[str, socket.socket]]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/sparql", listener


def state(pid: int) -> str:
    """R: it runs. S: it waits. T: it stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_long_query_stands_still_while_short_ones_are_there_and_goes_on(run: Run) -> None:
    store = run(Settings(young=1, old=2, timeout=20))
    settled(store)
    pool = pool_of(store)
    asked = begin(store, slow(store, "a"))
    assert eventually(lambda: any(worker.yields for worker in pool._elders), 5)
    elder = pool._elders[0]
    states: Counter[str] = Counter()

    async def crowd() -> None:
        for n in range(200):
            answers = await asyncio.gather(*(number(store, n, str(client)) for client in range(8)))
            assert all(is_number(answer, n) for answer in answers)
            states[state(elder.pid)] += 1

    assert together(store, [crowd()]) == [None]
    assert states["T"] > sum(states.values()) / 3
    assert eventually(lambda: state(elder.pid) == "R", 1)  # they are gone
    assert not asked.done()
    asked.cancel()
    assert eventually(lambda: elder.pid not in children(zygote(store)), 1)


def test_a_worker_that_stands_still_is_ended_at_the_deadline(run: Run) -> None:
    store = run(Settings(young=1, old=2, timeout=1))
    settled(store)
    begun = time.monotonic()

    async def crowd() -> None:
        while time.monotonic() < begun + 2:
            await asyncio.gather(*(number(store, 1, str(client)) for client in range(8)))

    refused, _ = together(store, [slow(store, "a"), crowd()])
    assert isinstance(refused, QueryTimeout)
    settled(store)
    assert eventually(lambda: set(children(zygote(store))) == known(store), 1)


def test_a_worker_that_has_answered_an_old_query_is_used_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_YOUNG", 0.01)
    store = run(Settings(young=1, old=3, timeout=10))
    settled(store)
    pool = pool_of(store)
    for _ in range(6):
        answers = together(store, [store.store.query(Request(MEDIUM, "csv", None), client) for client in "ab"])
        assert all(isinstance(answer, Answer) for answer in answers)
    settled(store)
    assert pool.forked <= 4  # all that there may be at the same time, and not two for each of twelve queries
    assert len(pool._spare) >= 1
    assert eventually(lambda: set(children(zygote(store))) == known(store), 1)
    together(store, [store.store.query(Request(MEDIUM, "csv", None), client) for client in "abc"])
    inside(store, lambda: [pool._let_go(worker, worker.answers) for worker in list(pool._spare)])
    assert eventually(lambda: set(children(zygote(store))) == {worker.pid for worker in pool._workers}, 2)


def test_workers_that_stand_still_end_with_their_zygote(run: Run) -> None:
    store = run(Settings(young=1, old=2, timeout=20))
    settled(store)
    asked = begin(store, slow(store, "a"))
    pool = pool_of(store)
    assert eventually(lambda: len(pool._elders) == 1, 5)
    elder = pool._elders[0].pid
    inside(store, lambda: pool._let_run(pool._elders[0], False))
    assert eventually(lambda: state(elder) == "T", 1)
    os.kill(zygote(store), signal.SIGKILL)
    assert eventually(lambda: not Path(f"/proc/{elder}/exe").exists(), 2)
    with pytest.raises(Overloaded):
        asked.result(2)
    settled(store)


# Deaths


def test_the_death_of_a_worker_is_told_to_its_query_and_to_no_other(run: Run) -> None:
    store = run(Settings(young=2, old=4, timeout=20))
    settled(store)
    asked = [begin(store, slow(store, client)) for client in "ab"]
    assert eventually(lambda: counts(store)["old"] == 2, 2)
    pool = pool_of(store)
    victim = inside(store, lambda: next(worker.pid for worker in pool._elders if worker.queries[0].client == "a"))
    others = [begin(store, number(store, n)) for n in range(50)]
    os.kill(victim, signal.SIGKILL)
    with pytest.raises(QueryTooHeavy, match="memory"):
        asked[0].result(1)
    assert all(is_number(answer.result(5), n) for n, answer in enumerate(others))
    assert not asked[1].done()
    assert counts(store)["old"] == 1
    asked[1].cancel()


def test_what_was_sent_ahead_to_a_worker_that_dies_is_answered_by_another(run: Run) -> None:
    store = run(Settings(young=1, old=2))
    settled(store)
    for _ in range(5):
        answers = together(store, [store.store.query(Request(CRASH, "json", None)), *(number(store, n) for n in range(3))])
        assert isinstance(answers[0], QueryTooHeavy)
        assert [is_number(answer, n) for n, answer in enumerate(answers[1:])] == [True] * 3


def test_a_reply_that_came_before_the_death_counts(run: Run) -> None:
    store = run(Settings(young=1, old=2))
    settled(store)
    pool = pool_of(store)

    async def ask() -> list[Any]:
        worker = pool._workers[0]
        asked = [
            asyncio.ensure_future(coroutine) for coroutine in (number(store, 7), store.store.query(Request(CRASH, "json", None)))
        ]
        store.loop.remove_reader(worker._connection)
        await asyncio.sleep(0.01)  # they are put to the pool, and sent
        # What the loop sees first is chance: here it hears of the death before it reads the reply.
        deadline = time.monotonic() + 10
        while children(zygote(store)).get(worker.pid, "Z") != "Z" and time.monotonic() < deadline:
            time.sleep(0.01)
        pool._mourn(worker.pid, -signal.SIGSEGV)
        return await asyncio.gather(*asked, return_exceptions=True)

    first, second = together(store, [ask()])[0]
    assert is_number(first, 7)
    assert isinstance(second, QueryTooHeavy)


def test_a_killed_worker_is_replaced_at_once(run: Run) -> None:
    store = run(Settings(young=2))
    for _ in range(5):
        settled(store)
        victim = pool_of(store)._workers[0].pid
        os.kill(victim, signal.SIGKILL)
        begun = time.monotonic()
        assert eventually(lambda: victim not in known(store) and len(known(store)) == 2, 0.3), time.monotonic() - begun  # noqa: B023


def test_the_loss_of_the_zygote_is_made_good(run: Run) -> None:
    store = run(Settings(young=2, old=4, timeout=20))
    settled(store)
    old = begin(store, slow(store))
    assert eventually(lambda: counts(store)["old"] == 1, 2)
    lost, workers = zygote(store), known(store)
    os.kill(lost, signal.SIGKILL)
    begun = time.monotonic()
    with pytest.raises(Overloaded, match="restarted"):
        old.result(2)
    waiting = [begin(store, number(store, n)) for n in range(20)]
    assert all(is_number(answer.result(5), n) for n, answer in enumerate(waiting))
    assert time.monotonic() - begun < 3
    assert zygote(store) != lost
    assert counts(store)["old"] == 0
    settled(store)
    assert eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers), 3)  # those of the lost one end, too
    assert set(children(zygote(store))) == known(store)


def test_a_query_for_others_while_the_zygote_is_gone_confuses_nothing(run: Run) -> None:
    with silent() as (address, _):
        store = run(Settings(young=2, old=4, timeout=1, services=(address,)))
        settled(store)
        os.kill(zygote(store), signal.SIGKILL)
        assert eventually(lambda: not known(store), 2)
        asked = begin(store, store.store.query(Request(f"SELECT * {{ SERVICE <{address}> {{ ?s ?p ?o }} }}", "json", None)))
        with pytest.raises((Overloaded, QueryTimeout)):
            asked.result(5)
        settled(store)
        assert set(children(zygote(store))) == known(store)
        # Who is to be killed is killed, and no other.
        with pytest.raises(QueryTimeout):
            store.query(Request(SLOW, "json", None, timeout=0.5))
        settled(store)
        assert eventually(lambda: set(children(zygote(store))) == known(store), 1)


def test_a_hundred_deaths_leave_nothing_behind(run: Run) -> None:
    store = run(Settings(young=2, old=6, timeout=20))
    settled(store)
    before, before_there = descriptors(), descriptors(zygote(store))
    for turn in range(100):
        settled(store)
        if turn % 2:
            victim = pool_of(store)._workers[0].pid
            os.kill(victim, signal.SIGKILL)
            assert eventually(lambda: victim not in known(store), 1)  # noqa: B023
        else:
            asked = begin(store, slow(store))
            assert eventually(lambda: counts(store)["old"] == 1, 2)
            asked.cancel()
            assert eventually(lambda: counts(store)["old"] == 0, 1)
        assert is_number(together(store, [number(store, turn)])[0], turn)
    settled(store)
    assert eventually(lambda: set(children(zygote(store))) == known(store), 1)
    assert "Z" not in children(zygote(store)).values()
    assert descriptors() <= before + 1
    assert descriptors(zygote(store)) == before_there
    assert counts(store) == {"young": 0, "old": 0, "waiting": 0}


def test_workers_that_cannot_live_are_not_forked_without_end(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    store = run(Settings(young=2))
    settled(store)
    before = pool_of(store).forked
    end = time.monotonic() + 1.0
    while time.monotonic() < end:  # each dies before it has answered anything
        for pid in inside(store, lambda: known(store)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)
    assert pool_of(store).forked - before < 60
    assert eventually(lambda: is_number(together(store, [number(store, 1)])[0], 1), 3)


# Descriptors run out


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Open all that this process may."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + 20, limits[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_moment_without_descriptors_has_no_consequences(run: Run) -> None:
    store = run(Settings(young=2, old=6, timeout=1))
    settled(store)
    with no_descriptors():
        asked = begin(store, slow(store, "a"))
        time.sleep(0.3)
    with pytest.raises(QueryFailed):
        asked.result(3)
    settled(store)
    # Long queries are still noticed.
    begun = time.monotonic()
    with pytest.raises(QueryTimeout):
        begin(store, slow(store, "b")).result(5)
    assert time.monotonic() - begun < 1.5


def test_an_answer_whose_file_is_lost_is_nobody_elses(run: Run) -> None:
    store = run(Settings(young=1, old=6, timeout=2))
    settled(store)
    with no_descriptors():
        first = begin(store, store.store.query(Request(LARGE, "json", None), "a"))
        others = [begin(store, number(store, n, "b")) for n in range(3)]
        time.sleep(0.5)
    with suppress(KgError):  # or a descriptor has become free just in time
        answer = first.result(5)
        assert not isinstance(answer.body, bytes), f"answered with {answer.body[:40]!r}"
        with answer.body as file:
            assert file.seek(0, 2) == answer.size > 1_000_000
    assert [is_number(answer.result(5), n) for n, answer in enumerate(others)] == [True] * 3


# Waiting


def test_a_query_that_waits_has_a_deadline_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_RESTART", 30.0)
    store = run(Settings(young=1, timeout=1))
    settled(store)
    os.kill(zygote(store), signal.SIGKILL)
    assert eventually(lambda: not known(store), 2)
    asked = begin(store, number(store, 1))
    with pytest.raises(QueryFailed):
        asked.result(3)


def test_the_end_is_told_to_whoever_waits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_RESTART", 30.0)
    store = run(Settings(young=1, timeout=20))
    settled(store)
    os.kill(zygote(store), signal.SIGKILL)
    assert eventually(lambda: not known(store), 2)
    asked = begin(store, number(store, 1))
    assert eventually(lambda: counts(store)["waiting"] == 1, 1)
    asyncio.run_coroutine_threadsafe(store.store.close(), store.loop).result(30)
    with pytest.raises(QueryFailed):
        asked.result(2)


def test_the_end_comes_at_once_whatever_is_going_on(run: Run) -> None:
    store = run(Settings(young=2, old=6, timeout=20))
    settled(store)
    parent = zygote(store)
    asked = [begin(store, slow(store, client)) for client in "abcdef"]
    assert eventually(lambda: counts(store)["old"] == 6, 3)
    workers = known(store)
    asked += [begin(store, slow(store, "g")), *(begin(store, number(store, n)) for n in range(10))]
    begun = time.monotonic()
    asyncio.run_coroutine_threadsafe(store.store.close(), store.loop).result(30)
    assert time.monotonic() - begun < 1
    outcomes = Counter(type(answer.exception(2)) for answer in asked)
    assert outcomes[Overloaded] >= 6
    assert set(outcomes) <= {Overloaded, type(None)}
    assert not Path(f"/proc/{parent}").exists()
    assert eventually(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in workers), 2)


# What a worker has and may do


def test_a_worker_inherits_nothing_but_its_own_connection(run: Run) -> None:
    store = run(Settings(young=2))
    settled(store)
    time.sleep(0.2)  # they have begun
    for pid in known(store):
        held = {int(link.name): str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert sum(target.startswith("socket:") for target in held.values()) == 1, held
        assert {held[standard] for standard in (0, 1, 2)} == {os.devnull}, held
        assert not any("epoll" in target or "pipe:" in target for target in held.values()), held


def test_no_thread_of_a_worker_may_open_connections(run: Run) -> None:
    store = run(Settings(young=1))
    settled(store)
    time.sleep(0.2)
    (pid,) = known(store)
    states = [(task / "status").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    assert states
    assert [text for text in states if "\nSeccomp:\t2\n" not in text] == []


def test_a_worker_that_sends_nonsense_is_ended_and_the_others_are_not_touched(run: Run) -> None:
    store = run(Settings(young=1, timeout=1))
    settled(store)
    pool = pool_of(store)
    for nonsense in (b"\xff" * 64, b"\0\0\0\x01\0\0\0\0\x07", b"\0\0\0\x02\0\0\0\0\0{", b"\0\0\0\x1a\0\0\0\0\1" + b"\xff" * 25):
        settled(store)

        async def ask(data: bytes) -> Any:
            worker = pool._workers[0]
            asked = asyncio.ensure_future(slow(store))
            await asyncio.sleep(0.02)
            worker._received = data  # as if it had sent it
            worker._files = []
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            store.loop.remove_reader(worker._connection)
            worker._connection.close()
            worker._connection = ours
            store.loop.add_reader(ours, worker._read)
            theirs.send(b"\xff")
            try:
                return (await asyncio.gather(asked, return_exceptions=True))[0]
            finally:
                theirs.close()

        begun = time.monotonic()
        (outcome,) = together(store, [ask(nonsense)])
        assert isinstance(outcome, KgError)
        assert time.monotonic() - begun < 3
        assert is_number(together(store, [number(store, 5)])[0], 5)
    assert threading.active_count() < 50
    assert json.dumps(counts(store)) == '{"young": 0, "old": 0, "waiting": 0}'
