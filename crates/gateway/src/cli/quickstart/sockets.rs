use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

use super::demo::{SERVICE, demo};
use crate::cli::Exit;
use crate::cli::error::CliError;
use crate::config::{Config, UpstreamAddress};
use crate::listeners::Listeners;
use crate::upstream::EndpointConfig;

/// Everything that quickstart listens on.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) listeners: Listeners,
    pub(super) upstream: TcpListener,
}

impl Sockets {
    /// Binds the addresses that are wanted, or the same ones with another port where one is taken.
    pub(super) async fn bind(
        public: SocketAddr,
        operations: SocketAddr,
        upstream: Option<SocketAddr>,
    ) -> Result<Self, CliError> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self {
            listeners: Listeners {
                public: bind_near(public).await?,
                tls: None,
                operations: bind_near(operations).await?,
            },
            upstream: bind_near(upstream.unwrap_or(anywhere)).await?,
        })
    }

    /// The addresses: public, operations, upstream.
    pub(super) fn addresses(&self) -> Result<[SocketAddr; 3], CliError> {
        let Listeners {
            public, operations, ..
        } = &self.listeners;
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| {
                CliError::because(Exit::Failure, "a listener has no address", &error)
            })
        };
        Ok([
            address(public)?,
            address(operations)?,
            address(&self.upstream)?,
        ])
    }

    /// The configuration of a new quickstart.
    pub(super) fn config_text(&self) -> Result<String, CliError> {
        let [public, operations, upstream] = self.addresses()?;
        Ok(format!(
            "# Written by portcullis quickstart. What else can be set here:\n\
             # portcullis init --dir ELSEWHERE\n\
             \n\
             listen = \"{public}\"\n\
             \n\
             [operations]\n\
             listen = \"{operations}\"\n\
             \n\
             [[services]]\n\
             name = \"{SERVICE}\"\n\
             prefix = \"/{SERVICE}\"\n\
             environment = \"live\"\n\
             permissions = [\"{SERVICE}:read\"]\n\
             rate = \"100/s burst 200\"\n\
             upstream = \"http://{upstream}\"\n"
        ))
    }

    /// Has the configuration say what was bound.
    pub(super) fn put_into(&self, config: &mut Config) -> Result<(), CliError> {
        let [public, operations, upstream] = self.addresses()?;
        let upstream: UpstreamAddress = format!("http://{upstream}").parse()?;
        (config.listen, config.operations_listen) = (public, operations);
        let demo = demo(config)?;
        let endpoint = EndpointConfig::new(upstream.authority().clone());
        demo.upstream = demo.upstream.at(vec![endpoint]);
        Ok(())
    }
}

async fn bind_near(wanted: SocketAddr) -> Result<TcpListener, CliError> {
    let bound = match TcpListener::bind(wanted).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(wanted.ip(), 0)).await
        }
        bound => bound,
    };
    bound.map_err(|error| {
        let message = format!("cannot listen on {wanted}");
        CliError::because(Exit::Unavailable, message, &error)
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Sockets, demo};
    use crate::config::Config;

    #[tokio::test]
    async fn taken_ports_are_replaced_and_the_configuration_says_so() {
        let any = "127.0.0.1:0".parse().expect("valid");
        let first = Sockets::bind(any, any, None).await.expect("free ports");
        let taken = first.addresses().expect("addresses");
        let [public, operations, upstream] = taken;
        let second = Sockets::bind(public, operations, Some(upstream))
            .await
            .expect("free ports");
        let bound = second.addresses().expect("addresses");
        assert!(
            taken
                .iter()
                .zip(bound)
                .all(|(taken, bound)| *taken != bound)
        );

        let text = first.config_text().expect("text");
        let mut config = Config::parse(&text, Path::new("portcullis.toml")).expect("valid");
        assert_eq!(
            (config.listen, config.operations_listen),
            (public, operations)
        );
        second.put_into(&mut config).expect("a demo service");
        assert_eq!(
            [config.listen, config.operations_listen],
            [bound[0], bound[1]]
        );
        assert_eq!(
            demo(&mut config)
                .expect("a demo service")
                .upstream
                .endpoints[0]
                .authority,
            bound[2].to_string().as_str()
        );
    }
}
