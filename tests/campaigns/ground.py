"""What the cases of the campaigns bad-input and overwriting stand on."""
import argparse
import re
import subprocess
import time

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


def run_cases(cases, about):
    """The program of a campaign: each case gets a ground of its own and gives its Trial; what it found makes the exit status."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=cases, help="only this case; may be repeated")
    parser.add_argument("--build", default=trial.ROOT / "build/release", help="directory with bin/capstand and bin/capstan")
    parser.add_argument("--keep", action="store_true", help="leave the scratch directories")
    options = parser.parse_args()
    violations = []
    begun = time.monotonic()
    chosen = options.only or list(cases)
    for name in chosen:
        print(f"{name}", flush=True)
        started = time.monotonic()
        before = len(trial.Trial.made)
        try:
            cases[name](options)
        except (trial.CampaignError, OSError, KeyError, IndexError, StopIteration) as error:
            print(f"VIOLATION: {name}: stopped by {type(error).__name__}: {error}")
            violations.append(f"{name}: stopped by {type(error).__name__}: {error}")
        for run in trial.Trial.made[before:]:
            violations += run.violations
            run.keep = run.keep or bool(run.violations)
            run.close()
        print(f"  {time.monotonic() - started:.1f} s", flush=True)
    for what in violations:
        print(f"violation: {what}")
    print(f"{len(chosen)} cases, {len(violations)} violations, {time.monotonic() - begun:.0f} s")
    return 1 if violations else 0
