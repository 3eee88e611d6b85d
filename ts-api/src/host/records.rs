//! Records, mapped to the configuration: what `records.yaml` says under the original's names.
//!
//! # Rules
//! * What records say wins over the configuration file; flags win over both.
//! * Plugins that ask for a record are told what is in force, wherever it was said. What the configuration says more finely than
//!   a record can is rounded up to what the record can say.
//! * Zero is "no limit" where records have it so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::time::Duration;

use super::config::{Affinity, Config, Listen, Problems};
use crate::ffi::place::Places;
use crate::ffi::records::{self, Records, Value};
use crate::http::{Accept, Unmapped};

/// Reads the records that the configuration names, and the environment, and has `config` say the same.
pub(super) fn read(config: &mut Config) -> Result<Records, Problems> {
    let file = config.files.records.clone();
    let records = Records::load(file.as_deref()).map_err(|problems| Problems::of_lines(problems.lines()))?;
    apply(&records, config).map_err(|text| {
        let file = file.as_deref().unwrap_or_else(|| Path::new("the environment"));
        Problems::of_lines([&*format!("{}: {text}", file.display())])
    })?;
    Ok(records)
}

/// A number that is a setting.
struct Number {
    name: &'static str,
    set: fn(&mut Config, i64),
    get: fn(&Config) -> i64,
}

fn count(number: i64) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

fn seconds(number: i64) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

/// Rounded up.
fn whole_seconds(time: Duration) -> i64 {
    number(time.as_secs() + u64::from(time.subsec_nanos() > 0))
}

macro_rules! numbers {
    ($($name:literal: set |$to:ident, $value:ident| $set:expr, get |$from:ident| $get:expr;)*) => {
        [$(Number { name: $name, set: |$to, $value| $set, get: |$from| $get }),*]
    };
}

/// All that is one number here and there.
const NUMBERS: &[Number] = &numbers! {
    "exec_thread.affinity": set |to, value| to.threads.affinity = Affinity::of_number(value),
        get |from| from.threads.affinity.number();
    "task_threads": set |to, value| to.threads.task = count(value), get |from| number(from.threads.task);
    "udp.threads": set |to, value| to.threads.udp = count(value), get |from| number(from.threads.udp);
    "dns.dedicated_thread": set |to, value| to.threads.dns = count(value), get |from| number(from.threads.dns.min(1));
    "thread.default.stacksize": set |to, value| to.threads.stack_size = count(value),
        get |from| number(from.threads.stack_size);
    "thread.default.stackguard_pages": set |to, value| to.threads.guard_pages = count(value),
        get |from| number(from.threads.guard_pages);
    "net.listen_backlog": set |to, value| to.accept.sockets.backlog = value.try_into().unwrap_or_default(),
        get |from| number(from.accept.sockets.backlog);
    "net.sock_recv_buffer_size_in": set |to, value| to.accept.sockets.receive_buffer = some(value),
        get |from| from.accept.sockets.receive_buffer.map_or(0, number);
    "net.sock_send_buffer_size_in": set |to, value| to.accept.sockets.send_buffer = some(value),
        get |from| from.accept.sockets.send_buffer.map_or(0, number);
    "http.keep_alive_no_activity_timeout_in": set |to, value| to.timeouts.client_idle = seconds(value),
        get |from| whole_seconds(from.timeouts.client_idle);
    "http.keep_alive_no_activity_timeout_out": set |to, value| to.origin.policy.keep_alive = seconds(value),
        get |from| whole_seconds(from.origin.policy.keep_alive);
    "http.transaction_no_activity_timeout_in": set |to, value| to.timeouts.client_stall = seconds(value),
        get |from| whole_seconds(from.timeouts.client_stall);
    "http.transaction_no_activity_timeout_out": set |to, value| {
        (to.timeouts.silence, to.timeouts.response) = (seconds(value), seconds(value));
    }, get |from| whole_seconds(from.timeouts.silence);
    "http.transaction_active_timeout_out": set |to, value| to.timeouts.exchange = (value > 0).then(|| seconds(value)),
        get |from| from.timeouts.exchange.map_or(0, whole_seconds);
    "http.connect_attempts_timeout": set |to, value| to.timeouts.connect = seconds(value),
        get |from| whole_seconds(from.timeouts.connect);
    "hostdb.lookup_timeout": set |to, value| to.timeouts.lookup = seconds(value),
        get |from| whole_seconds(from.timeouts.lookup);
    "stop.shutdown_timeout": set |to, value| to.shutdown.deadline = seconds(value),
        get |from| whole_seconds(from.shutdown.deadline);
    "net.connections_throttle": set |to, value| to.limits.connections = some(value),
        get |from| from.limits.connections.map_or(0, number);
    "net.per_client.max_connections_in": set |to, value| {
        to.limits.connections_per_client = NonZeroUsize::new(count(value));
    }, get |from| from.limits.connections_per_client.map_or(0, |most| number(most.get()));
    "http.request_header_max_size": set |to, value| to.limits.head = count(value), get |from| number(from.limits.head);
    "http.header_field_max_size": set |to, value| to.limits.field = count(value), get |from| number(from.limits.field);
    "http.request_line_max_size": set |to, value| to.limits.target = count(value),
        get |from| number(from.limits.target);
    "http.max_post_size": set |to, value| to.limits.body = u64::try_from(value).ok().filter(|most| *most > 0),
        get |from| from.limits.body.map_or(0, number);
    "http2.max_concurrent_streams_in": set |to, value| to.limits.http2.streams = small(value),
        get |from| from.limits.http2.streams.into();
    "http2.initial_window_size_in": set |to, value| to.limits.http2.stream_window = small(value),
        get |from| from.limits.http2.stream_window.into();
    "http2.max_frame_size": set |to, value| to.limits.http2.frame = small(value),
        get |from| from.limits.http2.frame.into();
    "http.keep_alive_enabled_in": set |to, value| {
        let one = Some(NonZeroU64::MIN);
        match value {
            0 => to.limits.requests_per_connection = one,
            _ if to.limits.requests_per_connection == one => to.limits.requests_per_connection = None,
            _ => {}
        }
    }, get |from| (from.limits.requests_per_connection != Some(NonZeroU64::MIN)).into();
    "http.keep_alive_enabled_out": set |to, value| match value {
        0 => to.origin.policy.idle = 0,
        _ if to.origin.policy.idle == 0 => to.origin.policy.idle = crate::http::OriginPolicy::default().idle,
        _ => {}
    }, get |from| (from.origin.policy.idle > 0).into();
    "http.allow_half_open": set |to, value| to.limits.half_close = value != 0,
        get |from| from.limits.half_close.into();
    "url_remap.remap_required": set |to, value| {
        to.origin.unmapped = if value == 0 { Unmapped::ForwardProxy } else { Unmapped::Deny };
    }, get |from| (from.origin.unmapped == Unmapped::Deny).into();
};

