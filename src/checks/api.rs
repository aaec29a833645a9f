//! How a check asks the control plane over the strict connection, with everything that the agent's own connection is made of.

use super::{Known, config, environment, proxy, tcp};
use crate::host::{ApiAnswer, ApiCall, ApiQuestion, Host, HostPath};

/// Asks; nothing if no control plane is known or no address of it works.
pub(super) async fn call(
    host: &dyn Host,
    known: &Known,
    identity: Option<(HostPath, HostPath)>,
    call: ApiCall,
) -> Option<ApiAnswer> {
    let told = config::told(known);
    let control_plane = told.control_plane?;
    let connected = known.get::<tcp::Connected>()?;
    let environment = environment::of_agent(host, known).await;
    let question = ApiQuestion {
        origin: control_plane.to_string(),
        addresses: connected.working.clone(),
        ca_cert: told.ca_cert,
        ssl_cert_file: environment.get("SSL_CERT_FILE").map(Into::into),
        ssl_cert_dir: environment.get("SSL_CERT_DIR").map(str::to_owned),
        identity,
        via: proxy::of_agent(host, known).await.via(),
        call,
    };
    Some(host.api(question).await)
}
