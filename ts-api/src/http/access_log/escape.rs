//! Making what a client sent harmless: it can neither end a field nor a line, nor speak to a terminal.

/// For a field between quotes: quotes and backslashes with a backslash before them, everything that is not printable ASCII
/// as `\xHH`.
pub(super) fn quoted(bytes: &[u8], into: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => into.extend([b'\\', byte]),
            b' '..=b'~' => into.push(byte),
            _ => into.extend([b'\\', b'x', hex(byte >> 4), hex(byte & 15)]),
        }
    }
}

/// A JSON string, quotes included. What is no UTF-8 becomes U+FFFD.
pub(super) fn json(bytes: &[u8], into: &mut Vec<u8>) {
    into.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' | '\\' => into.extend([b'\\', letter as u8]),
                // Those above ASCII may tell a terminal something, too.
                letter if letter.is_control() => {
                    let code = u32::from(letter);
                    into.extend(b"\\u00");
                    into.extend([hex((code >> 4) as u8 & 15), hex(code as u8 & 15)]);
                }
                letter => into.extend(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !chunk.invalid().is_empty() {
            into.extend("\u{fffd}".as_bytes());
        }
    }
    into.push(b'"');
}

fn hex(digit: u8) -> u8 {
    b"0123456789abcdef"[usize::from(digit)]
}
