//! The numbers of event codes are those of the original, so that a log or a C handler reads the same.

#![cfg(not(loom))]

use ts_cont::EventCode;

#[test]
fn codes_and_blocks_have_the_numbers_of_the_original() {
    let numbers = [
        (EventCode::NONE, 0),
        (EventCode::IMMEDIATE, 1),
        (EventCode::INTERVAL, 2),
        (EventCode::ERROR, 3),
        (EventCode::CALL, 4),
        (EventCode::POLL, 5),
        (EventCode::VC_START, 100),
        (EventCode::NET_START, 200),
        (EventCode::DISK_START, 300),
        (EventCode::HOSTDB_START, 500),
        (EventCode::DNS_START, 600),
        (EventCode::CONFIG_START, 800),
        (EventCode::LOG_START, 900),
        (EventCode::REFCOUNT_CACHE_START, 1000),
        (EventCode::CACHE_START, 1100),
        (EventCode::CACHE_DIR_START, 1200),
        (EventCode::CACHE_DB_START, 1300),
        (EventCode::HTTP_NET_START, 1400),
        (EventCode::HTTP_NET_SECOND_START, 1500),
        (EventCode::GC_START, 1600),
        (EventCode::TRANSFORM_START, 2000),
        (EventCode::STAT_PAGES_START, 2100),
        (EventCode::HTTP_SESSION_START, 2200),
        (EventCode::HTTP2_START, 2250),
        (EventCode::TUNNEL_START, 2300),
        (EventCode::SCHEDULED_UPDATE_START, 2400),
        (EventCode::QUIC_START, 2500),
        (EventCode::HTTP3_START, 2600),
        (EventCode::QPACK_START, 2700),
        (EventCode::NT_START, 3000),
        (EventCode::NT_SECOND_START, 3100),
        (EventCode::SIMPLE_START, 3300),
        (EventCode::UPDATE_START, 3500),
        (EventCode::AIO_START, 3900),
        (EventCode::BLOCK_CACHE_START, 4000),
        (EventCode::UTILS_START, 5000),
        (EventCode::PLUGIN_START, 60_000),
        (EventCode::SRV_START, 62_000),
        (EventCode::REMAP_START, 63_000),
    ];
    for (code, number) in numbers {
        assert_eq!(code.number(), number);
        assert_eq!(EventCode::new(number), code);
        assert!(code < EventCode::USER, "{code:?} belongs to the original");
    }
}
