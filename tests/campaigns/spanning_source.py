"""A tree that does not fit on one cartridge."""
import os
import random


def make_source(directory, mib):
    """Files of all sizes, one of them larger than a cartridge, in an order that lets small and large ones meet a medium's end."""
    chance = random.Random(mib)
    directory.mkdir()
    left = mib << 20
    number = 0
    while left > 0:
        size = min(left, (mib << 20) * 6 // 10 if number == 40 else chance.choice((0, 100, 5000, 70_000, 1 << 20, 3_333_333)))
        folder = directory / f"d{number % 7}"
        folder.mkdir(exist_ok=True)
        with open(folder / f"file-{number}", "wb") as file:
            for at in range(0, size, 1 << 20):
                file.write(chance.randbytes(min(1 << 20, size - at)))
        left -= max(size, 1)
        number += 1
    os.link(directory / "d0/file-0", directory / "d6/link-to-the-first")
