//! nginx, as a control plane that is well, and as everything that is found at its address instead.

use std::collections::BTreeMap;

use super::process::{DIR, Server};
use crate::harness::{HOSTNAME, Leaf, PORT, Pki, Place, live_at};

/// What a control plane that is well answers to `GET /health`.
pub(super) const HEALTH: &str = r#"{"status":"ok","db":"connected","version":"0.1.0"}"#;

/// What it answers to the heartbeat of an agent that it knows.
pub(super) fn heartbeat() -> String {
    let now = chrono::Utc::now().to_rfc3339();
    format!(
        r#"{{"status":"ok","registered_as":"{HOSTNAME}","server_time":"{now}","pending_tasks":0}}"#
    )
}

/// What nginx serves on port 8000.
pub(crate) struct Site {
    leaf: Option<Leaf>,
    client_ca: Option<String>,
    directives: String,
    /// What it does at a path.
    paths: BTreeMap<&'static str, String>,
}

impl Site {
    /// A control plane with this certificate: healthy, and with this agent registered if that shows a certificate of `pki`'s.
    pub(crate) fn control_plane(leaf: Leaf, pki: &Pki) -> Self {
        let heartbeat = format!(
            r#"
if ($ssl_client_verify != SUCCESS) {{ return 401 '{{"detail":"client certificate required"}}'; }}
return 200 '{}';"#,
            heartbeat(),
        );
        Self::tls(
            leaf,
            r#"location / { return 404 '{"detail":"Not Found"}'; }"#,
        )
        .asks_for_certificates_of(pki)
        .at("/health", &format!("return 200 '{HEALTH}';"))
        .at("/agent/heartbeat", &heartbeat)
    }

    /// Anybody's site that answers every request as a healthy control plane answers for its health.
    pub(crate) fn healthy(leaf: Leaf) -> Self {
        Self::tls(leaf, &format!("return 200 '{HEALTH}';"))
    }

    /// A site over TLS, in nginx's own words.
    pub(crate) fn tls(leaf: Leaf, directives: &str) -> Self {
        Self {
            leaf: Some(leaf),
            client_ca: None,
            directives: directives.to_owned(),
            paths: BTreeMap::new(),
        }
    }

    /// A site over plain HTTP, in nginx's own words.
    pub(crate) fn plain(directives: &str) -> Self {
        Self {
            leaf: None,
            client_ca: None,
            directives: directives.to_owned(),
            paths: BTreeMap::new(),
        }
    }

    /// Asks for a client certificate of `pki`'s; what comes is in `$ssl_client_verify` and its like.
    pub(crate) fn asks_for_certificates_of(mut self, pki: &Pki) -> Self {
        self.client_ca = Some(pki.root());
        self
    }

    /// With more of nginx's own words.
    pub(crate) fn with(mut self, directives: &str) -> Self {
        self.directives.push_str(directives);
        self
    }

    /// Does this at a path, in nginx's own words, whatever it did there before.
    pub(crate) fn at(mut self, path: &'static str, directives: &str) -> Self {
        self.paths.insert(path, directives.to_owned());
        self
    }

    /// The configuration, after the files that it names have been put into the place.
    fn install(&self, place: &Place) -> String {
        let mut server = self.directives.clone();
        for (path, directives) in &self.paths {
            server.push_str(&format!("\nlocation = {path} {{ {directives} }}"));
        }
        let mut listen = format!("listen {PORT}; listen [::]:{PORT};");
        if let Some(leaf) = &self.leaf {
            place.put(&format!("{DIR}/web.crt"), "0644", &leaf.chain);
            place.put(&format!("{DIR}/web.key"), "0600", &leaf.key);
            listen = listen.replace(';', " ssl;");
            server.push_str(&format!(
                "\nssl_certificate {DIR}/web.crt; ssl_certificate_key {DIR}/web.key;\n"
            ));
        }
        if let Some(client_ca) = &self.client_ca {
            place.put(&format!("{DIR}/client-ca.crt"), "0644", client_ca);
            server.push_str(&format!(
                "ssl_client_certificate {DIR}/client-ca.crt; ssl_verify_client optional; ssl_verify_depth 3;\n"
            ));
        }
        format!(
            r#"
daemon off; master_process off; pid {DIR}/nginx.pid; error_log stderr;
events {{}}
http {{
  default_type application/json;
  log_format seen 'seen: $request | certificate: $ssl_client_s_dn | authorization: $http_authorization';
  access_log /dev/stdout seen;
  client_body_temp_path {DIR}/b; proxy_temp_path {DIR}/p; fastcgi_temp_path {DIR}/f; uwsgi_temp_path {DIR}/u; scgi_temp_path {DIR}/s;
  server {{ {listen} {server} }}
}}
"#
        )
    }
}

/// nginx with this site. Its output has a line for each request: what was asked, and by whom.
pub(crate) fn nginx(place: &Place, site: &Site) -> Server {
    start(place, site, None)
}

/// The same under another time, such as `+600s`.
pub(crate) fn nginx_at(place: &Place, site: &Site, time: &str) -> Server {
    start(place, site, Some(time))
}

fn start(place: &Place, site: &Site, time: Option<&str>) -> Server {
    let config = format!("{DIR}/nginx.conf");
    place.put(&config, "0644", &site.install(place));
    let mut command = place.command("nginx");
    command.args(["-p", DIR, "-c", &config]);
    if let Some(time) = time {
        live_at(&mut command, time);
    }
    Server::start(command, || place.listens(PORT))
}
