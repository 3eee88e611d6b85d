//! Heads and fields as text, as they stand on a connection of HTTP/1: without those that stay within the host.

use super::buffer::{Access, HeadId, HeadKind, Refused};
use crate::http::server::head::Head;

/// A head with its start line, and the empty line behind it.
pub(super) fn head(access: &Access<'_>, id: HeadId) -> Result<Vec<u8>, Refused> {
    let kind = access.kind(id);
    access.look(id, |head| {
        let mut text = Vec::new();
        let (major, minor) = head.version();
        let version = format!("HTTP/{major}.{minor}");
        let start = match kind {
            HeadKind::Request => [head.method(), head.target(), Some(version.into())],
            HeadKind::Response => {
                let status = head.status().map(|status| status.to_string().into());
                [Some(version.into()), status, head.reason()]
            }
            HeadKind::Unknown => [const { None }; 3],
        };
        if kind != HeadKind::Unknown {
            let words: Vec<_> = start.into_iter().map(Option::unwrap_or_default).collect();
            text = words.join(&b" "[..]);
            text.extend(b"\r\n");
        }
        text.extend(field_lines(head));
        text.extend(b"\r\n");
        text
    })
}

/// The fields of a head, and the empty line behind them.
pub(super) fn fields(access: &Access<'_>, id: HeadId) -> Result<Vec<u8>, Refused> {
    access.look(id, |head| [field_lines(head), b"\r\n".to_vec()].concat())
}

/// One field as a line.
pub(super) fn line(name: &[u8], value: &[u8]) -> Vec<u8> {
    [name, b": ", value, b"\r\n"].concat()
}

fn field_lines(head: &Head) -> Vec<u8> {
    let all = head.all();
    let on_wire = all.chunks_exact(2).filter(|pair| !pair[0].starts_with(b"@"));
    on_wire.flat_map(|pair| line(&pair[0], &pair[1])).collect()
}
