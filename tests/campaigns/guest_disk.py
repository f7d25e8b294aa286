"""A disk with a volatile cache, as an NBD server in this process: what the guest wrote and did not flush is lost, or kept write by
write at random, when the power is cut. Only what a flush (or a write with FUA) covered is sure."""
import os
import random
import socket
import struct
import threading

NBD_MAGIC, OPTION_MAGIC, REPLY_MAGIC = 0x4E42444D41474943, 0x49484156454F5054, 0x3E889045565A9
REQUEST_MAGIC, SIMPLE_REPLY_MAGIC = 0x25609513, 0x67446698
OPTION_EXPORT_NAME, OPTION_ABORT, OPTION_GO = 1, 2, 7
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
HAS_FLAGS, SEND_FLUSH, SEND_FUA = 1, 4, 8
FLAG_FUA = 1


class Disk:
    """One image file. `unflushed` are the writes since the last flush, oldest first."""

    def __init__(self, image, seed):
        self.file = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.file).st_size
        self.chance = random.Random(seed)
        self.unflushed = []
        self.lock = threading.Lock()
        self.flushes = self.lost = 0

    def read(self, offset, length):
        with self.lock:
            data = bytearray(os.pread(self.file, length, offset))
            for start, written in self.unflushed:
                begin, end = max(offset, start), min(offset + length, start + len(written))
                if begin < end:
                    data[begin - offset:end - offset] = written[begin - start:end - start]
            return bytes(data)

    def write(self, offset, data, sure):
        with self.lock:
            self.unflushed.append((offset, data))
            if sure or len(self.unflushed) > 4000:  # a cache is not endless
                self._settle()

    def flush(self):
        with self.lock:
            self.flushes += 1
            self._settle()

    def _settle(self):
        for offset, data in self.unflushed:
            os.pwrite(self.file, data, offset)
        self.unflushed = []

    def cut(self):
        """The power is gone: each write that was not flushed reached the medium or did not."""
        with self.lock:
            keep = self.chance.choice((0.0, 0.5, 0.9))
            for offset, data in self.unflushed:
                if self.chance.random() < keep:
                    os.pwrite(self.file, data, offset)
                else:
                    self.lost += 1
            self.unflushed = []

    def close(self):
        os.close(self.file)


class Server:
    """Serves a disk on a Unix socket to one guest after the other."""

    def __init__(self, disk, path):
        self.disk, self.path = disk, path
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(2)
        self.connection = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self._handshake(connection):
                self._transmit(connection)
        except (OSError, EOFError):
            pass  # the guest was killed
        connection.close()

    @staticmethod
    def _take(connection, size):
        data = bytearray()
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _handshake(self, connection):
        flags = HAS_FLAGS | SEND_FLUSH | SEND_FUA
        connection.sendall(struct.pack(">QQH", NBD_MAGIC, OPTION_MAGIC, 3))  # fixed newstyle, no zeroes
        self._take(connection, 4)
        while True:
            _, option, length = struct.unpack(">QII", self._take(connection, 16))
            self._take(connection, length)
            if option == OPTION_EXPORT_NAME:
                connection.sendall(struct.pack(">QH", self.disk.size, flags))
                return True
            if option == OPTION_GO:
                info = struct.pack(">HQH", 0, self.disk.size, flags)
                connection.sendall(struct.pack(">QIII", REPLY_MAGIC, option, 3, len(info)) + info)
                connection.sendall(struct.pack(">QIII", REPLY_MAGIC, option, 1, 0))
                return True
            if option == OPTION_ABORT:
                return False
            connection.sendall(struct.pack(">QIII", REPLY_MAGIC, option, (1 << 31) + 1, 0))  # not supported

    def _transmit(self, connection):
        while True:
            _, flags, kind, handle, offset, length = struct.unpack(">IHHQQI", self._take(connection, 28))
            data = b""
            if kind == READ:
                data = self.disk.read(offset, length)
            elif kind == WRITE:
                self.disk.write(offset, self._take(connection, length), flags & FLAG_FUA)
            elif kind == FLUSH:
                self.disk.flush()
            elif kind == DISCONNECT:
                return
            connection.sendall(struct.pack(">IIQ", SIMPLE_REPLY_MAGIC, 0, handle) + data)

    def close(self):
        self.listener.close()
