"""Adding chunks: hash, skip what is known, compress in parallel, seal in a fixed order."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mgit.digest import ChunkId, RawDigest, SegmentId
from mgit.errors import InvalidState
from mgit.store.catalogue import Catalogue
from mgit.store.codec import RAW_LENGTH_MAX, Codec, encode
from mgit.store.files import Files
from mgit.store.segment import SEGMENT_TARGET_BYTES, Location
from mgit.store.segment_file import SegmentBuilder

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from types import TracebackType
    from typing import Self

    from typing_extensions import Buffer

__all__ = ["ChunkWriter"]

ITEMSIZE_MAX = 255
PARALLEL_FROM_BYTES = 1 << 20  # threads cost about a millisecond to start
PARALLEL_CHUNK_BYTES = 64 << 10  # handing over a smaller chunk costs more than encoding it
IN_FLIGHT_BYTES_MAX = 32 << 20

Result = TypeVar("Result")


class _Job:
    """One chunk on its way: hashed and encoded by a thread, appended by the writer in order."""

    __slots__ = ("chunk", "claimed", "itemsize", "length", "outcome")

    def __init__(self, chunk: ChunkId | None, length: int, itemsize: int) -> None:
        self.chunk = chunk
        self.claimed = chunk is not None
        self.length = length
        self.itemsize = itemsize
        self.outcome: Callable[[], tuple[ChunkId, _Encoded | None]] | None = None


class _Encoded:
    """Stored form of a chunk with the digest of its stored bytes."""

    __slots__ = ("digest", "form", "stored")

    def __init__(self, form: int, stored: "Buffer") -> None:
        self.form = form
        self.stored = stored
        self.digest = RawDigest.of(stored).raw


class ChunkWriter:
    """Collects chunks into temporary segments; `seal` makes them readable, all or none at a time.

    A context manager: leaving it normally seals, leaving it by an exception aborts. Records lie
    in the order of the puts, whatever the number of threads. One thread uses a writer.
    """

    def __init__(self, catalogue: Catalogue, files: Files, *, codec: Codec, threads: int) -> None:
        self._catalogue = catalogue
        self._files = files
        self._codec: Codec = codec
        self._threads = threads
        self._taken: dict[bytes, tuple[SegmentBuilder, Location] | None] = {}
        self._builders: list[SegmentBuilder] = []
        self._names: list[SegmentId] = []  # of the builders that are finished
        self._settling: list[Callable[[], None]] = []
        self._queue: deque[_Job] = deque()
        self._received_bytes = 0
        self._in_flight_bytes = 0
        self._pool: ThreadPoolExecutor | None = None
        self._open = True
        catalogue.refresh()

    def put(self, data: "Buffer", itemsize: int) -> ChunkId:
        """Add one chunk and return its name; a chunk that is known costs its hash only.

        data: any C-contiguous buffer of canonical logical bytes, at most 64 MiB; it may be changed
        after the call. itemsize: bytes per array element, 1 to 255, a hint for the codec.
        Raises InvalidState beyond these limits, and DiskFull or StorageFailed.
        """
        self._require_open()
        view = _checked(data, itemsize)
        chunk = ChunkId.of(view)
        if chunk.raw in self._taken or self._catalogue.knows(chunk.raw):
            return chunk
        self._taken[chunk.raw] = None
        self._received_bytes += len(view)
        owned = view
        if self._queue or self._goes_parallel(len(view)):
            # The record is written after the caller has its buffer back.
            owned = memoryview(data if isinstance(data, bytes) else bytes(view))
        self._start_job(_Job(chunk, len(view), itemsize), owned)
        return chunk

    def put_all(self, pieces: "Iterable[Buffer]", itemsize: int) -> list[ChunkId]:
        """Add many chunks, hashing them in parallel too; their names in order.

        The buffers become the writer's: the caller must not change them any more.
        """
        self._require_open()
        jobs = []
        for piece in pieces:
            view = _checked(piece, itemsize)
            job = _Job(None, len(view), itemsize)
            self._received_bytes += len(view)
            self._start_job(job, view)
            jobs.append(job)
        while jobs and jobs[-1].chunk is None:
            self._collect()
        return [job.chunk for job in jobs if job.chunk is not None]

    def get(self, chunk: ChunkId) -> bytes | None:
        """Logical bytes of a chunk that this writer took in and has not sealed, else None."""
        while self._queue:
            self._collect()
        held = self._taken.get(chunk.raw)
        return None if held is None else held[0].chunk(held[1])

    def start(self, task: "Callable[[], Result]", cost_bytes: int) -> "Callable[[], Result]":
        """Run a pure computation beside the writer's work; call the result to wait for it.

        cost_bytes: how much it reads; a small one runs at once, in this thread.
        """
        if self._threads < 2 or cost_bytes < PARALLEL_FROM_BYTES:
            value = task()
            return lambda: value
        return self._executor().submit(task).result

    def seal(self) -> None:
        """Make everything durable and readable: segments first, then the index over them."""
        self._require_open()
        while self._queue:
            self._collect()
        if self._builders:
            self._finish_last()
            for settled in self._settling:
                settled()
            self._publish()
        self._stop_pool()
        self._open = False

    def abort(self) -> None:
        """Forget everything that was not sealed and remove the temporary files."""
        self._open = False
        self._queue.clear()
        self._stop_pool()
        builders, self._builders = self._builders, []
        for builder in builders:
            builder.discard()

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        failure: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if not self._open:
            return
        if failure is not None:
            self.abort()
            return
        try:
            self.seal()
        except BaseException:
            self.abort()
            raise

    def _require_open(self) -> None:
        if not self._open:
            raise InvalidState("the chunk writer is sealed or aborted", hint="begin another one")

    def _goes_parallel(self, length: int) -> bool:
        return (
            self._threads > 1
            and length >= PARALLEL_CHUNK_BYTES
            and self._received_bytes >= PARALLEL_FROM_BYTES
        )

    def _start_job(self, job: _Job, view: memoryview) -> None:
        if self._goes_parallel(job.length):
            task = self._executor().submit(self._prepare, job.chunk, view, job.itemsize)
            job.outcome = task.result
        else:
            prepared = self._prepare(job.chunk, view, job.itemsize)
            if not self._queue:
                self._append(job, *prepared)
                return
            job.outcome = lambda: prepared  # records lie in the order of the puts
        self._queue.append(job)
        self._in_flight_bytes += job.length
        while self._in_flight_bytes > IN_FLIGHT_BYTES_MAX:
            self._collect()

    def _prepare(
        self, chunk: ChunkId | None, view: memoryview, itemsize: int
    ) -> tuple[ChunkId, _Encoded | None]:
        if chunk is None:
            chunk = ChunkId.of(view)
            if chunk.raw in self._taken or self._catalogue.knows(chunk.raw):
                return chunk, None
        return chunk, _Encoded(*encode(view, itemsize, self._codec))

    def _collect(self) -> None:
        job = self._queue.popleft()
        self._in_flight_bytes -= job.length
        if job.outcome is not None:
            outcome, job.outcome = job.outcome, None  # lets go of the encoded bytes
            self._append(job, *outcome())

    def _append(self, job: _Job, chunk: ChunkId, encoded: _Encoded | None) -> None:
        job.chunk = chunk
        if encoded is None or (not job.claimed and chunk.raw in self._taken):
            return
        place = Location(
            chunk=chunk.raw,
            offset=0,
            form=encoded.form,
            itemsize=job.itemsize,
            raw_length=job.length,
            stored_length=len(memoryview(encoded.stored)),
            stored_digest=encoded.digest,
        )
        builder = self._builder()
        builder.append(place, encoded.stored)
        self._taken[chunk.raw] = (builder, builder.locations[-1])

    def _builder(self) -> SegmentBuilder:
        if self._builders and self._builders[-1].end >= SEGMENT_TARGET_BYTES:
            self._finish_last()
        if len(self._builders) == len(self._names):
            self._files.make_directory(self._catalogue.segment_directory)
            self._builders.append(SegmentBuilder(self._files, self._catalogue.segment_directory))
        return self._builders[-1]

    def _finish_last(self) -> None:
        self._names.append(self._builders[-1].finish())
        # Waiting for the disk happens beside the compression of what follows.
        self._settling.append(self.start(self._builders[-1].settle, self._builders[-1].end))

    def _publish(self) -> None:
        tables: dict[SegmentId, Sequence[Location]] = {}
        for name, builder in zip(self._names, self._builders, strict=True):
            builder.place(self._catalogue.segment_path(name))
            tables[name] = builder.locations
        self._files.sync_directory(self._catalogue.segment_directory)
        content, replaced = self._catalogue.index_for(tables)
        self._catalogue.write_index(content, replaced)
        self._catalogue.refresh()

    def _executor(self) -> "ThreadPoolExecutor":
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="mgit-chunks")
        return self._pool

    def _stop_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _checked(data: "Buffer", itemsize: int) -> memoryview:
    view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
    if len(view) > RAW_LENGTH_MAX:
        raise InvalidState("a chunk is too long", length=len(view), length_max=RAW_LENGTH_MAX)
    if not 1 <= itemsize <= ITEMSIZE_MAX:
        raise InvalidState("an item has 1 to 255 bytes", itemsize=itemsize)
    return view
