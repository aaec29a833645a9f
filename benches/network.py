#!/usr/bin/env python3
"""How long a diagnosis of a healthy host takes beside one `curl` of /health, over a network with a delay.

    cargo build --release && sudo benches/network.py [--rounds 40] [--delays 0,20,100]

Needs root, and on Debian: systemd dbus iproute2 unbound curl openssl util-linux (`.ci/packages` has them all).

It boots a machine with a real systemd (`tests/real/sdbox.sh`), links it to a network namespace of its own through a
delay line (two TUN devices and this process between them), and has `lab serve` and a nameserver stand behind that. The
agent in the machine is really enrolled, its service runs, and what is timed is a whole diagnosis with the heartbeat over
mTLS. Doctor and curl take turns, so that whatever else the machine does meets both; both resolve the name anew.

Prints figures and asserts nothing. Everything it makes ends with it, and nothing leaves this machine.
"""
import argparse, ctypes, fcntl, heapq, json, os, select, shutil, signal, statistics, struct, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(sys.argv[0]))
NAME, PORT = 'control-plane.lab.test', 8000
NEAR, FAR = '10.98.7.1', '10.98.7.2'
UNIT = '[Service]\nExecStart=/usr/local/bin/nexplane-agent run --config /etc/nexplane-agent/config.yaml\n[Install]\nWantedBy=multi-user.target\n'
CONFIG = f'''control_plane: https://{NAME}:{PORT}
poll_interval: 5s
log_level: info
cert_path: /etc/nexplane-agent/client.crt
key_path: /etc/nexplane-agent/client.key
ca_cert: /etc/nexplane-agent/ca.crt
'''
# What the checks run, to be started together with curl where there is no delay.
COMMANDS = [
    ['systemctl', 'show', '--no-pager', '--', 'nexplane-agent.service'],
    ['journalctl', '--no-pager', '--output=json', '--all', '--lines', '500', '--unit', 'nexplane-agent.service'],
]


