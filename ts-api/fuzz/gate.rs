//! The gate before the parser: whatever comes, it says the same about it however it comes, and once it has refused it stays
//! with that.
//!
//! The first byte of the input chooses the side and the limits, the second how the rest is cut into reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ts_api::http::Limits;
use ts_api::http::gate::{Framer, Refusal, Side, Step};

/// What the gate has said, whatever the reads.
#[derive(Debug, PartialEq, Eq, Default)]
struct Said {
    heads: Vec<Vec<u8>>,
    /// How many bytes of a body followed each head.
    bodies: Vec<u64>,
    refusal: Option<Refusal>,
    /// Bytes that it waits with, since they are not a whole head yet.
    waiting: usize,
}

fuzz_target!(|input: &[u8]| {
    let [choice, cut, bytes @ ..] = input else { return };
    let side = if choice & 1 == 0 { Side::Client } else { Side::Origin };
    let limits = Limits::default();

    let whole = say(side, &limits, bytes, bytes.len());
    let in_parts = say(side, &limits, bytes, usize::from(cut % 31) + 1);
    assert_eq!(whole, in_parts);
    if whole.refusal.is_none() {
        let passed: usize = whole.heads.iter().map(Vec::len).sum();
        let bodies: u64 = whole.bodies.iter().sum();
        assert_eq!(passed as u64 + bodies + whole.waiting as u64, bytes.len() as u64, "no byte is lost");
    }
    for head in &whole.heads {
        check_head(side, &limits, head);
    }
});

/// Shows `bytes` to the gate, at most `step` more at a time.
fn say(side: Side, limits: &Limits, bytes: &[u8], step: usize) -> Said {
    let mut framer = Framer::new(side);
    let mut said = Said::default();
    let (mut from, mut to) = (0, 0);
    while to < bytes.len() {
        to = bytes.len().min(to + step);
        while from < to {
            match framer.step(&bytes[from..to], limits, true) {
                Ok(Step::More) => break,
                Ok(Step::Head(length, head)) => {
                    assert!(length > 0 && length <= to - from);
                    assert!(head.raw.is_some(), "it was asked for");
                    said.heads.push(bytes[from..from + length].to_vec());
                    said.bodies.push(0);
                    from += length;
                }
                Ok(Step::Body(length)) => {
                    assert!(length > 0 && length <= to - from, "it goes on");
                    *said.bodies.last_mut().expect("a body follows a head") += length as u64;
                    from += length;
                }
                Err(refusal) => {
                    let again = framer.step(&bytes[from..to], limits, true);
                    assert_eq!(again.err(), Some(refusal), "it stays with what it said");
                    assert_eq!(framer.refusal(), Some(refusal));
                    said.refusal = Some(refusal);
                    return said;
                }
            }
        }
    }
    said.waiting = bytes.len() - from;
    said
}

/// What must hold of any head that passes.
fn check_head(side: Side, limits: &Limits, head: &[u8]) {
    // Empty lines may stand before a request's first line.
    let text = head.strip_prefix(b"\r\n").unwrap_or(head);
    assert!(text.ends_with(b"\r\n\r\n"), "it ends with an empty line");
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(head.get(at + 1), Some(&b'\n'), "no bare CR"),
            b'\n' => assert!(at > 0 && head[at - 1] == b'\r', "no bare LF"),
            0 => panic!("no NUL"),
            _ => {}
        }
    }
    let lines = || head.split(|byte| *byte == b'\n').skip(1);
    assert!(lines().all(|line| !line.starts_with(b" ") && !line.starts_with(b"\t")), "no folded lines");

    // Alone it is judged as it was among others.
    let mut framer = Framer::new(side);
    let step = framer.step(head, limits, true);
    assert!(matches!(step, Ok(Step::Head(length, _)) if length == head.len()));
}
