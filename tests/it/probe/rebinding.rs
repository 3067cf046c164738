//! A name that leads elsewhere the next time somebody asks (N9): what was checked is what is dialled. On a network of the
//! test's own, with a name server that changes its mind.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use credbench::model::Outcome;
use serde_json::json;

use super::*;
use crate::support::server::{Server, json as answer};
use crate::support::vault::{as_process, installed, report};

/// Where clouds hand out a machine's credentials.
const METADATA: [u8; 4] = [169, 254, 169, 254];
const HERE: [u8; 4] = [127, 0, 0, 1];

#[test]
fn a_name_that_moves_is_dialled_where_it_was_checked() {
    if !installed("unshare") || !installed("ip") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let resolver = folder.path().join("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\n").unwrap();
    let own_network = |inside: &str| {
        let mut command = Command::new("unshare");
        command.args(["-Urmn", "sh", "-c", inside, "sh"]).arg(&resolver);
        command
    };
    let setup = "mount --bind \"$1\" /etc/resolv.conf && ip link set lo up && \
                 ip addr add 169.254.169.254/32 dev lo";
    if !own_network(setup).output().unwrap().status.success() {
        return report("skipped: no network of one's own can be made here");
    }
    let test = as_process("probe::rebinding::on_a_network_of_its_own", &[]);
    let mut command = own_network(&format!("{setup} && shift && exec \"$@\""));
    let output = command.arg(test.get_program()).args(test.get_args()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// How often each name was asked for, by type: 1 is A, 28 is AAAA.
type Asked = Arc<Mutex<BTreeMap<(String, u16), usize>>>;

/// A name server for three names: one that moves, one that leads to two places, one with an IPv6 address for the second.
fn name_server() -> Asked {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let asked = Asked::default();
    let counts = asked.clone();
    thread::spawn(move || {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet) {
            let query = &packet[..length];
            let mut labels = Vec::new();
            let mut at = 12;
            while query[at] != 0 {
                let end = at + 1 + usize::from(query[at]);
                labels.push(String::from_utf8_lossy(&query[at + 1..end]).into_owned());
                at = end;
            }
            let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
            let name = labels.join(".");
            let mut counts = counts.lock().unwrap();
            let count = counts.entry((name.clone(), kind)).or_default();
            *count += 1;
            let addresses: Vec<Vec<u8>> = match (name.as_str(), kind) {
                ("moves.example", 1) => vec![if *count == 1 { HERE } else { METADATA }.to_vec()],
                ("mixed.example", 1) => vec![HERE.to_vec(), METADATA.to_vec()],
                ("both.example", 1) => vec![HERE.to_vec()],
                ("both.example", 28) => {
                    vec![vec![0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54]]
                }
                _ => Vec::new(),
            };
            let question = &query[12..at + 5];
            let mut reply = [&query[..2], &[0x85, 0x80, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]].concat();
            reply.extend(question);
            for address in addresses {
                // The name as above, the type, IN, and nobody is to remember it.
                reply.extend([0xc0, 12, 0, kind as u8, 0, 1, 0, 0, 0, 0, 0, address.len() as u8]);
                reply.extend(address);
            }
            socket.send_to(&reply, from).unwrap();
        }
    });
    asked
}

#[tokio::test]
#[ignore = "a process of its own: run by the test of names that move"]
async fn on_a_network_of_its_own() {
    let asked = name_server();
    let server = Server::start(|_| answer(200, r#"{"user": "me"}"#));
    let port = server.address().port();
    let metadata = TcpListener::bind(("169.254.169.254", port)).unwrap();
    metadata.set_nonblocking(true).unwrap();
    let at = |name: &str| {
        let mut document = credential("header", &format!("http://{name}:{port}"), SECRET);
        document["allow_http"] = json!(true);
        document
    };
    let first = tested(at("moves.example")).await;
    assert_eq!(first.outcome, Outcome::Ok, "{first:?}");
    let count = |kind| asked.lock().unwrap().get(&("moves.example".to_owned(), kind)).copied().unwrap_or(0);
    assert_eq!((count(1), count(28)), (1, 1), "one look-up, for both sorts of addresses");
    assert_eq!(server.requests().len(), 1);
    for name in ["moves.example", "mixed.example", "both.example"] {
        let report = tested(at(name)).await;
        assert_eq!(report.outcome, Outcome::Unexpected, "{name}: {report:?}");
        assert!(report.message.starts_with("no credential is sent there"), "{name}: {}", report.message);
    }
    assert_eq!(server.requests().len(), 1, "no other address of such a name is asked either");
    assert!(metadata.accept().is_err(), "nobody came");
    // The control: whoever dials it is heard.
    let _caller = TcpStream::connect(("169.254.169.254", port)).unwrap();
    metadata.set_nonblocking(false).unwrap();
    metadata.accept().unwrap();
}
