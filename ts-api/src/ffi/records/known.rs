//! The records that there are.
//!
//! What the host maps to its configuration has that one's default, not the original's: it is what is in force.

use std::borrow::Cow;

use super::{Record, Takes, Value};

/// What all names begin with.
pub(crate) const PREFIX: &str = "proxy.config.";

/// As good as for ever, in seconds.
const DAY: i64 = 24 * 3600;

/// A record whose number is one of a range.
const fn int(name: &'static str, least: i64, most: i64, default: i64) -> Record {
    Record { name, takes: Takes::Int(least, most), default: Value::Int(default), reloads: false }
}

const fn text(name: &'static str, default: &'static str) -> Record {
    Record { name, takes: Takes::Text, default: Value::Text(Cow::Borrowed(default)), reloads: false }
}

impl Record {
    const fn reloads(mut self) -> Self {
        self.reloads = true;
        self
    }
}

/// All of them.
pub(crate) static KNOWN: &[Record] = &[
    // Threads.
    int("exec_thread.autoconfig.enabled", 0, 1, 1),
    Record {
        name: "exec_thread.autoconfig.scale",
        takes: Takes::Float(0.01, 16.0),
        default: Value::Float(1.0),
        reloads: false,
    },
    int("exec_thread.limit", 1, 1024, 2),
    int("exec_thread.affinity", 0, 4, 1),
    int("exec_thread.listen", 0, 1, 0),
    int("accept_threads", 0, 1024, 0),
    int("task_threads", 1, 1024, 1),
    int("udp.threads", 0, 1024, 0),
    int("dns.dedicated_thread", 0, 1, 0),
    int("thread.default.stacksize", 128 << 10, 100 << 20, 1 << 20),
    int("thread.default.stackguard_pages", 1, 256, 1),
    // Listening.
    text("http.server_ports", "127.0.0.1:8080"),
    int("net.listen_backlog", 1, 1 << 20, 4096),
    int("net.sock_recv_buffer_size_in", 0, 1 << 30, 0),
    int("net.sock_send_buffer_size_in", 0, 1 << 30, 0),
    // Times, in seconds.
    int("http.keep_alive_no_activity_timeout_in", 1, DAY, 60).reloads(),
    int("http.keep_alive_no_activity_timeout_out", 0, 7 * DAY, 60).reloads(),
    int("http.transaction_no_activity_timeout_in", 1, DAY, 60).reloads(),
    int("http.transaction_no_activity_timeout_out", 1, DAY, 30).reloads(),
    int("http.transaction_active_timeout_out", 0, DAY, 0).reloads(),
    int("http.connect_attempts_timeout", 1, DAY, 5).reloads(),
    int("hostdb.lookup_timeout", 1, DAY, 5).reloads(),
    int("stop.shutdown_timeout", 0, DAY, 10).reloads(),
    // Limits; 0 is none where it is allowed.
    int("net.connections_throttle", 0, i64::MAX, 0).reloads(),
    int("net.per_client.max_connections_in", 0, i64::MAX, 0).reloads(),
    int("http.request_header_max_size", 256, 1 << 20, 65536).reloads(),
    int("http.header_field_max_size", 16, 1 << 20, 16384).reloads(),
    int("http.request_line_max_size", 1, 65_000, 8192).reloads(),
    int("http.max_post_size", 0, 1 << 60, 0).reloads(),
    int("http2.max_concurrent_streams_in", 1, 1 << 20, 100).reloads(),
    int("http2.initial_window_size_in", 1, (1 << 31) - 1, 65535).reloads(),
    int("http2.max_frame_size", 16384, 16_777_215, 16384).reloads(),
    // Kept connections, and where requests may go.
    int("http.keep_alive_enabled_in", 0, 1, 1).reloads(),
    int("http.keep_alive_enabled_out", 0, 1, 1).reloads(),
    int("http.allow_half_open", 0, 1, 0).reloads(),
    int("url_remap.remap_required", 0, 1, 1).reloads(),
    // What plugins say.
    int("diags.debug.enabled", 0, 3, 0).reloads(),
    Record {
        name: "diags.debug.tags",
        takes: Takes::Pattern,
        default: Value::Text(Cow::Borrowed("http|dns")),
        reloads: true,
    },
    Record {
        name: "diags.debug.client_ip",
        takes: Takes::Address,
        default: Value::Text(Cow::Borrowed("")),
        reloads: true,
    },
    // Text logs. Directories are below the one where the host is installed, unless they say where.
    text("log.logfile_dir", "var/log/trafficserver"),
    int("log.rolling_enabled", 0, 4, 1).reloads(),
    int("log.rolling_interval_sec", 60, DAY, DAY).reloads(),
    int("log.rolling_offset_hr", 0, 23, 0).reloads(),
    int("log.rolling_size_mb", 1, 1 << 20, 10).reloads(),
    // Plugins.
    text("plugin.plugin_dir", "libexec/trafficserver"),
];