fn some(number: i64) -> Option<usize> {
    (number > 0).then(|| count(number))
}

fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Has the configuration say what records say. An error tells which will not do, and what would.
fn apply(records: &Records, config: &mut Config) -> Result<(), String> {
    for number in NUMBERS {
        if let Some(value) = records.int(number.name) {
            (number.set)(config, value);
        }
    }
    if let Some(scale) = records.float("exec_thread.autoconfig.scale") {
        config.threads.scale = scale;
    }
    let automatic = records.int("exec_thread.autoconfig.enabled");
    match (automatic, records.int("exec_thread.limit")) {
        (Some(0), limit) => config.threads.net = Some(limit.map_or(2, count)),
        // As the original has it: a limit says nothing as long as the machine says how many.
        (Some(_), _) => config.threads.net = None,
        (None, Some(limit)) if config.threads.net.is_some() => config.threads.net = Some(count(limit)),
        (None, _) => {}
    }
    let listen = records.int("exec_thread.listen");
    match (records.int("accept_threads").map(count), listen) {
        (Some(threads), _) if threads > 0 => {
            config.accept.by = NonZeroUsize::new(threads).map_or(Accept::One, Accept::Dedicated);
        }
        (_, Some(1)) => config.accept.by = Accept::PerThread,
        (Some(_), _) | (_, Some(_)) => config.accept.by = Accept::One,
        (None, None) => {}
    }
    if let Some(ports) = records.text("http.server_ports") {
        config.listen = ports
            .split([' ', ','])
            .filter(|port| !port.is_empty())
            .map(listen_at)
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .map(|address| Listen { address })
            .collect();
        if config.listen.is_empty() {
            return Err(
                "proxy.config.http.server_ports: it names no port: give a port such as 8080".to_owned()
            );
        }
    }
    Ok(())
}

/// A port as the original writes it, `8080`, `8080:ipv6`, `8080:ip-in=127.0.0.1`; or an address and a port.
fn listen_at(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let wrong = |what: &str| {
        format!(
            "proxy.config.http.server_ports: `{text}`: {what}: give a port such as 8080, 8080:ipv6 or \
             8080:ip-in=127.0.0.1"
        )
    };
    // An IPv6 address is in brackets, and has colons of its own.
    let (port, mut options) = text.split_once(':').unwrap_or((text, ""));
    let port: u16 = port.parse().map_err(|_| wrong("it does not begin with a port"))?;
    let mut ip = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    while !options.is_empty() {
        let end = if options.starts_with("ip-in=[") {
            options.find(']').map_or(options.len(), |end| end + 1)
        } else {
            options.find(':').unwrap_or(options.len())
        };
        let (option, rest) = options.split_at(end);
        match option.split_once('=').unwrap_or((option, "")) {
            ("ipv4" | "proto" | "http", _) => {}
            ("ipv6", "") => ip = Ipv6Addr::UNSPECIFIED.into(),
            ("ip-in", address) => {
                let address = address.trim_start_matches('[').trim_end_matches(']');
                ip = address.parse().map_err(|_| wrong(&format!("`{address}` is no IP address")))?;
            }
            _ => return Err(wrong(&format!("there is no option `{option}` here"))),
        }
        options = rest.strip_prefix(':').unwrap_or(rest);
    }
    Ok(SocketAddr::new(ip, port))
}

