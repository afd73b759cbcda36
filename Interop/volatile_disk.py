"""A disk with a volatile write cache, and a real file system on it: a power cut loses what no flush covered.

The disk is one file of a FUSE file system that a process of ours serves; a loop device with direct I/O stands on the
file, so that each write and each flush of the file system above arrives here as one request. What was written since
the last flush is remembered as pending. At a power cut every pending write is kept, lost or torn at sectors by chance,
later ones too when earlier ones are lost; from then on all requests fail, until the power comes back.

Needs root, /dev/fuse, loop devices and mkfs of the file system: `why_not` says what is missing.
"""
import ctypes
import errno
import mmap
import multiprocessing
import os
import pathlib
import random
import select
import shutil
import stat
import struct
import subprocess
import tempfile
import time

SECTOR = 512
MAKERS = {
    # Only ext4 and xfs have a journal; ext2 cannot reserve space either.
    "ext2": ["mkfs.ext2", "-q", "-F", "-m", "0", "-b", "4096"],
    "ext4": ["mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
}

# Requests of the FUSE protocol (include/uapi/linux/fuse.h), as many as a single file takes.
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC = 1, 2, 3, 4, 14, 15, 16, 17, 18, 20
FLUSH, INIT, OPENDIR, ACCESS, BATCH_FORGET = 25, 26, 27, 34, 42
REQUEST = struct.Struct("<IIQQIIIHH")
ANSWER = struct.Struct("<IiQ")
ROOT, FILE = 1, 2
DIRECT_IO = 1  # FOPEN_DIRECT_IO: nothing of the file stays in the page cache
LARGEST_WRITE = 1 << 20


class Medium:
    """The bytes of the disk: as they are read, as they are after a power cut, and what makes the difference."""

    def __init__(self, size):
        self.size = size
        self.current, self.durable = mmap.mmap(-1, size), mmap.mmap(-1, size)
        self.pending = []
        self.flushes = 0

    def write(self, offset, data):
        self.current[offset:offset + len(data)] = data
        self.pending.append((offset, data))

    def flush(self):
        self.flushes += 1
        for offset, data in self.pending:
            self.durable[offset:offset + len(data)] = data
        self.pending.clear()

    def cut(self, generator):
        """Loses pending writes by chance; returns how many there were and how many were kept whole."""
        keep, tear = generator.choice([(0.0, 0.0), (0.5, 0.2), (0.9, 0.1), (0.2, 0.6), (1.0, 0.0)])
        kept = 0
        for offset, data in self.pending:
            if generator.random() < keep:
                self.durable[offset:offset + len(data)] = data
                kept += 1
            elif generator.random() < tear:
                for at in range(0, len(data), SECTOR):
                    if generator.random() < 0.5:
                        self.durable[offset + at:offset + at + SECTOR] = data[at:at + SECTOR]
        for offset, data in self.pending:
            self.current[offset:offset + len(data)] = self.durable[offset:offset + len(data)]
        count = len(self.pending)
        self.pending.clear()
        return count, kept


class Server:
    """Answers the kernel's requests for the one file, until the file system is unmounted."""

    def __init__(self, device, control, size):
        self.device, self.control = device, control
        self.medium = Medium(size)
        self.has_power = True

    def run(self):
        while True:
            readable, _, _ = select.select([self.device, self.control], [], [])
            if self.control in readable:
                try:
                    name, argument = self.control.recv()
                except EOFError:
                    return
                self.control.send(getattr(self, name)(argument))
            if self.device in readable:
                try:
                    request = os.read(self.device, LARGEST_WRITE + (64 << 10))
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        return
                    if error.errno in (errno.EINTR, errno.ENOENT, errno.EAGAIN):
                        continue
                    raise
                self._answer(request)

    def cut(self, _):
        """The power goes: nothing that arrives from now on is taken."""
        self.has_power = False
        return len(self.medium.pending)

    def restore(self, seed):
        """The power comes back: the disk holds what survived."""
        result = self.medium.cut(random.Random(seed))
        self.has_power = True
        return result

    def _answer(self, request):
        _, code, unique, node, _, _, _, _, _ = REQUEST.unpack_from(request)
        if code in (FORGET, BATCH_FORGET):
            return
        try:
            body, error = self._result(code, node, request[REQUEST.size:]), 0
        except OSError as failure:
            body, error = b"", failure.errno
        try:
            os.write(self.device, ANSWER.pack(ANSWER.size + len(body), -error, unique) + body)
        except OSError as failure:
            if failure.errno != errno.ENOENT:  # ENOENT: whoever asked was interrupted.
                raise

    def _result(self, code, node, body):
        if code == INIT:
            major, minor, read_ahead, _ = struct.unpack_from("<IIII", body)
            if major < 7 or (major == 7 and minor < 23):
                raise OSError(errno.EPROTO, "FUSE before 7.23")
            flags = 1 << 5 | 1 << 22  # FUSE_BIG_WRITES, FUSE_MAX_PAGES
            return struct.pack(
                "<IIIIHHIIHHI28x", 7, 31, read_ahead, flags, 16, 12, LARGEST_WRITE, 1, LARGEST_WRITE // 4096, 0, 0)
        if code == LOOKUP:
            if body.rstrip(b"\0") != b"disk":
                raise OSError(errno.ENOENT, "no such file")
            return struct.pack("<QQQQII", FILE, 0, 3600, 3600, 0, 0) + self._attributes(FILE)
        if code in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + self._attributes(node)
        if code in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, DIRECT_IO if code == OPEN else 0, 0)
        if code == STATFS:
            blocks = self.medium.size // 4096
            return struct.pack("<QQQQQIIII24x", blocks, 0, 0, 1, 0, 4096, 255, 4096, 0)
        if code in (RELEASE, FLUSH, ACCESS):
            return b""
        if code not in (READ, WRITE, FSYNC):
            raise OSError(errno.ENOSYS, "not for a disk")
        if not self.has_power:
            raise OSError(errno.EIO, "no power")
        if code == FSYNC:
            self.medium.flush()
            return b""
        _, offset, size = struct.unpack_from("<QQI", body)
        if code == READ:
            return self.medium.current[offset:min(offset + size, self.medium.size)]
        self.medium.write(offset, body[40:40 + size])
        return struct.pack("<II", size, 0)

    def _attributes(self, node):
        mode, links, size = (stat.S_IFDIR | 0o755, 2, 0) if node == ROOT else (
            stat.S_IFREG | 0o600, 1, self.medium.size)
        return struct.pack(
            "<QQQQQQIIIIIIIIII", node, size, size // SECTOR, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def why_not(file_system="ext4"):
    """What this machine lacks for a disk of ours; an empty text when it lacks nothing."""
    if os.geteuid() != 0:
        return "only root may mount file systems"
    for path in ("/dev/fuse", "/dev/loop-control"):
        if not os.path.exists(path):
            return f"there is no {path}"
    for program in (MAKERS[file_system][0], "losetup", "mount", "umount"):
        if not shutil.which(program):
            return f"there is no {program}"
    known = pathlib.Path("/proc/filesystems").read_text().split()
    if file_system not in known or "fuse" not in known:
        return f"the kernel knows no {file_system if 'fuse' in known else 'fuse'}"
    try:
        with Disk(16 << 20 if file_system == "ext4" else 300 << 20, file_system):
            return ""
    except (OSError, subprocess.SubprocessError) as error:
        return f"a disk could not be made: {describe(error)}"


def describe(error):
    """What a program said that failed, else the error itself."""
    said = getattr(error, "stderr", None)
    return said.strip() if said else str(error)


class MountedDisk:
    """A file system of its own size on a loop device over a file, mounted at `root`."""

    def __init__(self, size, file_system="ext4"):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="apus-disk-"))
        self.root = self.directory / "root"
        self.file_system, self.loop, self._is_mounted = file_system, None, False
        try:
            self.root.mkdir()
            self.image = self._make(size)
            self._attach()
            run(*MAKERS[file_system], self.loop)
            self._mount()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _make(self, size):
        """Makes the file that the loop device stands on."""
        image = self.directory / "disk"
        with open(image, "wb") as file:
            file.truncate(size)
        return image

    def _attach(self):
        self.loop = run("losetup", "--find", "--show", "--direct-io=on", self.image).strip()

    def _detach(self):
        if self.loop:
            run("losetup", "--detach", self.loop)
            self.loop = None

    def _mount(self):
        run("mount", "-t", self.file_system, self.loop, self.root)
        self._is_mounted = True

    def remount(self, option):
        """`ro` or `rw`."""
        run("mount", "-o", f"remount,{option}", self.root)

    def _unmount(self):
        # Whoever was killed a moment ago may still be on its way out.
        for attempt in range(1200):
            try:
                run("umount", self.root)
                break
            except subprocess.CalledProcessError:
                if attempt == 1199:
                    raise
                time.sleep(0.05)
        self._is_mounted = False

    def close(self):
        """Takes everything down again."""
        if self._is_mounted:
            self._unmount()
        self._detach()
        self._remove()
        shutil.rmtree(self.directory)

    def _remove(self):
        """What ends with the disk besides its file."""


