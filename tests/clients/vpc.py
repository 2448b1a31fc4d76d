"""The VPC of clients_test.py: the registry's resolver, and backends that say their address, over HTTP and over gRPC.

Usage: vpc.py HTTP_PORT GRPC_PORT GRPC_MAX_AGE_MS ADDRESS... -- ADDRESS...   those behind -- speak gRPC

Reads commands from standard input, and says "done" after each:
  register NAME ADDRESS...   what the resolver on 10.0.1.1:53 says of the name from now on, with a TTL of 1 s
  kill ADDRESS               its connections end, and new ones are refused
  count                      prints how often each question has come since the last time
"""
import asyncio
import collections
import socket
import struct
import sys
from concurrent import futures

import grpc

QUESTION_END = 4  # type and class


class Registry(asyncio.DatagramProtocol):
    """NXDOMAIN for what is not registered."""

    def __init__(self):
        self.names = {}
        self.asked = collections.Counter()

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, query, client):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1: at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        question = query[12: at + 1 + QUESTION_END]
        kind = struct.unpack("!H", question[-4:-2])[0]
        name = ".".join(labels)
        self.asked[name, kind] += 1
        addresses = self.names.get(name)
        records = addresses if addresses and kind == 1 else []
        code = 0 if addresses else 3
        header = query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + socket.inet_aton(a) for a in records)
        self.transport.sendto(header + question + body, client)


class HttpBackend:
    def __init__(self, address, port):
        self.address, self.port = address, port
        self.connections = set()

    async def start(self):
        self.server = await asyncio.start_server(self.serve, self.address, self.port, backlog=256)

    async def serve(self, reader, writer):
        self.connections.add(writer)
        body = self.address.encode() + b"\n"
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                last = b"connection: close" in head.lower() or b"HTTP/1.0" in head
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s" %
                             (len(body), b"close" if last else b"keep-alive", body))
                if last:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(writer)
            writer.close()

    async def kill(self):
        self.server.close()
        for writer in list(self.connections):
            writer.transport.abort()


class GrpcBackend:
    def __init__(self, address, port, max_age_ms):
        who = grpc.unary_unary_rpc_method_handler(lambda request, context: address.encode())
        self.server = grpc.server(futures.ThreadPoolExecutor(2), options=[
            ("grpc.max_connection_age_ms", max_age_ms),
            ("grpc.max_connection_age_grace_ms", 1000),
            ("grpc.http2.min_ping_interval_without_data_ms", 5000),
        ])
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("follow.Greeter", {"Who": who}),))
        if self.server.add_insecure_port(f"{address}:{port}") == 0:
            raise OSError(f"cannot listen on {address}:{port}")

    async def start(self):
        self.server.start()

    async def kill(self):
        self.server.stop(None)


async def command(words, registry, backends):
    if words[0] == "register":
        registry.names[words[1]] = words[2:]
    elif words[0] == "kill":
        await backends[words[1]].kill()
    elif words[0] == "count":
        for (name, kind), times in sorted(registry.asked.items()):
            print(name, kind, times)
        registry.asked.clear()
    print("done", flush=True)


async def main():
    http_port, grpc_port, max_age_ms = (int(argument) for argument in sys.argv[1:4])
    http, of_grpc = " ".join(sys.argv[4:]).split(" -- ")
    backends = {address: HttpBackend(address, http_port) for address in http.split()}
    backends |= {address: GrpcBackend(address, grpc_port, max_age_ms) for address in of_grpc.split()}
    for backend in backends.values():
        await backend.start()
    loop = asyncio.get_running_loop()
    registry = Registry()
    await loop.create_datagram_endpoint(lambda: registry, local_addr=("10.0.1.1", 53))
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    print("done", flush=True)
    while line := await commands.readline():
        await command(line.decode().split(), registry, backends)


asyncio.run(main())
