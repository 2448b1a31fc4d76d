"""The servers that are compared: the same data for each, one worker, no logging, each from a folder of its own."""
import dataclasses
import pathlib

from peers_process import free_port

TTL = 60
FORWARDED_TTL = 86400  # outlasts the run: only cache hits are measured


@dataclasses.dataclass(frozen=True)
class Data:
    """Names with their addresses."""
    zone: str
    services: int
    endpoints: int

    def names(self):
        return [f"svc{number:04}.{self.zone}" for number in range(self.services)]

    def addresses(self, number):
        return [f"10.{number >> 8}.{number & 255}.{host + 1}" for host in range(self.endpoints)]

    def items(self):
        return [(name, self.addresses(number)) for number, name in enumerate(self.names())]


SMALL = Data("bench.local", services=20, endpoints=4)
MANY = Data("bench.local", services=1000, endpoints=100)
FORWARDED = Data("bench.example", services=20, endpoints=4)
MEMORY = {"5 services": Data("bench.local", 5, 4), "100 services of 50 endpoints": Data("bench.local", 100, 50),
          "1,000 services of 100 endpoints": MANY}
RECORDS = 4  # in each answer that is measured


@dataclasses.dataclass
class Server:
    key: str               # gdnsd, unbound-forwarding
    folder: pathlib.Path
    data: Data             # what it is asked for
    records: int = RECORDS
    port: int = dataclasses.field(default_factory=free_port)
    argv: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.folder.mkdir(parents=True)
        self.names_file = self.folder / "names"
        self.write("names", "".join(name + "\n" for name in self.data.names()))

    @property
    def program(self):
        return self.key.partition("-")[0]

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
        return path


def zone_file(data, ttl):
    lines = [f"$ORIGIN {data.zone}.", f"$TTL {ttl}", f"@ SOA ns.{data.zone}. host.{data.zone}. 1 3600 600 86400 60",
             f"@ NS ns.{data.zone}.", "ns A 127.0.0.1"]
    lines += [f"{name}. A {address}" for name, addresses in data.items() for address in addresses]
    return "\n".join(lines) + "\n"


def taskdns(server, binary, upstream=None):
    """Static services without checks. Answers hold 4 records, as everybody's do, also where a service has 100."""
    own = SMALL if upstream else server.data
    lines = ["log: {level: error}", f"listen: {{dns: ['127.0.0.1:{server.port}'], http: []}}",
             f"upstream: {{servers: ['127.0.0.1:{upstream or 9}']}}",
             "defaults: {source: static, port: 80, answer: {size: %d}, health: {check: none}}" % RECORDS, "services:"]
    lines += [f"  - {{name: {name}, addresses: [{', '.join(addresses)}]}}" for name, addresses in own.items()]
    server.argv = [str(binary), "--config", str(server.write("taskdns.yaml", "\n".join(lines) + "\n"))]


def gdnsd(server):
    server.write(f"zones/{server.data.zone}", zone_file(server.data, TTL))
    for folder in ("run", "state"):
        (server.folder / folder).mkdir()
    server.write("config", f"""options => {{
  listen => {{ 127.0.0.1:{server.port} => {{ udp_threads => 1, tcp_threads => 1 }} }}
  run_dir => {server.folder}/run
  state_dir => {server.folder}/state
}}
""")
    server.argv = ["gdnsd", "-c", str(server.folder), "start"]


def knot(server, ttl=TTL):
    server.write("zone", zone_file(server.data, ttl))
    config = server.write("knot.conf", f"""server:
    rundir: {server.folder}
    listen: 127.0.0.1@{server.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: {server.folder}
zone:
  - domain: {server.data.zone}
    storage: {server.folder}
    file: zone
    journal-content: none
    zonefile-load: whole
    zonefile-sync: -1
""")
    server.argv = ["knotd", "-c", str(config)]


def unbound(server, upstream=None):
    lines = ["server:", f'directory: "{server.folder}"', 'chroot: ""', 'username: ""', 'pidfile: ""',
             "use-syslog: no", "verbosity: 0", "do-daemonize: no", "do-ip6: no", "interface: 127.0.0.1",
             f"port: {server.port}", "access-control: 127.0.0.0/8 allow", "num-threads: 1", "incoming-num-tcp: 64",
             "msg-cache-size: 16m", "rrset-cache-size: 32m", "edns-buffer-size: 1232", 'module-config: "iterator"',
             "do-not-query-localhost: no"]
    if upstream:
        lines += ["forward-zone:", 'name: "."', f"forward-addr: 127.0.0.1@{upstream}"]
    else:
        lines += [f'local-zone: "{server.data.zone}." static']
        lines += [f'local-data: "{name}. {TTL} IN A {address}"' for name, addresses in server.data.items()
                  for address in addresses]
    lines += ["remote-control:", "control-enable: no"]
    server.argv = ["unbound", "-d", "-c", str(server.write("unbound.conf", "\n".join(lines) + "\n"))]


def dnsmasq(server, upstream=None):
    server.argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                   "--no-poll", f"--port={server.port}", "--listen-address=127.0.0.1", "--bind-interfaces",
                   "--pid-file=", "--user=", "--log-facility=-", "--cache-size=10000", "--edns-packet-max=1232",
                   f"--local-ttl={TTL}"]
    if upstream:
        server.argv.append(f"--server=127.0.0.1#{upstream}")
    else:
        hosts = server.write("hosts", "".join(f"{address} {name}\n" for name, addresses in server.data.items()
                                              for address in addresses))
        server.argv += [f"--addn-hosts={hosts}", f"--local=/{server.data.zone}/"]


def bare(server, binary):
    server.argv = [str(binary), str(server.port)]
