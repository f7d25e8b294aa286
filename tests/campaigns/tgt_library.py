"""A virtual tape library of others: Debian's tgt as an iSCSI target on loopback, in user space, with a directory of its own."""
import atexit
import os
import pathlib
import shutil
import socket
import subprocess
import time

TARGET = "iqn.2026-11.test.capstan:tgt"
CHANGER_LUN = 3  # the drives are LUN 1 and 2; LUN 0 is tgt's own
ROBOT, SLOTS_FROM = 3, 4  # element addresses; the drives are 1 and 2


def missing():
    """Why it cannot run here; empty when it can."""
    for program in ("tgtd", "tgtadm", "tgtimg"):
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin"):
            return f"{program} is not installed (package tgt)"
    if os.geteuid() != 0:
        return "tgtd needs root"
    return ""


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class TgtLibrary:
    """Two drives, a robot, one slot per cartridge. `sizes` are the cartridges' capacities in MB."""

    def __init__(self, directory, sizes, drives=2):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.port = free_port()
        self.control = str(1 + self.port % 32766)  # the number in the name of its control socket, a positive 16-bit one
        self.tags = [f"TGT{number:03}L8" for number in range(1, len(sizes) + 1)]
        for tag, size in zip(self.tags, sizes):
            self._run("tgtimg", "--op", "new", "--device-type", "tape", "--barcode", tag, "--size", str(size), "--type", "data",
                      "--file", self.directory / tag)
        pathlib.Path("/var/run/tgtd").mkdir(exist_ok=True)
        self.log = open(self.directory / "tgtd.log", "ab")
        self.process = None
        atexit.register(self.stop)
        self.start()
        self._build(drives)

    @property
    def portal(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        self.process = subprocess.Popen(["tgtd", "-f", "-C", self.control, "--iscsi", f"portal={self.portal}"], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env={**os.environ, "PATH": path})
        for _ in range(100):
            if self._admin("--op", "show", "--mode", "system", check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError(f"tgtd does not answer; see {self.log.name}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()  # it does not heed SIGTERM while initiators are there
            self.process.wait()

    def alive(self):
        return self.process.poll() is None

    def changer_yaml(self):
        return f'{{iscsi: {{portal: "{self.portal}", target: "{TARGET}", lun: {CHANGER_LUN}}}}}'

    @staticmethod
    def _run(*command, check=True):
        path = os.environ.get("PATH", "") + ":/usr/sbin"
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, "PATH": path})
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout.strip()}")
        return done

    def _admin(self, *words, check=True):
        return self._run("tgtadm", "-C", self.control, "--lld", "iscsi", *words, check=check)

    def _unit(self, operation, lun, *words):
        self._admin("--mode", "logicalunit", "--op", operation, "--tid", "1", "--lun", str(lun), *words)

    def _build(self, drives):
        self._admin("--mode", "target", "--op", "new", "--tid", "1", "-T", TARGET)
        for lun in range(1, drives + 1):
            self._unit("new", lun, "-b", self.directory / self.tags[lun - 1], "--device-type=tape")
            self._unit("update", lun, "--params", "online=0")
        robot = self.directory / "robot"
        robot.write_bytes(bytes(1024))
        self._unit("new", CHANGER_LUN, "-b", robot, "--device-type=changer")
        parameters = [f"media_home={self.directory}", f"element_type=4,start_address=1,quantity={drives}"]
        parameters += [f"element_type=4,address={lun},tid=1,lun={lun}" for lun in range(1, drives + 1)]
        parameters += [f"element_type=1,start_address={ROBOT},quantity=1",
                       f"element_type=2,start_address={SLOTS_FROM},quantity={len(self.tags)}"]
        parameters += [f"element_type=2,address={SLOTS_FROM + at},barcode={tag},sides=1" for at, tag in enumerate(self.tags)]
        for parameter in parameters:
            self._unit("update", CHANGER_LUN, "--params", parameter)
        self._admin("--mode", "target", "--op", "bind", "--tid", "1", "-I", "ALL")
