"""Limits on the calling process: after these calls it can open no connection and take no more than so much memory."""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_X32 = 0x40000000  # x86-64 kernels also answer to these numbers
# machine → (AUDIT_ARCH, numbers of the system calls socket, connect, socketpair, io_uring_setup)
_CALLS = {"x86_64": (0xC000003E, (41, 42, 53, 425)), "aarch64": (0xC00000B7, (198, 203, 199, 425))}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def can_forbid_sockets() -> bool:
    """Whether this platform has seccomp filters that we know how to write."""
    return platform.system() == "Linux" and platform.machine() in _CALLS


def forbid_sockets() -> None:
    """Make every new connection of this process fail with EPERM, for good (seccomp, Linux).

    pyoxigraph cannot switch SERVICE off, so the process that evaluates strangers' queries must be unable to call anyone.
    Raises OSError where the kernel refuses the filter.
    """
    arch, calls = _CALLS[platform.machine()]
    load, equal, greater, give = 0x20, 0x15, 0x35, 0x06
    refuse = len(calls) + 1  # jumps count the instructions between here and the last one
    program = [
        _Instruction(load, 0, 0, 4),  # the architecture
        _Instruction(equal, 0, refuse + 2, arch),
        _Instruction(load, 0, 0, 0),  # the number of the call
        _Instruction(greater, refuse, 0, _X32),
        *(_Instruction(equal, len(calls) - i, 0, call) for i, call in enumerate(calls)),
        _Instruction(give, 0, 0, _ALLOW),
        _Instruction(give, 0, 0, _REFUSE),
    ]
    array = (_Instruction * len(program))(*program)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(_Program(len(program), array)), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel refused the seccomp filter")


def resident() -> int:
    """MiB of memory that this process occupies; 0 where the platform does not say."""
    return _pages(1) * resource.getpagesize() >> 20


def limit_memory(mebibytes: int) -> None:
    """Let this process grow by so much and no more; an allocation beyond it ends the process."""
    used = _pages(0) * resource.getpagesize() or 1 << 30
    limit = used + mebibytes * (1 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _pages(field: int) -> int:
    statm = Path("/proc/self/statm")  # Linux: size, resident, ...
    return int(statm.read_text().split()[field]) if statm.exists() else 0
