use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

use portcullis_tests::{
    Load, Place, Process, Upstream, eventually, eventually_within, figure, get,
};

use crate::{PROGRAM, service};

const READY: &str = "READY=1\nSTATUS=serving\n";
const REFUSED: &str = "READY=1\nSTATUS=serving by the configuration before: the log says what is \
                       wrong with this\n";
const STOPPING: &str = "STOPPING=1\nSTATUS=requests may finish\n";

/// The sockets that a service manager would hold.
struct Sockets {
    public: TcpListener,
    operations: TcpListener,
}

impl Sockets {
    fn bind() -> Self {
        let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
        Self {
            public: bind(),
            operations: bind(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.public.local_addr().expect("an address")
    }

    /// The command, with the sockets as its descriptors 3 and 4: they go through a shell, which
    /// names them and then becomes the program.
    fn hand_to(&self, program: &Command, log: File) -> Command {
        let inherited = |socket: &TcpListener| {
            let socket = socket.try_clone().expect("a descriptor");
            Stdio::from(OwnedFd::from(socket))
        };
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "LISTEN_FDS=2 exec \"$0\" serve 3<&0 4<&1 0</dev/null 1>&2",
            ])
            .arg(program.get_program())
            .stdin(inherited(&self.public))
            .stdout(inherited(&self.operations))
            .stderr(log);
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        command
    }
}

/// One process after the other, at the same sockets.
fn start(place: &Place, sockets: &Sockets, name: &str, manager: &UnixDatagram) -> Process {
    let path = place.path(name);
    let log = File::create(&path).expect("a log");
    let mut command = sockets.hand_to(&place.command(), log);
    command.env("NOTIFY_SOCKET", place.path("manager.sock"));
    let mut process = Process::start(&mut command);
    eventually("it is ready", || {
        let has_ended = process.has_ended();
        assert!(!has_ended, "{:?}", std::fs::read_to_string(&path));
        is_told(manager, READY)
    });
    process
}

/// What the service manager is told next, if it is told something soon.
fn told(manager: &UnixDatagram) -> Option<String> {
    let mut text = [0; 256];
    let length = manager.recv(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text[..length]).into_owned())
}

fn is_told(manager: &UnixDatagram, expected: &str) -> bool {
    let told = told(manager);
    assert!(
        told.as_deref().is_none_or(|told| told == expected),
        "{told:?}"
    );
    told.is_some()
}

fn manager(place: &Place) -> UnixDatagram {
    let manager = UnixDatagram::bind(place.path("manager.sock")).expect("a socket");
    let limit = Some(Duration::from_millis(100));
    manager.set_read_timeout(limit).expect("a timeout");
    manager
}

#[test]
fn no_request_is_lost_in_restarts_under_load() {
    const REQUESTS: u64 = 100_000;
    const RESTARTS: u64 = 4;

    let (place, upstream) = (Place::new(PROGRAM), Upstream::start_forgetful());
    let (sockets, manager) = (Sockets::bind(), manager(&place));
    // Neither address is listened on: what is inherited counts.
    place.write_config(&format!(
        "listen = \"127.0.0.1:1\"\n[operations]\nlisten = \"127.0.0.1:2\"\n\
         [manager]\nflush_interval = \"200ms\"\n[timeouts]\nshutdown = \"10s\"\n{}",
        service("orders", "/", &upstream)
    ));
    let mut serving = start(&place, &sockets, "0.log", &manager);
    let token = place.issue("orders", &["--scope", "*"]);
    let load = Load::start(8, sockets.address(), "/orders", &token);
    for restart in 1..=RESTARTS {
        let due = REQUESTS * restart / (RESTARTS + 1);
        eventually_within(Duration::from_secs(180), "requests are answered", || {
            load.answered() >= due
        });
        let next = start(&place, &sockets, &format!("{restart}.log"), &manager);
        serving.signal("TERM");
        eventually("the end is told", || is_told(&manager, STOPPING));
        assert_eq!(serving.wait(), 0, "the one before ends in order");
        serving = next;
    }
    eventually_within(Duration::from_secs(180), "requests are answered", || {
        load.answered() >= REQUESTS
    });
    let report = load.finish();
    assert!(report.lost.is_empty(), "{report:?}");
    assert!(report.connections > 8, "{report:?}: no restart was noticed");
    figure(&format!(
        "{RESTARTS} restarts: {} requests answered on {} connections, {} lost",
        report.answered,
        report.connections,
        report.lost.len()
    ));
    serving.signal("TERM");
    assert_eq!(serving.wait(), 0);
    let key = place.run(&["--output", "json", "keys", "show", Place::id(&token)]);
    assert_eq!(
        key.json()["usage"]["granted"],
        report.answered,
        "each is counted once"
    );
}

