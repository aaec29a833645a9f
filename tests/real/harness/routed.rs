//! Three machines in a row, agent — router — server, over IPv4 and IPv6, with a firewall on the router.

use super::world::World;

/// The server's IPv4 address.
pub(crate) const SERVER_V4: &str = "10.99.2.2";
/// The server's IPv6 address.
pub(crate) const SERVER_V6: &str = "fd99:2::2";

/// The three of them.
pub(crate) struct Routed {
    /// Where the doctor runs.
    pub(crate) agent: World,
    /// What stands between.
    pub(crate) router: World,
    /// Where the control plane runs.
    pub(crate) server: World,
}

impl Routed {
    /// Sets the three up and links them; everything passes.
    pub(crate) fn new() -> Self {
        let net = Self {
            agent: World::new(),
            router: World::new(),
            server: World::new(),
        };
        for (machine, port) in [(&net.agent, "agent"), (&net.server, "server")] {
            let (near, far) = (machine.leader(), net.router.leader());
            let link =
                format!("ip link add eth0 netns {near} type veth peer name {port} netns {far}");
            run_on_host(&link);
            // Without this, IPv6 is silent for the second in which the kernel looks for a duplicate of its own address.
            machine
                .shell("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0");
        }
        net.router.shell(
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
             sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.agent.accept_dad=0 net.ipv6.conf.server.accept_dad=0
             ip addr add 10.99.1.1/24 dev agent; ip addr add fd99:1::1/64 dev agent nodad; ip link set agent up
             ip addr add 10.99.2.1/24 dev server; ip addr add fd99:2::1/64 dev server nodad; ip link set server up",
        );
        for (machine, subnet) in [(&net.agent, 1), (&net.server, 2)] {
            machine.shell(&format!(
                "ip addr add 10.99.{subnet}.2/24 dev eth0; ip addr add fd99:{subnet}::2/64 dev eth0 nodad; ip link set eth0 up
                 ip route add default via 10.99.{subnet}.1; ip -6 route add default via fd99:{subnet}::1"
            ));
        }
        net
    }

    /// The link from the router to the agent takes packets of at most so many bytes, and nobody is told.
    pub(crate) fn narrow(&self, mtu: u16) {
        self.router.shell(&format!("ip link set agent mtu {mtu}"));
        self.mute();
    }

    /// The same for IPv6 alone.
    pub(crate) fn narrow_for_ipv6(&self, mtu: u16) {
        self.router
            .shell(&format!("sysctl -qw net.ipv6.conf.agent.mtu={mtu}"));
        self.mute();
    }

    /// The router's own words about packets that are too big do not arrive.
    fn mute(&self) {
        self.router.shell(
            "nft 'add table inet mute; add chain inet mute output { type filter hook output priority 0; }
                  add rule inet mute output icmp type destination-unreachable drop
                  add rule inet mute output icmpv6 type packet-too-big drop'",
        );
    }

    /// Adds a rule to what the router does with packets that pass through it, in nftables' words.
    pub(crate) fn filter(&self, rule: &str) {
        self.router.shell(&format!(
            "nft 'add table inet lab; add chain inet lab forward {{ type filter hook forward priority 0; }}; add rule inet lab forward {rule}'"
        ));
    }

    /// Lets the router turn connections to port 8000 over to whoever listens on this port of its own.
    pub(crate) fn divert_to(&self, port: u16) {
        self.router.shell(&format!(
            "nft 'add table ip divert; add chain ip divert pre {{ type nat hook prerouting priority -100; }}; add rule ip divert pre tcp dport 8000 redirect to :{port}'"
        ));
    }
}

/// Runs a command on the host itself: only to put a link between two places.
fn run_on_host(line: &str) {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap();
    let status = std::process::Command::new(program)
        .args(words)
        .status()
        .unwrap();
    assert!(status.success(), "{line}");
}
