"""The virtual library in a process of its own: capstan-vtl as an iSCSI target on loopback. It can be killed and started again on the same portal."""
import atexit
import subprocess

TARGET = "iqn.2026-11.org.capstan:library"


class VtlLibrary:
    """Two drives, 16 slots, one IE port, 12 cartridges, as the trials' embedded library."""

    def __init__(self, binaries, directory, log, capacity="20GiB", early_warning="64MiB", more=()):
        self.command = [binaries / "capstan-vtl", directory, "--drives", "2", "--slots", "16", "--ports", "1", "--cartridges", "12",
                        "--capacity", capacity, "--early-warning", early_warning, *more]
        self.directory = directory
        self.log = open(log, "ab")
        self.process, self.portal = None, "127.0.0.1:0"
        atexit.register(self.kill)
        self.start()

    def start(self):
        self.process = subprocess.Popen([*self.command, "--portal", self.portal], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        for line in self.process.stdout:
            if line.startswith("portal "):
                self.portal = line.split()[1]
                return
        raise RuntimeError(f"capstan-vtl does not start; see {self.log.name}")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def control(self, act):
        """An act of the operator's hands (capstan-vtl --control help); gives its answer."""
        done = subprocess.run([self.command[0], self.directory, "--control", act], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"capstan-vtl --control '{act}': {done.stderr.strip()}")
        return done.stdout

    def alive(self):
        return self.process.poll() is None

    def changer_yaml(self):
        return f'{{iscsi: {{portal: "{self.portal}", target: "{TARGET}"}}}}'