class Disk(MountedDisk):
    """A disk whose power can be cut."""

    def __init__(self, size, file_system="ext4"):
        self._fuse = self._control = self._process = None
        super().__init__(size, file_system)

    def _make(self, size):
        mount_point = self.directory / "fuse"
        mount_point.mkdir()
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"apus-disk", str(mount_point).encode(), b"fuse", 2 | 4, options) != 0:  # MS_NOSUID | MS_NODEV
            number = ctypes.get_errno()
            os.close(device)
            raise OSError(number, os.strerror(number), "mount fuse")
        self._fuse = mount_point
        context = multiprocessing.get_context("fork")
        self._control, other = context.Pipe()

        def serve():
            self._control.close()
            Server(device, other, size).run()

        self._process = context.Process(target=serve, daemon=True)
        self._process.start()
        other.close()
        os.close(device)
        return mount_point / "disk"

    def _ask(self, name, argument=None):
        self._control.send((name, argument))
        return self._control.recv()

    def cut(self):
        """Cuts the power: whatever is still written fails. Returns how many writes no flush had covered."""
        return self._ask("cut")

    def restore(self, seed):
        """Gives the power back and mounts what survived; returns the numbers of writes at risk and of those kept.

        Nobody may have files of the file system open any more."""
        self._unmount()
        self._detach()
        result = self._ask("restore", seed)
        self._attach()
        self._mount()
        return result

    def _remove(self):
        if self._fuse:
            run("umount", self._fuse)
            self._fuse = None
        if self._process:
            self._control.close()
            self._process.join(60)
            if self._process.is_alive():
                self._process.kill()


def run(*command):
    """Runs a program and returns what it printed."""
    return subprocess.run(
        [str(part) for part in command], check=True, capture_output=True, text=True, timeout=300).stdout
