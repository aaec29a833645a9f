//! The usual situation: a world with an installed agent, a nameserver, and what stands at the control plane's address.

use std::ops::Deref;

use super::{Agent, Curl, Pki, Server, Site, SystemdBox, World, curl, nginx, nginx_at, unbound};

/// It stands as long as this is held.
pub(crate) struct Scene {
    /// What the agent meets, where that is asked for.
    pub(crate) web: Server,
    _nameserver: Server,
    world: World,
}

impl Scene {
    /// This agent, and nginx with this site on loopback.
    pub(crate) fn new(agent: &Agent, site: &Site) -> Self {
        Self::set(World::new(), agent, site, nginx)
    }

    /// The same, and the site lives at another time, such as `+600s`.
    pub(crate) fn at(time: &str, agent: &Agent, site: &Site) -> Self {
        Self::set(World::new(), agent, site, |place, site| {
            nginx_at(place, site, time)
        })
    }

    /// The same in a world that has been prepared.
    pub(crate) fn within(world: World, agent: &Agent, site: &Site) -> Self {
        Self::set(world, agent, site, nginx)
    }

    fn set(
        world: World,
        agent: &Agent,
        site: &Site,
        serve: impl Fn(&super::Place, &Site) -> Server,
    ) -> Self {
        agent.install(&world);
        Self {
            web: serve(&world, site),
            _nameserver: unbound(&world, &["127.0.0.1"]),
            world,
        }
    }
}

impl Deref for Scene {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

/// A box with a control plane that is well, and its PKI.
pub(crate) fn boot() -> (SystemdBox, Pki, [Server; 2]) {
    let machine = SystemdBox::new();
    let pki = Pki::new();
    let servers = [
        unbound(&machine, &["127.0.0.1"]),
        nginx(&machine, &Site::control_plane(pki.leaf().make(), &pki)),
    ];
    (machine, pki, servers)
}

/// Such a box with this agent in it, its service enabled and started, however that went.
pub(crate) fn boot_with(agent: impl FnOnce(Agent) -> Agent) -> (SystemdBox, [Server; 2]) {
    let (machine, pki, servers) = boot();
    agent(Agent::enrolled(&pki)).install(&machine);
    assert_eq!(curl(&machine), Curl::Answer(200));
    machine.systemctl("daemon-reload");
    machine.shell("systemctl enable nexplane-agent 2>/dev/null; systemctl start nexplane-agent 2>/dev/null || true");
    (machine, servers)
}
