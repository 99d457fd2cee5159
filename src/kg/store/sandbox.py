"""Limits on the calling process: after these calls it can call nobody, harm nobody, and take no more than so much memory."""

from __future__ import annotations

import ctypes
import errno
import platform
import resource
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_X32 = 0x40000000  # x86-64 kernels also answer to these numbers
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH
#: System calls by their numbers on x86-64 and on arm64 (asm/unistd_64.h, asm-generic/unistd.h), none where there is none.
_CONNECTIONS = {
    "socket": (41, 198),
    "connect": (42, 203),
    "socketpair": (53, 199),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "io_uring_setup": (425, 425),
}
#: What a process that was taken over could use against others; evaluating queries needs none of it.
_OTHERS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kill": (62, 129),
    "tkill": (200, 130),
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "setpriority": (141, 140),
    "prlimit64": (302, 261),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def die_with_parent() -> None:
    """Have this process killed when the one that forked it ends, even while it is stopped (on Linux)."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def can_confine() -> bool:
    """Whether this platform has seccomp filters that we know how to write."""
    return platform.system() == "Linux" and platform.machine() in _ARCH


def confine(network: bool = False) -> None:
    """Make certain system calls of this process fail with EPERM, for good (seccomp, Linux): new connections, and harm to others.

    pyoxigraph cannot switch SERVICE off, so the process that evaluates strangers' queries must be unable to call anyone; with
    `network`, it may. Limits must be set before. Raises OSError where the kernel refuses the filter.
    """
    machine = platform.machine()
    numbers = (_OTHERS if network else _CONNECTIONS | _OTHERS).values()
    calls = [number for pair in numbers if (number := pair[list(_ARCH).index(machine)]) is not None]
    arch = _ARCH[machine]
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


def limit_files(largest: int) -> None:
    """Let this process write no file of more bytes than that, and no memory of itself when it dies."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(mebibytes: int) -> None:
    """Let this process grow by so much and no more; an allocation beyond it ends the process."""
    used = _pages(0) * resource.getpagesize() or 1 << 30
    limit = used + mebibytes * (1 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _pages(field: int) -> int:
    statm = Path("/proc/self/statm")  # Linux: size, resident, ...
    return int(statm.read_text().split()[field]) if statm.exists() else 0
