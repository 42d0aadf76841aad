//! A command, a terminal, and a stream that is taken up again, with tonic: cargo run ADDRESS
mod dial;

#[allow(clippy::all)]
mod process {
    tonic::include_proto!("process");
}

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

use process::process_client::ProcessClient;
use process::process_event::data_event::Output;
use process::process_event::Event;
use process::process_selector::Selector;
use process::{
    process_input, pty, replay, ConnectRequest, EventOptions, ProcessConfig, ProcessInput, ProcessSelector, Pty, Replay,
    SendInputRequest, StartRequest,
};

type Client = ProcessClient<Channel>;
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// HTTP/2 by prior knowledge; all calls share one connection, which is made again when it is lost.
async fn connect(address: String) -> Result<Client> {
    let connector = service_fn(move |_: Uri| {
        let address = address.clone();
        async move { dial::dial(&address).await.map(TokioIo::new) }
    });
    Ok(ProcessClient::new(Endpoint::from_static("http://guest").connect_with_connector(connector).await?))
}

fn shell(script: &str) -> Option<ProcessConfig> {
    Some(ProcessConfig { cmd: "/bin/sh".into(), args: vec!["-c".into(), script.into()], ..Default::default() })
}

/// Prints what comes, line by line.
struct Lines(&'static str, Vec<u8>);

impl Lines {
    fn print(&mut self, data: &[u8]) {
        self.1.extend_from_slice(data);
        while let Some(end) = self.1.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.1.drain(..=end).collect();
            println!("{}: {}", self.0, String::from_utf8_lossy(&line).trim_end());
        }
    }
}

/// A command: its output as it comes, then its exit code.
async fn run(client: &mut Client) -> Result<()> {
    let (mut stdout, mut stderr) = (Lines("exec: stdout", vec![]), Lines("exec: stderr", vec![]));
    let request = StartRequest { process: shell("echo hello; sleep 0.1; echo oops >&2; exit 3"), ..Default::default() };
    let mut stream = client.start(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        match message.event.and_then(|e| e.event) {
            Some(Event::Data(data)) => match data.output {
                Some(Output::Stdout(data)) => stdout.print(&data),
                Some(Output::Stderr(data)) => stderr.print(&data),
                _ => (),
            },
            Some(Event::End(end)) => println!("exec: exit code {}", end.exit_code),
            _ => (),
        }
    }
    Ok(())
}

/// A command that believes that it talks to a person.
async fn terminal(client: &mut Client) -> Result<()> {
    let (mut shown, mut selector) = (Lines("terminal", vec![]), None);
    let request = StartRequest {
        process: shell("stty -echo; stty size; read x; echo got $x"),
        pty: Some(Pty { size: Some(pty::Size { rows: 30, cols: 90 }) }),
        ..Default::default()
    };
    let mut stream = client.start(request).await?.into_inner();
    while let Some(message) = stream.message().await? {
        match message.event.and_then(|e| e.event) {
            Some(Event::Start(start)) => selector = Some(ProcessSelector { selector: Some(Selector::Pid(start.pid)) }),
            Some(Event::Data(data)) => {
                if let Some(Output::Pty(data)) = data.output {
                    shown.print(&data);
                    if data.windows(5).any(|w| w == b"30 90") {
                        let input = Some(ProcessInput { input: Some(process_input::Input::Pty(b"word\n".to_vec())) });
                        client.send_input(SendInputRequest { process: selector.clone(), input }).await?;
                    }
                }
            }
            Some(Event::End(end)) => println!("terminal: exit code {}", end.exit_code),
            _ => (),
        }
    }
    Ok(())
}

/// Loses the stream, and takes it up where it was: nothing is missed, and nothing comes twice.
async fn reconnect(client: &mut Client) -> Result<()> {
    let events = Some(EventOptions { offsets: true, ..Default::default() });
    let (mut shown, mut selector, mut next) = (Lines("reconnect", vec![]), None, 0);
    let request = StartRequest {
        process: shell("echo one; sleep 0.5; echo two; sleep 0.5; echo three"),
        events,
        ..Default::default()
    };
    let mut first = client.start(request).await?.into_inner();
    while let Some(message) = first.message().await? {
        match message.event.and_then(|e| e.event) {
            Some(Event::Start(start)) => selector = Some(ProcessSelector { selector: start.id.map(Selector::Id) }),
            Some(Event::Data(data)) => {
                if let Some(Output::Stdout(bytes)) = data.output {
                    shown.print(&bytes);
                    next = data.offset.unwrap_or(0) + bytes.len() as u64;
                    break;
                }
            }
            _ => (),
        }
    }
    drop(first); // as when the network does
    tokio::time::sleep(Duration::from_millis(700)).await; // the process writes on

    let replay = Some(Replay { from: Some(replay::From::Offset(next)) });
    let mut second = client.connect(ConnectRequest { process: selector, replay, events }).await?.into_inner();
    while let Some(message) = second.message().await? {
        match message.event.and_then(|e| e.event) {
            Some(Event::Start(start)) if start.offset != Some(next) => {
                return Err(format!("the bytes from {next} to {:?} are not kept any more", start.offset).into());
            }
            Some(Event::Data(data)) => {
                if let Some(Output::Stdout(bytes)) = data.output {
                    shown.print(&bytes);
                }
            }
            Some(Event::End(end)) => println!("reconnect: exit code {}", end.exit_code),
            _ => (),
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Some(address) = std::env::args().nth(1) else {
        return Err("usage: cargo run unix:PATH | tcp:HOST:PORT | hybrid:PATH:PORT".into());
    };
    let mut client = connect(address).await?;
    run(&mut client).await?;
    terminal(&mut client).await?;
    reconnect(&mut client).await
}
