"""What the cases of the campaign bad-input stand on."""
import re
import subprocess

import trial


class Ground:
    """A running installation with labelled cartridges and one saved tree."""

    def __init__(self, name, options, change=None, environment=None):
        self.run = trial.Trial(f"bad-{name}", options.build, change=change, environment=environment)
        self.run.keep = options.keep
        self.name = name
        self.source = self.run.scratch / "source"
        self.source.mkdir()
        for number in range(60):
            (self.source / f"file-{number:02}").write_bytes(f"content {number}\n".encode() * (number * number * 20))
        self.backups = 0

    def up(self, cartridges=4):
        self.run.start()
        self.run.must("media", "label", *[f"CAP{number:03}L8" for number in range(1, cartridges + 1)], "--json", limit=200)
        return self

    def show(self, what, answer):
        print(f"  {what}: status {answer.status}: {answer.text()[:700]}", flush=True)

    def says(self, what, answer, statuses, *words):
        """The status and the words (regular expressions) that thing, fact and act must have left."""
        self.show(what, answer)
        self.run.expect(answer.status in statuses, f"{self.name}: {what}: status {answer.status}, not {' or '.join(map(str, statuses))}")
        for word in words:
            self.run.expect(re.search(word, answer.text(), re.IGNORECASE), f"{self.name}: {what}: the message does not have '{word}': {answer.text()[:300]}")

    def backup(self, pool="Nightly"):
        self.backups += 1
        answer = self.run.capstan("backup", self.source, "--pool", pool, "--name", f"backup-{self.backups}", "--no-wait", "--json", limit=90)
        return answer

    def newest(self):
        sets = [one for one in self.run.must("set", "list", "--json").json()["sets"] if one["type"] == "normal"]
        return sets[0]

    def works(self, what="a backup afterwards"):
        answer = self.backup()
        if not self.run.expect(answer.status == 0, f"{self.name}: {what}: status {answer.status}: {answer.text()[-500:]}"):
            return
        target = self.run.scratch / f"restored-{self.backups}"
        restored = self.run.capstan("restore", f"{self.newest()['set']}:", "--to", target, "--no-wait", "--json", limit=90)
        if self.run.expect(restored.status == 0, f"{self.name}: its restore: status {restored.status}: {restored.text()[-500:]}"):
            found = trial.compare(self.source, f"{target}{self.source}")
            self.run.expect(not found, f"{self.name}: its restore differs: {found}")
        self.run.expect(self.run.alive(), f"{self.name}: the daemon is gone; its log ends: {self.run.log_end()}")

    def daemon(self, *arguments, limit=20):
        """Runs another capstand to its end."""
        try:
            done = subprocess.run([self.run.bin / "capstand", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=limit, check=False)
            return trial.Answer(arguments, done.returncode, done.stdout, done.stderr)
        except subprocess.TimeoutExpired:
            return trial.Answer(arguments, 124, "", "it did not end")

    def medium_of(self, number):
        """The directory of the cartridge that has a set."""
        tag = next(one["media"][0] for one in self.run.must("set", "list", "--json").json()["sets"] if one["set"] == number)
        return self.run.library / "media" / tag

    def finish_waiting(self):
        """Nothing may go on waiting behind the case's back."""
        for job in self.run.must("job", "list", "--running", "--json").json().get("jobs", []):
            self.run.capstan("job", "cancel", str(job["id"]))
        self.run.wait_idle(30)
