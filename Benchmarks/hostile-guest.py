#!/usr/bin/env python3
"""A guest that means harm, for tests, the bench and the soak.

usage: hostile-guest.py MODE PORT SOURCE [--pause SECONDS] [--total N]

Attacks 127.0.0.1:PORT from the address SOURCE until it is told to stop (SIGTERM), or until it has
opened N connections; says `attacking` once the attack is under way. With --pause it rests so long after each
step, for a load that leaves the machine usable.

  slowloris     heads that never end, on as many connections as it gets
  connections   connections that never say anything; those that are closed are opened anew
  pipeline      requests without end on a few connections, answers thrown away
  unread        requests for large answers without end, no answer is ever read
  drip          requests of one byte at a time
  half-closed   a request, then its own side is closed; the answer is never read
  reset         connections that are reset, with and without a request on the way
  reconnect     a connection for each request, as fast as it goes
"""
import argparse, errno, os, resource, select, signal, socket, struct, sys, time

HOST = ("127.0.0.1", 0)
GET = b"GET %s HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
SMALL, LARGE = GET % b"/latest/meta-data/", GET % b"/latest/user-data"
OPEN = 400  # connections that the holding attacks keep up: beyond any guest's share


class Attack:
    def __init__(self, options):
        self.options = options
        self.opened = 0
        self.sockets = {}
        self.told = False

    def connect(self):
        s = socket.socket()
        s.setblocking(False)
        try:
            s.bind((self.options.source, 0))
            s.connect((HOST[0], self.options.port))
        except BlockingIOError:
            pass
        except OSError:  # no port or descriptor left: that is our own trouble
            s.close()
            time.sleep(0.01)
            return None
        self.opened += 1
        return s

    def tell(self):
        if not self.told:
            self.told = True
            print("attacking", flush=True)

    def rest(self, least=0):
        time.sleep(max(self.options.pause, least))

    @property
    def is_done(self):
        return self.options.total and self.opened >= self.options.total

    def hold(self, each, count=OPEN, least=0.001):
        """Keeps connections up, and does something on each in turn; `each` says whether it goes on."""
        turn = 0
        while not self.is_done:
            for _ in range(32):
                if len(self.sockets) >= count:
                    break
                s = self.connect()
                if s:
                    self.sockets[s] = 0
            for s in list(self.sockets):
                turn += 1
                try:
                    goes_on = each(s, self.sockets[s])
                    self.sockets[s] += 1
                except BlockingIOError:
                    goes_on = True
                except OSError:
                    goes_on = False
                if not goes_on:
                    s.close()
                    self.sockets.pop(s, None)
                if turn % 64 == 0:
                    self.rest()
            if self.opened >= count or self.opened >= 200:
                self.tell()
            self.rest(least)

    @staticmethod
    def is_closed(s):
        """Whether the other side has closed; what it says is thrown away."""
        try:
            while True:
                if not s.recv(65536):
                    return True
        except BlockingIOError:
            return False

    def slowloris(self):
        def each(s, step):
            s.send(SMALL[:-2] if step == 0 else b"X: y\r\n")
            return not self.is_closed(s)
        self.hold(each, least=0.5)

    def connections(self):
        self.hold(lambda s, step: not self.is_closed(s))

    def drip(self):
        def each(s, step):
            s.send(SMALL[step % len(SMALL):][:1])
            return not self.is_closed(s)
        self.hold(each, least=0.5)

    def half_closed(self):
        def each(s, step):
            if step == 0:
                s.send(SMALL)
                s.shutdown(socket.SHUT_WR)
            return step < 50
        self.hold(each, least=0.05)

    def pipeline(self):
        flood = SMALL * 500
        def each(s, step):
            s.send(flood)
            return not self.is_closed(s)
        self.options.total = self.options.total or 0
        self.told or self.tell()
        self.hold(each, count=8, least=0)

    def unread(self):
        flood = LARGE * 100
        def each(s, step):
            s.send(flood)
            return True
        self.tell()
        self.hold(each, count=100)

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        while not self.is_done:
            for step in range(64):
                s = self.connect()
                if not s:
                    continue
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                try:
                    s.send(SMALL if step % 2 else SMALL[:20])
                except OSError:
                    pass
                s.close()
            self.tell()
            self.rest()

    def reconnect(self):
        request = SMALL.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        while not self.is_done:
            for _ in range(16):
                s = self.connect()
                if not s:
                    continue
                s.settimeout(5)
                try:
                    s.sendall(request)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass
                s.close()
                self.tell()
            self.rest()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("mode")
    parser.add_argument("port", type=int)
    parser.add_argument("source")
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--total", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attack = Attack(options)
    getattr(attack, options.mode.replace("-", "_"))()
    attack.tell()
    print(f"opened {attack.opened}", flush=True)


main()
