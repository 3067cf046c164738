//! MQTT 3.1.1: `CONNECT` under a name that nobody else has, `PINGREQ`, leave.

use zeroize::Zeroizing;

use super::link::Link;
use super::login::Login;
use super::verdict::{Ends, Verdict};

pub(super) async fn check(link: &mut Link<'_>, login: &Login) -> Ends<Verdict> {
    link.step("login", if login.user.is_empty() { String::new() } else { format!("as {}", login.user) });
    let password = login.password.expose();
    let mut body = Zeroizing::new(Vec::new());
    put(&mut body, "MQTT");
    body.push(4);
    // A clean session: nothing is left behind.
    let user = u8::from(!login.user.is_empty());
    let pass = u8::from(!password.is_empty());
    body.push(2 | user << 7 | pass << 6);
    body.extend_from_slice(&30_u16.to_be_bytes());
    // A client that is known by a name would be thrown out by another of that name.
    put(&mut body, &format!("credbench{:013x}", rand::random::<u64>() >> 12));
    for part in [login.user.as_str(), password].into_iter().filter(|part| !part.is_empty()) {
        if part.len() > usize::from(u16::MAX) {
            return Err(Verdict::unexpected("user name or password is longer than MQTT can send"));
        }
        put(&mut body, part);
    }
    let mut packet = Zeroizing::new(vec![0x10]);
    let mut length = body.len();
    while length > 0x7f {
        packet.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    packet.push(length as u8);
    packet.extend_from_slice(&body);
    link.send(&packet).await?;
    let answer = link.exact(4).await?;
    let code = match answer.as_slice() {
        [0x20, 2, 0 | 1, code] => *code,
        _ => return Err(link.garbled()),
    };
    match code {
        0 => {}
        1 => return Err(Verdict::not_testable("the broker does not speak MQTT 3.1.1 (code 1)")),
        2 => return Err(Verdict::unexpected("the broker does not take our client's name (code 2)")),
        3 => return Err(Verdict::unreachable("the broker is not available (code 3)")),
        4 | 5 if password.is_empty() => return Err(Verdict::no_password()),
        4 => return Err(Verdict::rejected("the broker refused user name or password (code 4)")),
        5 => {
            return Err(Verdict::rejected("the broker did not authorize the login (code 5)").advice(
                "Compare user name and password; some brokers also say so to users who may not connect.",
            ));
        }
        _ => return Err(link.garbled()),
    }
    link.step("ask", "PINGREQ");
    link.send(&[0xc0, 0]).await?;
    if link.exact(2).await? != [0xd0, 0] {
        return Err(Verdict::unexpected("the broker did not answer a PINGREQ"));
    }
    link.leave(&[0xe0, 0]).await;
    let who = if login.user.is_empty() { String::new() } else { format!(" as {}", login.user) };
    let how = if password.is_empty() { ", which asked for no password" } else { "" };
    Ok(Verdict::ok(format!("logged in to the MQTT broker{who}{how}")))
}

/// A text with its length before it; what is longer than that can say is cut, and refused before.
fn put(into: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    into.extend_from_slice(&length.to_be_bytes());
    into.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}
