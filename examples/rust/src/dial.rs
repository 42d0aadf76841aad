//! How to get a connection to guestd, whatever lies between. Copy this file.
use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_vsock::{VsockAddr, VsockStream};

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to one of
///
/// ```text
/// unix:PATH          a unix socket
/// tcp:HOST:PORT      TCP
/// hybrid:PATH:PORT   the VM's unix socket of Firecracker or Cloud Hypervisor, and a port in the guest
/// vsock:CID:PORT     AF_VSOCK
/// ```
pub async fn dial(address: &str) -> Result<Box<dyn Stream>> {
    timeout(Duration::from_secs(5), connect(address))
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::TimedOut, format!("{address}: no answer in time"))))
}

async fn connect(address: &str) -> Result<Box<dyn Stream>> {
    match address.split_once(':') {
        Some(("unix", path)) => Ok(Box::new(UnixStream::connect(path).await?)),
        Some(("tcp", host)) => {
            let stream = TcpStream::connect(host).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream))
        }
        Some(("hybrid", rest)) => {
            let (path, port) = rest.rsplit_once(':').ok_or_else(|| Error::other(format!("{address}: no port")))?;
            let mut stream = UnixStream::connect(path).await?;
            handshake(&mut stream, port).await?;
            Ok(Box::new(stream))
        }
        Some(("vsock", rest)) => {
            let (cid, port) = rest.split_once(':').ok_or_else(|| Error::other(format!("{address}: no port")))?;
            let number = |text: &str| text.parse().map_err(|_| Error::other(format!("{address}: '{text}' is no number")));
            Ok(Box::new(VsockStream::connect(VsockAddr::new(number(cid)?, number(port)?)).await?))
        }
        _ => Err(Error::other(format!("{address}: neither unix, tcp, hybrid nor vsock"))),
    }
}

/// Asks the VMM for a port of the guest. What comes behind the line is the guest's, so it is read byte by byte.
async fn handshake(stream: &mut UnixStream, port: &str) -> Result<()> {
    stream.write_all(format!("CONNECT {port}\n").as_bytes()).await?;
    let mut line = Vec::new();
    while !line.ends_with(b"\n") && line.len() < 32 {
        line.push(stream.read_u8().await.map_err(|e| {
            Error::new(e.kind(), format!("nothing listens on port {port} in the guest, or not yet: try again"))
        })?);
    }
    if line.starts_with(b"OK ") {
        Ok(())
    } else {
        Err(Error::other(format!("{:?} is not the answer of a VMM", String::from_utf8_lossy(&line))))
    }
}
