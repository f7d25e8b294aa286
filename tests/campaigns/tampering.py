"""Changes to the files of virtual cartridges as nobody should make them (drives/virtual/cartridge_format.hpp)."""
import os
import re


def swap_contents(one, other):
    for name in ("data.000000", "index"):
        os.rename(one / name, one / "swap")
        os.rename(other / name, one / name)
        os.rename(one / "swap", other / name)


def rewrite_medium(path, old, new):
    """A cartridge's own text file with another volume tag and the right checksum."""
    text = re.sub(r"check [0-9a-f]{8}\n$", "", path.read_text()).replace(f"volume-tag {old}", f"volume-tag {new}")
    path.write_text(text + f"check {crc32c(text.encode()):08x}\n")


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def write_tape(directory, blocks):
    """The files of a virtual cartridge with these blocks and a filemark."""
    offset, index = 0, b""
    for number, block in enumerate([*blocks, b""]):
        head = offset.to_bytes(8, "little") + len(block).to_bytes(3, "little") + (b"B" if block else b"F")
        tail = bytes(8) + bytes(8)
        index += head + crc32c(head + tail + number.to_bytes(8, "little")).to_bytes(4, "little") + tail
        offset += len(block)
    (directory / "data.000000").write_bytes(b"".join(blocks))
    (directory / "index").write_bytes(index)
