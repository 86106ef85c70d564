//! Starts the host that the environment describes, and ends it on a signal.

use countersign_host::config::Config;
use countersign_host::host::HostError;

#[tokio::main]
async fn main() -> Result<(), HostError> {
    let running = countersign_host::start(&Config::from_environment()).await?;
    println!("listening on http://{}", running.address);
    println!("sign-in is for development only: do not let strangers reach this address");
    tokio::signal::ctrl_c().await?;
    running.stop().await
}