def tun(namespace, address):
    """A TUN device in a namespace, by a file of it. The thread that asks goes there and back."""
    libc = ctypes.CDLL(None, use_errno=True)
    home, there = os.open('/proc/self/ns/net', os.O_RDONLY), os.open(namespace, os.O_RDONLY)
    try:
        if libc.setns(there, 0x40000000):
            raise OSError(ctypes.get_errno(), 'setns')
        device = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, 0x400454CA, struct.pack('16sH14x', b'line0', 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
        subprocess.check_call(['ip', 'addr', 'add', f'{address}/24', 'dev', 'line0'])
        subprocess.check_call(['ip', 'link', 'set', 'line0', 'up'])
    finally:
        libc.setns(home, 0x40000000)
        os.close(home)
        os.close(there)
    return device


class Line(threading.Thread):
    """Carries packets between two devices, each after `delay` seconds."""

    def __init__(self, one, other):
        super().__init__(daemon=True)
        self.to, self.delay = {one: other, other: one}, 0.0

    def run(self):
        waiting, count, poll = [], 0, select.poll()
        for device in self.to:
            poll.register(device, select.POLLIN)
        while True:
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, device, packet = heapq.heappop(waiting)
                try:
                    os.write(device, packet)
                except OSError:
                    pass  # a device that is full drops, as a wire does
            rest = (waiting[0][0] - time.monotonic()) * 1e3 if waiting else 1e3
            # poll(2) counts in milliseconds; the last part of one is not worth a nap.
            for device, _ in poll.poll(max(0, int(rest))):
                try:
                    while True:
                        packet = os.read(device, 65536)
                        if not self.delay:
                            os.write(self.to[device], packet)
                            continue
                        count += 1
                        heapq.heappush(waiting, (time.monotonic() + self.delay, count, self.to[device], packet))
                except OSError:
                    pass


def finish(child):
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class Bench:
    def __init__(self, doctor):
        self.doctor, self.ends = doctor, []
        self.dir = tempfile.mkdtemp(prefix='nexplane-bench-')
        self.ends.append(lambda: shutil.rmtree(self.dir, ignore_errors=True))

    def start(self, command, **options):
        child = subprocess.Popen(command, **options)
        self.ends.append(lambda: finish(child))
        return child

    def inside(self, command, **options):
        return subprocess.run(['nsenter', '--all', '--target', self.leader, '--', *command], check=True, **options)

    def put(self, path, text, mode='0644'):
        self.inside(['install', '-D', '-m', mode, '/dev/stdin', path], input=text.encode())

    def machine(self):
        """The machine that is diagnosed. It ends when the pipe to its keeper is closed."""
        script = os.path.join(HERE, '..', 'tests', 'real', 'sdbox.sh')
        name = f'nexplane-bench-{os.getpid()}'
        box = subprocess.Popen(['bash', script, name, 'web-server-01', self.doctor], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def end():
            box.stdin.close()
            box.wait(30)
        self.ends.append(end)
        self.leader = box.stdout.readline().decode().strip()
        if not self.leader:
            sys.exit('the machine did not come up (are you root?)')

    def far_side(self):
        """The control plane and the nameserver, in a namespace that lives as long as its first process."""
        far = self.start(['unshare', '--net', 'sh', '-c', 'ip link set lo up && echo up && exec cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        far.stdout.readline()
        enter = ['nsenter', f'--net=/proc/{far.pid}/ns/net', '--']
        self.line = Line(tun(f'/proc/{self.leader}/ns/net', NEAR), tun(f'/proc/{far.pid}/ns/net', FAR))
        self.line.start()
        conf = os.path.join(self.dir, 'unbound.conf')
        with open(conf, 'w') as file:
            file.write(f'server:\n directory: "{self.dir}"\n chroot: ""\n username: ""\n pidfile: ""\n use-syslog: no\n interface: {FAR}\n'
                       f' access-control: 0.0.0.0/0 allow\n do-ip6: no\n num-threads: 1\n local-zone: "test." static\n'
                       f' local-data: "{NAME}. 5 A {FAR}"\nremote-control:\n control-enable: no\n')
        self.start([*enter, 'unbound', '-d', '-c', conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        served = self.start([*enter, self.doctor, 'lab', 'serve', '--format', 'json', '-q', '--listen', f'{FAR}:{PORT}'], stdout=subprocess.PIPE)
        self.lab = json.loads(served.stdout.readline())

    def agent(self):
        """Installed, enrolled with a token, its service running."""
        directory = '/etc/nexplane-agent'
        with open(self.lab['ca_cert']) as file:
            self.put(f'{directory}/ca.crt', file.read())
        self.put(f'{directory}/config.yaml', CONFIG)
        self.put('/etc/resolv.conf', f'nameserver {FAR}\n')
        self.put('/usr/local/bin/nexplane-agent', '#!/bin/bash\nfor i in {1..200}; do echo "INFO: heartbeat ok $i"; done\nexec -a nexplane-agent sleep infinity\n', '0755')
        self.put('/etc/systemd/system/nexplane-agent.service', UNIT)
        self.inside(['sh', '-euc', f'openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out {directory}/client.key; chmod 600 {directory}/client.key'])
        csr = self.inside(['openssl', 'req', '-new', '-key', f'{directory}/client.key', '-subj', '/CN=agent'], stdout=subprocess.PIPE).stdout.decode()
        body = {'token': self.lab['tokens'][0], 'csr': csr, 'hostname': 'web-server-01', 'os': 'linux', 'arch': 'amd64', 'agent_version': '0.1.0'}
        answer = self.inside(['curl', '-sS', '--fail', '--retry', '20', '--retry-connrefused', '--retry-all-errors', '--retry-delay', '1', '--cacert', f'{directory}/ca.crt', '--json', json.dumps(body),
                              f'https://{NAME}:{PORT}/agent/enroll'], stdout=subprocess.PIPE).stdout
        self.put(f'{directory}/client.crt', json.loads(answer)['certificate'])
        self.inside(['systemctl', 'enable', '--now', '--quiet', 'nexplane-agent'])

    def end(self):
        for end in reversed(self.ends):
            end()


def run(command):
    """Seconds and KiB at the peak."""
    began = time.perf_counter()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    os.close(null)
    if status:
        sys.exit(f'{command}: ended with {os.waitstatus_to_exitcode(status)}')
    return time.perf_counter() - began, usage.ru_maxrss


def together(commands):
    """Seconds until the last of several commands, started together, has ended."""
    began = time.perf_counter()
    running = [subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for c in commands]
    for child in running:
        child.wait()
    return time.perf_counter() - began


def measure(job):
    """Runs in the machine: takes turns, and says what was measured."""
    curl = ['curl', '-sS', '-o', '/dev/null', '--cacert', '/etc/nexplane-agent/ca.crt', f'https://{NAME}:{PORT}/health']
    doctor = [job['doctor'], '--format', 'json']
    found = {'curl': [], 'doctor': [], 'together': [], 'start': [], 'rss': {}}
    for command in (curl, doctor) * 3:
        run(command)
    for _ in range(job['rounds']):
        for name, command in (('curl', curl), ('doctor', doctor)):
            seconds, peak = run(command)
            found[name].append(seconds)
            found['rss'][name] = max(peak, found['rss'].get(name, 0))
        if job['local']:
            found['together'].append(together([curl, *COMMANDS]))
            found['start'].append(run([job['doctor'], '--version'])[0])
    report = subprocess.run(doctor, capture_output=True).stdout
    found['report'] = json.loads(report)
    json.dump(found, sys.stdout)


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def show(delay, found):
    def both(values, unit=1e3):
        return f'{statistics.median(values) * unit:8.1f} {quantile(values, 0.95) * unit:8.1f}'
    ratios = [doctor / curl for doctor, curl in zip(found['doctor'], found['curl'])]
    print(f'{delay} ms of round trip ({len(ratios)} rounds)       p50      p95')
    print(f'  curl /health, ms            {both(found["curl"])}')
    print(f'  whole diagnosis, ms         {both(found["doctor"])}')
    print(f'  diagnosis / curl            {statistics.median(ratios):8.2f} {quantile(ratios, 0.95):8.2f}')
    if found['together']:
        over = [doctor - slowest for doctor, slowest in zip(found['doctor'], found['together'])]
        print(f'  curl, systemctl, journalctl {both(found["together"])}   started together, until the last has ended')
        print(f'  diagnosis minus that, ms    {both(over)}')
        print(f'  --version, ms               {both(found["start"])}')
    print(f'  peak memory, KiB             {found["rss"]["curl"]:7} curl {found["rss"]["doctor"]:7} doctor')
    report = found['report']
    checks = ', '.join(f'{check["id"]} {check["status"]}' for check in report['checks'] if check['status'] != 'pass')
    print(f'  what it found: {report["verdict"]}, every check pass but {checks or "none"}', flush=True)


def main():
    if sys.argv[1:2] == ['--inside']:
        return measure(json.loads(sys.argv[2]))
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument('--rounds', type=int, default=40)
    arguments.add_argument('--delays', default='0,20,100', help='round trips in ms')
    arguments.add_argument('--doctor', default=os.path.join(HERE, '..', 'target', 'release', 'nexplane-doctor'))
    arguments.add_argument('--hold', action='store_true', help='stand it up, say how to enter, and wait for the end of standard input')
    options = arguments.parse_args()
    bench = Bench(os.path.realpath(options.doctor))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        bench.machine()
        bench.far_side()
        bench.agent()
        if options.hold:
            bench.line.delay = float(options.delays.split(',')[0]) / 2e3
            print(bench.leader, flush=True)
            sys.stdin.read()
            return
        with open(os.path.abspath(__file__), 'rb') as file:
            source = file.read()
        for delay in (float(text) for text in options.delays.split(',')):
            bench.line.delay = delay / 2e3
            job = json.dumps({'doctor': bench.doctor, 'rounds': options.rounds, 'local': not delay})
            output = bench.inside(['python3', '-', '--inside', job], input=source, stdout=subprocess.PIPE).stdout
            show(f'{delay:g}', json.loads(output))
    finally:
        bench.end()


if __name__ == '__main__':
    main()
