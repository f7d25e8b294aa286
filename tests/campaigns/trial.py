"""What the campaigns share: a daemon of their own on a private virtual library, its client, and a list of violations."""
import atexit
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


class CampaignError(Exception):
    """The campaign cannot go on: the daemon does not start, a step that must work does not."""


class Answer:
    def __init__(self, arguments, status, out, err):
        self.arguments, self.status, self.out, self.err = arguments, status, out, err

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            return {}

    def text(self):
        return " ".join((self.err + " " + self.out).split())


class Trial:
    """A scratch directory below /var/tmp with configuration, state, library and log; removed when the program ends."""

    made = []  # all of this program

    def __init__(self, name, build, environment=None, change=None):
        Trial.made.append(self)
        self.bin = pathlib.Path(build).resolve() / "bin"
        for program in ("capstand", "capstan"):
            if not (self.bin / program).exists():
                raise SystemExit(f"{self.bin}/{program} does not exist; build it (tools/quickstart) or name --build DIR")
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=f"capstan-{name}.", dir="/var/tmp"))
        self.keep = False
        self.process = None
        self.starts = 0
        self.violations = []
        atexit.register(self.close)
        made = subprocess.run([ROOT / "tools/scripts/trial-config", self.scratch], stdout=subprocess.PIPE, text=True, check=True,
                              env={**os.environ, **(environment or {})})
        self.config = self.scratch / "capstan.yaml"
        self.config.write_text(change(made.stdout) if change else made.stdout)
        self.socket = self.scratch / "api.sock"
        self.log = self.scratch / "capstand.log"
        self.library = self.scratch / "library"
        self.state = self.scratch / "state"

    def use_iscsi(self, library):
        """The configuration with this library in place of the embedded one; its drives are LUN 1 and 2."""
        text = re.sub(r"    changer:\n(      .*\n)+", f"    changer: {library.changer_yaml()}\n", self.config.read_text())
        self.config.write_text(text.replace("element: 1}", "element: 1, lun: 1}").replace("element: 2}", "element: 2, lun: 2}"))

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.keep:
            print(f"everything is left in {self.scratch}")
        elif self.scratch.exists():
            subprocess.run([ROOT / "tools/scripts/remove-tree", self.scratch], check=False)

    def violation(self, what):
        self.violations.append(what)
        print(f"VIOLATION: {what}", flush=True)

    def expect(self, holds, what):
        if not holds:
            self.violation(what)
        return holds

    def result(self):
        """The exit status of the campaign; what went wrong stays for a look."""
        for what in self.violations:
            print(f"violation: {what}")
        self.keep = self.keep or bool(self.violations)
        return 1 if self.violations else 0

    # The daemon.
    def start(self, limit=60, environment=None):
        """Starts the daemon and waits until it answers; gives the seconds that took."""
        self.starts += 1
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.bin / "capstand", "--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})
        while time.monotonic() - begun < limit:
            if self.process.poll() is not None:
                raise CampaignError(f"the daemon ended by itself with status {self.process.returncode}; its log ends: {self.log_end()}")
            if self.capstan("status", "--json").status == 0:
                return time.monotonic() - begun
            time.sleep(0.05)
        raise CampaignError(f"the daemon does not answer after {limit} s; its log ends: {self.log_end()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, limit=60):
        """An ordered end by SIGTERM; gives the daemon's exit status."""
        self.process.terminate()
        try:
            status = self.process.wait(timeout=limit)
            self.expect(status == 0, f"the daemon ended with status {status} after SIGTERM; its log ends: {self.log_end(12)}")  # a sanitizer's word
            return status
        except subprocess.TimeoutExpired:
            self.violation(f"SIGTERM did not end the daemon in {limit} s")
            self.kill()
            return -9

    def alive(self):
        return self.process.poll() is None

    def log_end(self, lines=4):
        text = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return " | ".join(text[-lines:])

    # The client.
    def client(self, *arguments, **options):
        """Starts the client without waiting for its end."""
        return subprocess.Popen([self.bin / "capstan", "--socket", self.socket, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace", **options)

    def finish(self, process, limit=120):
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return Answer(process.args, 124, out, err)
        return Answer(process.args, process.returncode, out, err)

    def capstan(self, *arguments, limit=120):
        return self.finish(self.client(*arguments), limit)

    def must(self, *arguments, limit=120):
        answer = self.capstan(*arguments, limit=limit)
        if answer.status != 0:
            raise CampaignError(f"capstan {' '.join(map(str, arguments))}: status {answer.status}: {answer.text()}")
        return answer

    def label_all(self):
        return self.must("media", "label", "--json", limit=300)

    def media(self):
        return self.must("media", "list", "--json").json()["media"]

    def wait_idle(self, limit=90):
        """Waits until the work queue is empty and no job runs; gives what is left when the time is over."""
        end = time.monotonic() + limit
        while True:
            items = self.must("queue", "list", "--json").json().get("items", [])
            left = [item for item in items if item["state"] not in ("completed", "failed", "cancelled")]
            left += [{"id": job["id"], "operation": "job", "subject": job["kind"], "state": job["state"], "reason": job["reason"]}
                     for job in self.must("job", "list", "--running", "--json").json().get("jobs", [])]
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.2)

    def check_places(self, count):
        """No cartridge in two places, none lost: the library's elements, the media list and the files agree."""
        elements = self.must("library", "show", "LIB1", "--json").json()["elements"]
        inside = [element["cartridge"] for element in elements if element["cartridge"]]
        tags = [element["volume_tag"] for element in elements if element["volume_tag"]]
        self.expect(len(set(inside)) == len(inside), f"a cartridge is in two places of 'library show': {sorted(inside)}")
        self.expect(len(set(tags)) == len(tags), f"a volume tag is in two places of 'library show': {sorted(tags)}")
        self.expect(len(inside) == count, f"'library show' has {len(inside)} cartridges, not {count}")
        media = self.media()
        places = [medium["place"] for medium in media]
        self.expect(len(media) == count, f"'media list' has {len(media)} cartridges, not {count}")
        self.expect(len(set(places)) == len(places), f"two cartridges of 'media list' are in one place: {sorted(places)}")
        for medium in media:
            self.expect(medium["place"].startswith("LIB1 "), f"cartridge {medium['volume_tag']} is at '{medium['place']}', outside of its library")


def compare(left, right):
    """By a program that is not Capstan. Gives the differences, empty when there are none."""
    done = subprocess.run([ROOT / "tools/compare-trees", left, right], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return "" if done.returncode == 0 else done.stdout[-2000:]


def main_guard(main):
    """Runs a campaign; what stops it is a sentence and status 1, not a trace. A time limit's SIGTERM cleans up, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return main()
    except CampaignError as error:
        print(f"the campaign stopped: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


sys.dont_write_bytecode = True
