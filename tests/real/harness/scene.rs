//! The usual situation: a world with an installed agent, a nameserver, and what stands at the control plane's address.

use std::ops::Deref;

use super::{Agent, Server, Site, World, nginx, nginx_at, unbound};

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
