use std::error::Error;
use std::net::TcpListener;
use std::{env, fmt, io};

/// Sockets that the program was started with, which listen already and go on to when it ends: what
/// comes in between waits in their queue, and is lost to nobody.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    /// Where clients connect.
    pub(crate) public: Option<TcpListener>,
    /// Where operators connect.
    pub(crate) operations: Option<TcpListener>,
    /// Where clients connect in TLS.
    pub(crate) tls: Option<TcpListener>,
}

/// What an inherited socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Public,
    Operations,
    Tls,
}

/// In the order in which sockets without names are taken.
const ROLES: [Role; 3] = [Role::Public, Role::Operations, Role::Tls];

impl Inherited {
    /// Takes what the service manager's protocol names (`sd_listen_fds(3)`): `LISTEN_FDS` sockets
    /// from descriptor 3 on, `public`, then `operations`, then `tls` unless `LISTEN_FDNAMES` says
    /// which is which. Nothing where they are for another process (`LISTEN_PID`).
    ///
    /// To be called once, and before there is a second thread: the variables are taken out of the
    /// environment, so that no child takes them for its own.
    ///
    /// # Errors
    ///
    /// [`InheritError`] where there are others than those, or where one does not listen.
    #[cfg(unix)]
    pub(crate) fn take() -> Result<Self, InheritError> {
        let Some(count) = env::var_os(COUNT).filter(|_| is_ours()) else {
            return Ok(Self::default());
        };
        let count = count.to_string_lossy();
        let names = env::var(NAMES).ok();
        let roles = roles(&count, names.as_deref())?;
        let mut sockets = listenfd::ListenFd::from_env();
        let mut inherited = Self::default();
        for (at, role) in roles.into_iter().enumerate() {
            let taken = sockets.take_tcp_listener(at);
            let taken = taken.and_then(|socket| socket.ok_or(io::ErrorKind::NotFound.into()));
            let listens = taken.and_then(checked);
            let socket = listens.map_err(|source| InheritError::Unusable { at, source })?;
            *inherited.of(role) = Some(socket);
        }
        Ok(inherited)
    }

    /// There is no such protocol.
    #[cfg(not(unix))]
    pub(crate) fn take() -> Result<Self, InheritError> {
        Ok(Self::default())
    }

    const fn of(&mut self, role: Role) -> &mut Option<TcpListener> {
        match role {
            Role::Public => &mut self.public,
            Role::Operations => &mut self.operations,
            Role::Tls => &mut self.tls,
        }
    }
}

impl Role {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Operations => "operations",
            Self::Tls => "tls",
        }
    }
}

const COUNT: &str = "LISTEN_FDS";
const NAMES: &str = "LISTEN_FDNAMES";

/// Without a process id the sockets are for whoever reads of them, so that a shell can hand them
/// on.
fn is_ours() -> bool {
    env::var("LISTEN_PID").map_or(true, |id| {
        id.is_empty() || id.parse() == Ok(std::process::id())
    })
}

/// What each socket is for. Names that say nothing to us, such as the default (that of the unit),
/// leave it to the order.
fn roles(count: &str, names: Option<&str>) -> Result<Vec<Role>, InheritError> {
    let unexpected = || InheritError::Count(count.to_owned());
    let count: usize = count.parse().map_err(|_| unexpected())?;
    let in_order = ROLES.get(..count).ok_or_else(unexpected)?.to_vec();
    let names: Vec<&str> = names.unwrap_or_default().split(':').collect();
    let role = |name: &&str| ROLES.into_iter().find(|role| role.as_str() == *name);
    let named: Vec<Role> = names.iter().filter_map(role).collect();
    if named.is_empty() {
        return Ok(in_order);
    }
    let is_once = |role: &Role| named.iter().filter(|other| *other == role).count() == 1;
    let is_clear = named.len() == count && names.len() == count && named.iter().all(is_once);
    is_clear
        .then_some(named)
        .ok_or_else(|| InheritError::Names(names.join(":")))
}

/// A socket that does not listen would fail at each connection that it should take.
fn checked(socket: TcpListener) -> io::Result<TcpListener> {
    #[cfg(unix)]
    if !rustix::net::sockopt::socket_acceptconn(&socket)? {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it does not listen",
        ));
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Sockets that the program was started with and cannot use.
#[derive(Debug)]
pub(crate) enum InheritError {
    /// `LISTEN_FDS` is not the number of those that the gateway has a use for.
    Count(String),
    /// `LISTEN_FDNAMES` does not give each of them a name of its own.
    Names(String),
    /// One is no TCP socket that listens.
    Unusable {
        /// Its place among them, from 0.
        at: usize,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl fmt::Display for InheritError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(
                f,
                "{COUNT}={count:?}: expected 1 (public), 2 (and operations) or 3 (and tls)"
            ),
            Self::Names(names) => write!(
                f,
                "{NAMES}={names:?}: expected \"public\", \"operations\" and \"tls\", each once and \
                 for each socket"
            ),
            Self::Unusable { at, .. } => {
                write!(f, "the inherited socket {at} (of {COUNT}) cannot be used")
            }
        }
    }
}

impl Error for InheritError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unusable { source, .. } => Some(source),
            Self::Count(_) | Self::Names(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Role::{Operations, Public, Tls};
    use super::roles;

    #[test]
    fn sockets_are_taken_by_name_or_else_in_order() {
        for (count, names, expected) in [
            ("0", None, &[][..]),
            ("1", None, &[Public]),
            ("2", None, &[Public, Operations]),
            (
                "2",
                Some("portcullis.socket:portcullis.socket"),
                &[Public, Operations],
            ),
            ("3", None, &[Public, Operations, Tls]),
            ("1", Some("operations"), &[Operations]),
            ("2", Some("tls:operations"), &[Tls, Operations]),
            ("2", Some("operations:public"), &[Operations, Public]),
        ] {
            let found = roles(count, names).expect(count);
            assert_eq!(found, expected, "{count} {names:?}");
        }
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for (count, names, named) in [
            ("4", None, "LISTEN_FDS"),
            ("3", Some("public:tls:public"), "LISTEN_FDNAMES"),
            ("-1", None, "LISTEN_FDS"),
            ("two", None, "LISTEN_FDS"),
            ("99999999999999999999", None, "LISTEN_FDS"),
            ("2", Some("public:public"), "LISTEN_FDNAMES"),
            ("2", Some("public"), "LISTEN_FDNAMES"),
            ("2", Some("public:unit"), "LISTEN_FDNAMES"),
            ("1", Some("public:operations"), "LISTEN_FDNAMES"),
        ] {
            let error = roles(count, names).expect_err(count).to_string();
            assert!(error.starts_with(named), "{count} {names:?}: {error}");
        }
    }
}
