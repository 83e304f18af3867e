use std::env;
use std::net::SocketAddr;
use std::process::Stdio;

use portcullis_benches::Failure;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::control::{CPU, END, READY};
use crate::proxy::Role;

/// A proxy in a process of its own, which ends with this value.
pub(crate) struct Side {
    pub(crate) role: Role,
    pub(crate) address: SocketAddr,
    pub(crate) tokens: Vec<String>,
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Side {
    /// Starts this very program again, as the proxy.
    pub(crate) async fn start(
        role: Role,
        upstream: SocketAddr,
        keys: u16,
    ) -> Result<Self, Failure> {
        let mut child = Command::new(env::current_exe()?)
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
        let mut output = BufReader::new(output).lines();
        let address = next(&mut output).await?.parse()?;
        let mut tokens = Vec::new();
        loop {
            match next(&mut output).await? {
                line if line == READY => break,
                token => tokens.push(token),
            }
        }
        Ok(Self {
            role,
            address,
            tokens,
            child,
            input,
            output,
        })
    }

    /// Nanoseconds of CPU time that the process has used so far, in all its threads.
    pub(crate) async fn cpu(&mut self) -> Result<u64, Failure> {
        self.input.write_all(format!("{CPU}\n").as_bytes()).await?;
        Ok(next(&mut self.output).await?.parse()?)
    }

    /// Has the process end in order.
    pub(crate) async fn end(mut self) -> Result<(), Failure> {
        drop(self.input);
        let status = timeout(END * 2, self.child.wait()).await??;
        match status.success() {
            true => Ok(()),
            false => Err(format!("{} ended with {status}", self.role.as_str()).into()),
        }
    }
}

async fn next(output: &mut Lines<BufReader<ChildStdout>>) -> Result<String, Failure> {
    let line = timeout(END, output.next_line()).await??;
    line.ok_or_else(|| "the proxy's process ended".into())
}
