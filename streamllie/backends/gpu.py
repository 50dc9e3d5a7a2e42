"""Which NVIDIA GPU is here, asked of the driver itself: no package is needed, and nothing is loaded into the GPU."""

import ctypes
import functools
from dataclasses import dataclass

from streamllie.errors import BackendMissing

DRIVER = "libcuda.so.1"
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """The first GPU of this machine."""

    name: str  # as the driver says it, such as "NVIDIA GeForce RTX 4070"
    capability: tuple[int, int]  # compute capability, such as (8, 9)
    driver: str  # newest CUDA that the driver supports, such as "13.0"
    memory: int  # bytes in total

    @property
    def architecture(self) -> str:
        """Compute capability as TensorRT spells it, such as "sm89"."""
        return f"sm{self.capability[0]}{self.capability[1]}"


@functools.cache
def find_gpu() -> Gpu:
    """The first GPU.

    Raises:
        BackendMissing: there is no driver or no GPU; the text says which, and what to do.
    """
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError as error:
        raise BackendMissing(
            f"no NVIDIA driver on this machine ({DRIVER} is not there); install one, or use --backend openvino"
        ) from error
    count, version, device = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    major, minor, memory = ctypes.c_int(), ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(256)
    _check(driver, driver.cuInit(0))
    _check(driver, driver.cuDriverGetVersion(ctypes.byref(version)))
    _check(driver, driver.cuDeviceGetCount(ctypes.byref(count)))
    if count.value == 0:
        raise BackendMissing("the NVIDIA driver sees no GPU; is CUDA_VISIBLE_DEVICES empty?")
    _check(driver, driver.cuDeviceGet(ctypes.byref(device), 0))
    _check(driver, driver.cuDeviceGetName(name, len(name), device))
    _check(driver, driver.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device))
    _check(driver, driver.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device))
    _check(driver, driver.cuDeviceTotalMem_v2(ctypes.byref(memory), device))
    return Gpu(
        name=name.value.decode(errors="replace"),
        capability=(major.value, minor.value),
        driver=f"{version.value // 1000}.{version.value % 1000 // 10}",
        memory=memory.value,
    )


def no_gpu() -> str | None:
    """None where there is a GPU, else a sentence that says why there is none."""
    try:
        find_gpu()
    except BackendMissing as error:
        return str(error)
    return None


def _check(driver: ctypes.CDLL, code: int) -> None:
    if code:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(code, ctypes.byref(text))
        reason = (text.value or b"unknown error").decode(errors="replace")
        raise BackendMissing(f"the NVIDIA driver does not answer: CUDA error {code}, {reason}; `nvidia-smi` says more")
