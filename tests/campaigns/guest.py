"""A QEMU guest (software emulation): Debian's kernel, a file system in memory made of installed programs, a serial console."""
import collections
import os
import pathlib
import shutil
import subprocess
import threading
import time

PROGRAMS = ("qemu-system-x86_64", "busybox", "cpio", "modinfo", "strip")
SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options).stdout


def which(program):
    return shutil.which(program, path=SYSTEM_PATH)


def newest_kernel():
    for image in sorted(pathlib.Path("/boot").glob("vmlinuz-*"), reverse=True):
        release = image.name.removeprefix("vmlinuz-")
        if pathlib.Path("/lib/modules", release, "modules.dep").exists():
            return image, release
    return None, None


def missing(programs=(), modules=()):
    """What is not there to make a guest; empty when it can be made."""
    lacking = [name for name in (*PROGRAMS, *programs) if which(name) is None]
    release = newest_kernel()[1]
    if release is None:
        return lacking + ["a kernel with its modules"]
    return lacking + [f"the module {name}" for name in modules
                      if subprocess.run(["modinfo", "-k", release, name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode]


class Initramfs:
    """What the guest boots with. Programs bring their libraries, modules what they rest on."""

    def __init__(self, directory, init, modules):
        self.root = pathlib.Path(directory)
        self.kernel, self.release = newest_kernel()
        for folder in ("bin", "usr/bin", "etc", "proc", "sys", "dev", "tmp", "run", "data", "modules"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy(which("busybox"), self.root / "bin/busybox")
        shutil.copy(init, self.root / "init")
        self.write("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
        self.write("etc/group", "root:x:0:\n")
        self._add_modules(modules)

    def write(self, path, text):
        (self.root / path).write_text(text)

    def add_program(self, path):
        """To /usr/bin of the guest, without debugging information."""
        path = pathlib.Path(path)
        run("strip", "-o", self.root / "usr/bin" / path.name, os.path.realpath(path))
        for word in run("ldd", path, text=True).split():
            if word.startswith("/") and not (self.root / word[1:]).exists():
                (self.root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(os.path.realpath(word), self.root / word[1:])

    def _add_modules(self, modules):
        order = []
        for module in modules:
            for line in run("modprobe", "-S", self.release, "--show-depends", module, text=True, env={**os.environ, "PATH": SYSTEM_PATH}).splitlines():
                words = line.split()
                if words[0] == "insmod" and pathlib.Path(words[1]).name not in order:
                    order.append(pathlib.Path(words[1]).name)
                    shutil.copy(words[1], self.root / "modules")
        self.write("modules/order", "".join(name + "\n" for name in order))

    def pack(self, image):
        with open(image, "wb") as archive:
            names = subprocess.Popen(["find", "."], cwd=self.root, stdout=subprocess.PIPE)
            subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=self.root, stdin=names.stdout, stdout=archive, check=True)
            names.wait()
        shutil.rmtree(self.root)
        return image


def boot(kernel, initramfs, *devices, memory=640, arguments=""):
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", str(memory), "-smp", "1", "-display", "none", "-monitor", "none",
               "-no-reboot", "-nodefaults", "-serial", "stdio", "-kernel", kernel, "-initrd", initramfs, "-append",
               f"console=ttyS0 loglevel=2 panic=-1 random.trust_cpu=on mitigations=off {arguments}", *devices]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Console:
    """Reads one boot's serial console; the lines with @ are the guest's words."""

    def __init__(self, process, log):
        self.process, self.lines, self.other = process, collections.deque(), collections.deque(maxlen=30)
        self.changed = threading.Condition()
        self.over = False
        threading.Thread(target=self._read, args=(log,), daemon=True).start()

    def _read(self, log):
        with open(log, "ab") as copy:
            for line in self.process.stdout:
                copy.write(line)
                copy.flush()
                text = line.decode(errors="replace").rstrip("\r\n")
                with self.changed:
                    at = text.find("@")
                    if at >= 0:
                        self.lines.append(text[at + 1:])
                    else:
                        self.other.append(text)
                    self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def next(self, end):
        """The guest's next line; None when the time is over or the guest has ended."""
        with self.changed:
            while not self.lines:
                left = end - time.monotonic()
                if self.over or left <= 0:
                    return None
                self.changed.wait(left)
            return self.lines.popleft()
