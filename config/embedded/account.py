"""Who a server runs as. PostgreSQL refuses to run as root, and containers mostly run as root.

For root there are two ways, neither of which adds users or opens folders. In a user namespace of
its own, the server believes to be somebody else while its files stay root's; container engines
often forbid that. Then it runs as `nobody`, with whatever `nobody` cannot reach kept in /var/lib.
"""

import ctypes
import functools
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded.layout import EmbeddedError

_CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Account:
    """How a server's process changes who it is; by default not at all."""

    user: int | None = None
    group: int | None = None
    enter: Callable[[], None] | None = None
    """Runs in the child between fork and exec."""

    def own(self, path: Path) -> None:
        """Give a folder and all in it to the account, where root may do so and it is not so yet."""
        uid = os.geteuid() if self.user is None else self.user
        if os.geteuid() != 0 or path.lstat().st_uid == uid:
            return
        gid = os.getegid() if self.group is None else self.group
        # Bottom up, so that after a crash half-way the top still shows that it is not done.
        for folder, _, files in os.walk(path, topdown=False):
            for name in (".", *files):
                os.lchown(Path(folder, name), uid, gid)

    def reaches(self, path: Path) -> bool:
        """Whether every folder above `path` lets the account pass."""
        if self.user is None:
            return True
        return all(folder.stat().st_mode & 0o001 for folder in path.parents)


def unprivileged() -> Account:
    """The account for a server that must not be root; $FRONTDESK_ROOT_MODE forces the way."""
    if os.geteuid() != 0:
        return Account()
    mode = os.environ.get("FRONTDESK_ROOT_MODE")
    if mode not in (None, "", "namespace", "nobody"):
        raise EmbeddedError(f"FRONTDESK_ROOT_MODE is {mode!r}; it may be namespace or nobody")
    nobody = _nobody()
    if mode == "namespace" or (not mode and _namespaces_work()):
        return Account(enter=functools.partial(_enter_namespace, nobody.pw_uid))
    return Account(user=nobody.pw_uid, group=nobody.pw_gid)


def _nobody() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and this system has no user `nobody`: "
            "run as another user"
        ) from None


@functools.cache
def _namespaces_work() -> bool:
    if sys.platform != "linux":
        return False
    enter = functools.partial(_enter_namespace, _nobody().pw_uid)
    try:
        subprocess.run(["/bin/true"], preexec_fn=enter, check=True)
    except (subprocess.SubprocessError, OSError):
        return False
    return True


def _enter_namespace(uid: int) -> None:
    """Become `uid` in a new user namespace, which is the caller everywhere outside."""
    inside, outside = uid, (os.geteuid(), os.getegid())
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWUSER)")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside[0]} 1"),
        ("gid_map", f"{inside} {outside[1]} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