/// Where things are, as far as records say it.
pub(super) fn places(records: &Records) -> Places {
    let mut places = Places::default();
    for (name, place) in [("plugin.plugin_dir", &mut places.plugin), ("log.logfile_dir", &mut places.log)] {
        if let Some(folder) = records.text(name) {
            *place = places.install.join(folder);
        }
    }
    places
}

/// Has plugins be told what is in force.
pub(super) fn publish(records: &Records, config: &Config, start: bool) {
    records::take_up(records, start);
    for number in NUMBERS {
        records::put(number.name, Value::Int((number.get)(config)));
    }
    records::put("exec_thread.autoconfig.enabled", Value::Int(config.threads.net.is_none().into()));
    records::put("exec_thread.autoconfig.scale", Value::Float(config.threads.scale));
    if let Some(net) = config.threads.net {
        records::put("exec_thread.limit", Value::Int(number(net)));
    }
    let threads = if let Accept::Dedicated(threads) = config.accept.by { threads.get() } else { 0 };
    records::put("accept_threads", Value::Int(number(threads)));
    records::put("exec_thread.listen", Value::Int((config.accept.by == Accept::PerThread).into()));
    let ports: Vec<_> = config.listen.iter().map(|listen| listen.address.to_string()).collect();
    records::put("http.server_ports", Value::Text(ports.join(" ").into()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::records::{KNOWN, PREFIX, Source, in_force};

    #[test]
    fn each_number_is_read_back_as_it_was_set() {
        for setting in NUMBERS {
            let record = KNOWN.iter().find(|record| record.name == setting.name).expect(setting.name);
            let Value::Int(default) = record.default else { panic!("{} is no number", record.name) };
            let mut config = Config::default();
            assert_eq!((setting.get)(&config), default, "the default of {}", record.name);
            let other = match record.takes {
                records::Takes::Int(least, _) if default != least => least,
                records::Takes::Int(_, most) => most.min(9000),
                _ => panic!("{} is no number", record.name),
            };
            (setting.set)(&mut config, other);
            assert_eq!((setting.get)(&config), other, "{}", record.name);
        }
    }

    #[test]
    fn the_readme_names_each_record() {
        let readme = include_str!("../../README.md");
        let told = |record: &&records::Record| readme.contains(&format!("`{}`", record.name));
        let missing: Vec<_> = KNOWN.iter().filter(|record| !told(record)).map(|record| record.name).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn ports_are_written_as_the_original_does_or_as_addresses() {
        let at = |text: &str| listen_at(text).unwrap().to_string();
        assert_eq!(at("8080"), "0.0.0.0:8080");
        assert_eq!(at("8080:ipv6"), "[::]:8080");
        assert_eq!(at("80:ipv4:ip-in=127.0.0.1"), "127.0.0.1:80");
        assert_eq!(at("80:ip-in=[::1]:ipv4"), "[::1]:80");
        assert_eq!(at("127.0.0.1:81"), "127.0.0.1:81");
        for (text, wanted) in [
            ("x", "begin with a port"),
            ("80:ssl", "no option `ssl`"),
            ("80:ip-in=here", "`here` is no IP address"),
        ] {
            let error = listen_at(text).unwrap_err();
            assert!(
                error.contains(wanted) && error.contains(text) && error.contains("8080:ip-in"),
                "{error}"
            );
        }
    }

    /// The only test of what is in force in this module.
    #[test]
    fn what_records_say_is_configured_and_what_is_configured_is_told() {
        let records = Records::of([
            ("exec_thread.autoconfig.enabled", Value::Int(0)),
            ("exec_thread.limit", Value::Int(3)),
            ("accept_threads", Value::Int(2)),
            ("http.server_ports", Value::Text("8081 8082:ipv6".into())),
            ("http.keep_alive_enabled_in", Value::Int(0)),
        ]);
        let mut config = Config::default();
        apply(&records, &mut config).unwrap();
        assert_eq!(config.threads.net, Some(3));
        assert_eq!(config.accept.by, Accept::Dedicated(NonZeroUsize::new(2).unwrap()));
        assert_eq!((config.listen.len(), config.limits.requests_per_connection), (2, Some(NonZeroU64::MIN)));
        // A flag, or the configuration file, says something else as well.
        config.threads.task = 5;
        config.timeouts.connect = Duration::from_millis(1500);
        publish(&records, &config, true);
        let told = |name: &str| in_force(&format!("{PREFIX}{name}")).unwrap();
        assert_eq!(told("exec_thread.limit"), (Value::Int(3), Source::Explicit));
        assert_eq!(told("task_threads"), (Value::Int(5), Source::Explicit));
        assert_eq!(told("http.connect_attempts_timeout"), (Value::Int(2), Source::Explicit));
        assert_eq!(told("http.server_ports").0, Value::Text("0.0.0.0:8081 [::]:8082".into()));
        assert_eq!(told("udp.threads"), (Value::Int(0), Source::Default));
    }
}
