"""A module with the calls of CuPy that are used: its arrays are NumPy's, its kernels emulated."""

from types import SimpleNamespace

import numpy as np


class DriverError(RuntimeError):
    pass


class CompileException(Exception):
    pass


class OutOfMemoryError(MemoryError):
    pass


class Current:
    """A device or a stream: a context manager that counts how deep it is entered."""

    def __init__(self, number=0):
        self.number, self.depth, self.waited = number, 0, 0

    def __enter__(self):
        self.depth += 1
        return self

    def __exit__(self, *_):
        self.depth -= 1

    def synchronize(self):
        assert self.depth == 1
        self.waited += 1


class Event:
    clock = 0.0

    def record(self):
        Event.clock += 1.0
        self.time = Event.clock

    def synchronize(self):
        pass


class FakeCupy:
    """`failing`: names of calls that raise, with what they raise."""

    __version__ = "0.fake"

    def __init__(self, launcher, *, devices=1):
        self.launcher, self.compiled, self.failing = launcher, [], {}
        self.stream = Current()
        runtime = SimpleNamespace(
            CUDARuntimeError=DriverError,
            getDeviceCount=lambda: self._unless_failing("getDeviceCount", devices),
            getDeviceProperties=lambda _: {
                "name": b"Emulated", "major": 9, "minor": 0, "totalGlobalMem": 1 << 34,
            },
            driverGetVersion=lambda: 12080,
            runtimeGetVersion=lambda: 12080,
            memGetInfo=lambda: (launcher.memory, launcher.memory),
        )  # fmt: skip
        self.cuda = SimpleNamespace(
            runtime=runtime,
            compiler=SimpleNamespace(CompileException=CompileException),
            nvrtc=SimpleNamespace(getVersion=lambda: (12, 8)),
            Device=Current,
            ExternalStream=lambda handle: self.stream,
            get_current_stream=lambda: self.stream,
            Event=Event,
            get_elapsed_time=lambda start, stop: stop.time - start.time,
        )
        self.from_dlpack = np.from_dlpack

    def _unless_failing(self, name, value=None):
        if name in self.failing:
            raise self.failing[name]
        return value

    def get_default_memory_pool(self):
        return SimpleNamespace(free_bytes=lambda: 0, free_all_blocks=lambda: None)

    def asarray(self, values):
        self._unless_failing("asarray")
        return self.launcher.to_device(values)

    def asnumpy(self, values):
        self._unless_failing("asnumpy")
        return self.launcher.to_host(values)

    def zeros(self, shape, dtype):
        self._unless_failing("zeros")
        return self.launcher.zeros(shape, dtype)

    def RawModule(self, *, code, options, backend):
        self._unless_failing("RawModule")
        self.compiled.append((code, options, backend))
        return SimpleNamespace(get_function=lambda entry: self._function(code, entry))

    def _function(self, code, entry):
        assert f"({entry}," in code

        class Kernel:
            num_regs, local_size_bytes = 64, 0

            def __call__(_, grid, block, arguments):
                self._unless_failing("launch")
                assert self.stream.depth == 1
                self.launcher.launch(entry, grid=grid[0], block=block[0], arguments=arguments)

        return Kernel()
