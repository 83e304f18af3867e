use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use portcullis_benches::Failure;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::control::END;
use crate::count::Under;

/// nginx with a plain `proxy_pass`: connections kept on both sides, a worker a core, no log.
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    child: Child,
    /// The process that the others are children of.
    main: u32,
    _folder: TempDir,
}

impl Nginx {
    /// Starts the one that is installed; nothing where none is.
    pub(crate) async fn start(
        upstream: SocketAddr,
        under: &Under,
    ) -> Result<Option<Self>, Failure> {
        if !is_installed().await? {
            return Ok(None);
        }
        let folder = TempDir::new()?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let path = folder.path();
        fs::write(
            path.join("nginx.conf"),
            configuration(path.display(), address, upstream, under),
        )?;
        let child = under
            .command(OsStr::new("nginx"))
            .arg("-p")
            .arg(path)
            .args(["-e", "stderr", "-c", "nginx.conf"])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let main = child.id().ok_or("nginx ended at once")?;
        let mut nginx = Self {
            address,
            child,
            main,
            _folder: folder,
        };
        nginx.ready().await?;
        Ok(Some(nginx))
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + END;
        while TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("nginx ended with {status}").into());
            }
            if Instant::now() > until {
                return Err("nginx does not listen".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub(crate) const fn id(&self) -> u32 {
        self.main
    }

    /// Nanoseconds of CPU time that all of its processes have used so far.
    pub(crate) fn cpu(&self) -> Result<u64, Failure> {
        let mut spent = spent_by(self.main)?;
        for process in fs::read_dir("/proc")? {
            let name = process?.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse().ok()) else {
                continue;
            };
            if parent_of(id) == Some(self.main) {
                spent += spent_by(id)?;
            }
        }
        Ok(spent)
    }

    /// Has it end in order.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        let id = i32::try_from(self.main).ok().and_then(Pid::from_raw);
        kill_process(id.ok_or("nginx has no process id")?, Signal::TERM)?;
        let status = timeout(END, self.child.wait()).await??;
        match status.success() {
            true => Ok(()),
            false => Err(format!("nginx ended with {status}").into()),
        }
    }
}

async fn is_installed() -> Result<bool, Failure> {
    let version = Command::new("nginx")
        .arg("-v")
        .stderr(Stdio::null())
        .status();
    match version.await {
        Ok(status) => Ok(status.success()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn configuration(
    folder: impl std::fmt::Display,
    address: SocketAddr,
    upstream: SocketAddr,
    under: &Under,
) -> String {
    // What is counted is one process.
    let processes = match under {
        Under::Nothing => "",
        Under::Callgrind(_) => "master_process off;\n",
    };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off;\n{processes}pid {folder}/pid;\nworker_processes auto;\n\
         events {{ worker_connections 16384; }}\n\
         http {{\n{temporary}    access_log off;\n    keepalive_requests 1000000000;\n    \
         upstream orders {{ server {upstream}; keepalive 4096; keepalive_requests 1000000000; }}\n    \
         server {{\n        listen {address};\n        location / {{\n            \
         proxy_pass http://orders;\n            proxy_http_version 1.1;\n            \
         proxy_set_header Connection \"\";\n        }}\n    }}\n}}\n"
    )
}

/// The first of `schedstat` is the time on a CPU.
fn spent_by(process: u32) -> Result<u64, Failure> {
    let stat = fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    let spent = stat.split(' ').next().ok_or("no CPU time")?;
    Ok(spent.parse()?)
}

/// Nothing of a process that has ended meanwhile.
fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind its name, which may hold anything, and its state.
    let (_, behind) = stat.rsplit_once(") ")?;
    behind.split(' ').nth(1)?.parse().ok()
}
