use std::env;
use std::net::SocketAddr;
use std::process::Stdio;

use portcullis_benches::Failure;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::time::timeout;

use crate::control::{CPU, END, READY};
use crate::count::Under;
use crate::nginx::Nginx;
use crate::proxy::Role;

/// A proxy in a process of its own, which ends with this value.
pub(crate) struct Side {
    pub(crate) role: Role,
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Vec<String>,
    process: Process,
}

enum Process {
    /// This very program, as the proxy.
    Own(Own),
    Nginx(Nginx),
}

struct Own {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Side {
    /// Starts it; nothing where it is not installed.
    pub(crate) async fn start(
        role: Role,
        upstream: SocketAddr,
        keys: u16,
        under: &Under,
    ) -> Result<Option<Self>, Failure> {
        if role == Role::Nginx {
            let nginx = Nginx::start(upstream, under).await?;
            return Ok(nginx.map(|nginx| Self {
                role,
                address: nginx.address,
                tokens: Vec::new(),
                process: Process::Nginx(nginx),
            }));
        }
        let mut own = Own::start(role, upstream, keys, under)?;
        let address = next(&mut own.output).await?.parse()?;
        let mut tokens = Vec::new();
        loop {
            match next(&mut own.output).await? {
                line if line == READY => break,
                token => tokens.push(token),
            }
        }
        Ok(Some(Self {
            role,
            address,
            tokens,
            process: Process::Own(own),
        }))
    }

    /// Nanoseconds of CPU time that the proxy has used so far, in all its threads.
    pub(crate) async fn cpu(&mut self) -> Result<u64, Failure> {
        match &mut self.process {
            Process::Own(own) => {
                own.input.write_all(format!("{CPU}\n").as_bytes()).await?;
                Ok(next(&mut own.output).await?.parse()?)
            }
            Process::Nginx(nginx) => nginx.cpu(),
        }
    }

    /// The id of the process; of several, the one that the others are children of.
    pub(crate) fn id(&self) -> Option<u32> {
        match &self.process {
            Process::Own(own) => own.child.id(),
            Process::Nginx(nginx) => Some(nginx.id()),
        }
    }

    /// Has the process end in order.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        let mut own = match self.process {
            Process::Own(own) => own,
            Process::Nginx(nginx) => return nginx.end().await,
        };
        drop(own.input);
        let status = timeout(END * 2, own.child.wait()).await??;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {status}", self.role.as_str()).into()),
        }
    }
}

impl Own {
    fn start(role: Role, upstream: SocketAddr, keys: u16, under: &Under) -> Result<Self, Failure> {
        let program = env::current_exe()?;
        let mut child = under
            .command(program.as_os_str())
            .args([
                "serve",
                role.as_str(),
                &upstream.to_string(),
                &keys.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the proxy's process has no pipes".into());
        };
        Ok(Self {
            child,
            input,
            output: BufReader::new(output).lines(),
        })
    }
}

async fn next(output: &mut Lines<BufReader<ChildStdout>>) -> Result<String, Failure> {
    let line = timeout(END, output.next_line()).await??;
    line.ok_or_else(|| "the proxy's process ended".into())
}
