"""As an application in Python does it: getaddrinfo, then connect to the first address.

Usage: lookup_and_connect.py COUNT PORT NAME...   prints for each name: NAME ADDRESS COUNT
"""
import collections
import socket
import sys


def connect_once(name, port):
    family, kind, protocol, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as connection:
        connection.connect(address)
    return address[0]


def main():
    count, port, names = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    for name in names:
        tally = collections.Counter(connect_once(name, port) for _ in range(count))
        for address, times in tally.items():
            print(name, address, times)


main()
