//! How a check asks the control plane over the strict connection, with everything that the agent's own connection is made of.

use super::{Known, config, dns, environment, proxy, tcp};
use crate::host::{ApiAnswer, ApiCall, ApiQuestion, Host, HostPath};

/// Asks; nothing if no control plane is known, or no address of it.
///
/// Whoever asks before `tcp` is judged tries the name's addresses as the agent does; after it, those that work.
pub(super) async fn call(
    host: &dyn Host,
    known: &Known,
    identity: Option<(HostPath, HostPath)>,
    call: ApiCall,
) -> Option<ApiAnswer> {
    let told = config::told(known);
    let control_plane = told.control_plane?;
    let environment = environment::of_agent(host, known).await;
    let way = proxy::of_agent(host, known).await;
    let addresses = match known.get::<tcp::Connected>() {
        Some(connected) => connected.working.clone(),
        None if !way.is_known() => return None,
        // Behind a proxy both are the proxy's.
        None => {
            let (_, port) = way.peer(&control_plane);
            known.get::<dns::Resolved>()?.at(port)
        }
    };
    let question = ApiQuestion {
        origin: control_plane.to_string(),
        addresses,
        ca_cert: told.ca_cert,
        ssl_cert_file: environment.get("SSL_CERT_FILE").map(Into::into),
        ssl_cert_dir: environment.get("SSL_CERT_DIR").map(str::to_owned),
        identity,
        via: way.via(),
        call,
    };
    Some(host.api(question).await)
}
