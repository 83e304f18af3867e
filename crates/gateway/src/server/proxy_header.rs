use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{fmt, io};

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a proxy says of whose connection it is (PROXY protocol, version 2), before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProxyHeader {
    /// A client's, whose address this is.
    Client(SocketAddr),
    /// The proxy's own, such as a health check.
    Own,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum ProxyHeaderError {
    /// It does not begin with the protocol's twelve bytes.
    Signature,
    /// Another version than 2, or another command than LOCAL and PROXY.
    Command(u8),
    /// A client that is not there by TCP over IPv4 or IPv6.
    Family(u8),
    /// Shorter than its addresses, or longer than any that is sent.
    Length(u16),
    /// It was not read to its end.
    Io(io::Error),
}

/// Section 2.2 of the protocol's text (2020-03-05), as all that follows.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// What comes before the addresses.
const FIXED: usize = 16;

/// A TLS client's certificate, the longest that is told, has its place in it.
const LONGEST: usize = 4096;

impl ProxyHeader {
    /// Reads one, and not a byte more.
    pub(super) async fn read(
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Result<Self, ProxyHeaderError> {
        let mut fixed = [0; FIXED];
        stream.read_exact(&mut fixed).await?;
        let [signature @ .., command, family, high, low] = fixed;
        if signature != SIGNATURE {
            return Err(ProxyHeaderError::Signature);
        }
        let length = u16::from_be_bytes([high, low]);
        let mut rest = [0; LONGEST];
        let told = rest.get_mut(..usize::from(length));
        let told = told.ok_or(ProxyHeaderError::Length(length))?;
        stream.read_exact(told).await?;
        match command {
            0x20 => Ok(Self::Own),
            0x21 => client(family, told, length).map(Self::Client),
            _ => Err(ProxyHeaderError::Command(command)),
        }
    }
}

/// The source's address and port; the destination's and further fields are passed over.
fn client(family: u8, told: &[u8], length: u16) -> Result<SocketAddr, ProxyHeaderError> {
    let short = ProxyHeaderError::Length(length);
    match family {
        0x11 => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *told.first_chunk().ok_or(short)?;
            Ok(address(Ipv4Addr::new(a, b, c, d).into(), [high, low]))
        }
        0x21 => {
            let (source, ports) = told.split_first_chunk::<16>().ok_or(short)?;
            let ports = ports.get(16..20).and_then(<[u8]>::first_chunk);
            let ports = *ports.ok_or(ProxyHeaderError::Length(length))?;
            Ok(address(Ipv6Addr::from(*source).into(), ports))
        }
        _ => Err(ProxyHeaderError::Family(family)),
    }
}

fn address(ip: IpAddr, port: [u8; 2]) -> SocketAddr {
    SocketAddr::new(ip, u16::from_be_bytes(port))
}

impl From<io::Error> for ProxyHeaderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ProxyHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature => f.write_str("a connection without a PROXY header, version 2"),
            Self::Command(command) => {
                write!(f, "a PROXY header of version and command {command:#04x}")
            }
            Self::Family(family) => {
                write!(
                    f,
                    "a PROXY header for another protocol than TCP: {family:#04x}"
                )
            }
            Self::Length(length) => write!(f, "a PROXY header of {length} bytes"),
            Self::Io(_) => f.write_str("a PROXY header that was not read to its end"),
        }
    }
}

impl Error for ProxyHeaderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LONGEST, ProxyHeader, ProxyHeaderError, SIGNATURE};

    fn header(command: u8, family: u8, told: &[u8]) -> Vec<u8> {
        let length = u16::try_from(told.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, told].concat()
    }

    /// What is read of these bytes, and what is left of them.
    fn read(mut bytes: &[u8]) -> (Result<ProxyHeader, ProxyHeaderError>, &[u8]) {
        let read = futures_util::FutureExt::now_or_never(ProxyHeader::read(&mut bytes));
        (read.unwrap(), bytes)
    }

    const FOUR: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    #[test]
    fn a_client_is_told_and_not_a_byte_more_is_read() {
        let mut six = vec![0; 36];
        six[..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        six[32..34].copy_from_slice(&443_u16.to_be_bytes());
        let with_fields = [&FOUR[..], &[0x04, 0, 1, 0]].concat();
        for (bytes, expected) in [
            (header(0x21, 0x11, &FOUR), "192.0.2.7:4660"),
            (header(0x21, 0x11, &with_fields), "192.0.2.7:4660"),
            (header(0x21, 0x21, &six), "[2001:db8::7]:443"),
        ] {
            let bytes = [&bytes[..], b"GET / HTTP/1.1"].concat();
            let (told, left) = read(&bytes);
            assert_eq!(
                told.unwrap(),
                ProxyHeader::Client(expected.parse().unwrap())
            );
            assert_eq!(left, b"GET / HTTP/1.1");
        }
    }

    #[test]
    fn a_proxys_own_connection_has_no_client() {
        for told in [&[][..], &FOUR] {
            for family in [0x00, 0x11, 0x31] {
                let bytes = header(0x20, family, told);
                assert_eq!(read(&bytes).0.unwrap(), ProxyHeader::Own);
            }
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let mut long = header(0x21, 0x11, &[0; LONGEST]);
        long[14..16].copy_from_slice(&(LONGEST as u16 + 1).to_be_bytes());
        let version_1 = b"PROXY TCP4 192.0.2.7 10.0.0.1 4660 80\r\n";
        for (bytes, expected) in [
            (&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], "without"),
            (version_1, "without"),
            (&header(0x11, 0x11, &FOUR), "0x11"),
            (&header(0x22, 0x11, &FOUR), "0x22"),
            (&header(0x21, 0x00, &[]), "0x00"),
            (&header(0x21, 0x12, &FOUR), "0x12"),
            (&header(0x21, 0x31, &[0; 216]), "0x31"),
            (&header(0x21, 0x11, &FOUR[..11]), "of 11 bytes"),
            (&header(0x21, 0x21, &[0; 35]), "of 35 bytes"),
            (&long, "of 4097 bytes"),
            (&header(0x21, 0x11, &FOUR)[..20], "to its end"),
            (&[], "to its end"),
        ] {
            let error = read(bytes).0.unwrap_err().to_string();
            assert!(error.contains(expected), "{bytes:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail_otherwise(
            command in any::<u8>(),
            family in any::<u8>(),
            told in prop::collection::vec(any::<u8>(), 0..64),
            cut in 0_usize..128,
        ) {
            let bytes = header(command, family, &told);
            let _ = read(&bytes[..cut.min(bytes.len())]);
        }
    }
}