#[test]
fn between_two_processes_connections_wait_in_the_inherited_socket() {
    let (place, upstream) = (Place::new(PROGRAM), Upstream::start());
    let (sockets, manager) = (Sockets::bind(), manager(&place));
    place.write_config(&format!(
        "[timeouts]\ndrain_idle = \"0s\"\n{}",
        service("orders", "/", &upstream)
    ));
    let first = start(&place, &sockets, "first.log", &manager);
    let token = place.issue("orders", &["--scope", "*"]);
    first.signal("TERM");
    assert_eq!(first.wait(), 0);
    eventually("the end is told", || is_told(&manager, STOPPING));
    let asking = {
        let (address, token) = (sockets.address(), token.clone());
        std::thread::spawn(move || get(address, "/", Some(&token)).status)
    };
    let second = start(&place, &sockets, "second.log", &manager);
    assert_eq!(asking.join().expect("answered"), 200);
    drop(second);
}

#[test]
fn the_watchdog_is_kept_quiet_until_the_end() {
    let place = Place::new(PROGRAM);
    let manager = manager(&place);
    place.write_config("listen = \"127.0.0.1:0\"\n[operations]\nlisten = \"127.0.0.1:0\"\n");
    let mut command = place.command();
    command
        .arg("serve")
        .env("NOTIFY_SOCKET", place.path("manager.sock"))
        .env("WATCHDOG_USEC", "100000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let process = Process::start(&mut command);
    let mut quiet = 0;
    eventually("ready, and then quiet", || {
        match told(&manager).as_deref() {
            None | Some(READY) => {}
            Some("WATCHDOG=1\n") => quiet += 1,
            Some(other) => panic!("{other}"),
        }
        quiet == 5
    });
    process.signal("TERM");
    assert_eq!(process.wait(), 0);
}

#[test]
fn a_reload_has_a_beginning_and_an_end_that_are_told() {
    let (place, sockets) = (Place::new(PROGRAM), Sockets::bind());
    let manager = manager(&place);
    place.write_config("[timeouts]\ndrain_idle = \"0s\"\n");
    let process = start(&place, &sockets, "gateway.log", &manager);
    let next = |what: &str| {
        let mut next = None;
        eventually(what, || {
            next = told(&manager);
            next.is_some()
        });
        next.expect("told")
    };
    let mut before = 0;
    for (text, status) in [
        (None, READY),
        (Some("[timeouts]\ndrain_idle = \"1ms\"\n"), READY),
        (Some("[timeouts]\ndrain_idle = 1\n"), REFUSED),
        (None, REFUSED),
        (Some("[access_log]\npath = \"no/folder\"\n"), REFUSED),
        (Some("[timeouts]\ndrain_idle = \"0s\"\n"), READY),
    ] {
        match text {
            // Without a change it is read where it is asked for.
            None => process.signal("HUP"),
            Some(text) => {
                fs::write(place.path("new"), text).expect("written");
                fs::rename(place.path("new"), place.config()).expect("renamed");
            }
        }
        let begun = next("it begins");
        let at = begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let at: u64 = at.and_then(|at| at.trim_end().parse().ok()).expect(&begun);
        assert!(at > before, "{at} is not after {before}");
        before = at;
        let over = next("it ends");
        assert_eq!(over, status, "{text:?}");
    }
    process.signal("TERM");
    assert_eq!(process.wait(), 0);
    assert_eq!(next("the end"), STOPPING);
}

#[test]
fn inherited_sockets_that_cannot_be_used_are_named() {
    let place = Place::new(PROGRAM);
    for (variables, said) in [
        (
            "LISTEN_FDS=4",
            "LISTEN_FDS=\"4\": expected 1 (public), 2 (and operations)",
        ),
        (
            "LISTEN_FDS=1",
            "the inherited socket 0 (of LISTEN_FDS) cannot be used",
        ),
        (
            "LISTEN_FDS=2 LISTEN_FDNAMES=public:public",
            "LISTEN_FDNAMES=\"public:public\"",
        ),
    ] {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("{variables} exec \"$0\" serve 3</dev/null")])
            .arg(PROGRAM)
            .env("PORTCULLIS_CONFIG", place.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let (status, _, stderr) = Process::start(&mut command).wait_with_output();
        assert_eq!(status, 2, "{variables}: {stderr}");
        assert!(stderr.contains(said), "{variables}: {stderr}");
    }
    // These are somebody else's: all that is wrong is the configuration.
    let mut command = Command::new("sh");
    command
        .args(["-c", "LISTEN_FDS=9 LISTEN_PID=1 exec \"$0\" serve"])
        .arg(PROGRAM)
        .env("PORTCULLIS_CONFIG", place.path("none.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    assert_eq!(Process::start(&mut command).wait(), 7);
}
