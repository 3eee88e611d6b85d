//! Marshal buffers, heads, fields and URLs as plugins in C have them.
#![cfg(feature = "ffi")]

#[path = "support/c.rs"]
mod c;

use c::Plugin;

fn printed(entry: &str) -> Vec<String> {
    Plugin::compile("mime.c").run(entry, &[]).printed()
}

#[test]
fn a_head_is_built_and_printed() {
    let fields = [
        "Host: h.example:81.",
        "Accept: text/html, text/*;q=\"0,5\" , */*.",
        "Content-Length: 12.",
        "X-Two: 1.",
        "x-two: 2.",
        ".",
    ];
    let expected = [
        vec!["PUT /a/b?q=1 HTTP/1.1."],
        fields.to_vec(),
        vec!["h.example 81 5", "http://h.example:81/a/b?q=1 1", "HTTP/1.1 404 Gone Fishing."],
        fields.to_vec(),
        vec!["Service Unavailable 1"],
    ];
    assert_eq!(printed("a_head_is_built_and_printed"), expected.concat());
}

#[test]
fn fields_are_found_taken_out_put_back_and_destroyed() {
    let expected = [
        "x-two",
        "5 6",
        "PUT / HTTP/1.1.",
        "Host: h.example:81.",
        "Accept: text/html, text/*;q=\"0,5\" , */*.",
        "Content-Length: 12.",
        "X-New: 1.",
        ".",
    ];
    assert_eq!(printed("fields_come_and_go"), expected);
}

#[test]
fn a_field_that_was_appended_comes_in_when_it_gets_its_name() {
    let printed = printed("fields_are_appended_before_they_have_a_name");
    assert_eq!(printed[4..], ["X-Two: 1.", "x-two: 2.", "X-Two: 1.", "X-First: public.", "."]);
}

#[test]
fn texts_are_given_to_plugins_that_do_not_want_their_lengths() {
    let expected = ["PUT h.example h.example http", "Host: h.example:81"];
    assert_eq!(printed("texts_are_given_without_their_lengths"), expected);
}

#[test]
fn a_header_is_destroyed_and_its_places_are_given_back() {
    assert_eq!(printed("a_header_is_destroyed_and_its_places_are_given_back"), ["given back"]);
}

#[test]
fn values_are_read_and_changed_one_by_one() {
    let expected = [
        "3",
        "-1: text/html, text/*;q=\"0,5\" , */*",
        "0: text/html",
        "1: text/*;q=\"0,5\"",
        "2: */*",
        "3: ",
        "first, text/html;q=1, text/plain, -7",
        "-7",
        "12",
        "99999999999 2147483647",
        "Sun, 06 Nov 1994 08:49:37 GMT",
    ];
    assert_eq!(printed("values_are_read_and_changed_one_by_one"), expected);
}

#[test]
fn urls_are_taken_apart_and_changed_part_by_part() {
    let expected = [
        "Scheme https",
        "User me",
        "Password pw",
        "Host h.example",
        "Path a/b",
        "HttpQuery q",
        "HttpFragment f",
        "https://h.example/c?q https://h.example/c?q#f",
        "https://h.example/",
        "https://h.example/c",
    ];
    assert_eq!(printed("urls_are_taken_apart"), expected);
}

#[test]
fn texts_are_written_for_urls_and_in_base64() {
    let expected = [
        "a%20b/%25%C3%A9? 16",
        "a b/%\u{e9}? 8",
        "%61 b",
        "YW55IGNhcm5hbA== 16",
        "any carnal 10",
        "http",
        "http://h.exa 21",
        "http://H.Example:81/A",
    ];
    assert_eq!(printed("texts_in_other_writing"), expected);
}

#[test]
fn what_is_wrong_with_a_buffer_or_a_place_is_said_in_one_line() {
    let plugin = Plugin::compile("mime.c");
    for (case, call, fault) in [
        ("null buffer", "TSHttpHdrStatusGet", "bufp is null where a marshal buffer is needed"),
        ("no buffer", "TSHttpHdrStatusGet", "bufp is a mutex, where a marshal buffer is needed"),
        ("destroyed buffer", "TSMimeHdrFieldsCount", "bufp is a marshal buffer that is gone"),
        ("destroyed twice", "TSMBufferDestroy", "bufp is a marshal buffer that is gone"),
        ("null place", "TSMimeHdrFieldsCount", "offset is null where a place in a marshal buffer is needed"),
        ("another kind of place", "TSMimeHdrFieldsCount", "where a header is needed"),
        ("a url for a field", "TSMimeHdrFieldNameGet", "where a header field is needed"),
        ("released", "TSMimeHdrFieldNameGet", "field is a place in a marshal buffer that is gone"),
        ("released twice", "TSHandleMLocRelease", "mloc is a place in a marshal buffer that is gone"),
        ("destroyed field", "TSMimeHdrFieldValuesCount", "field is a header field that was destroyed"),
        ("another buffer", "TSMimeHdrFieldsCount", "offset is a place in another buffer"),
        ("another header", "TSMimeHdrFieldValuesCount", "field is a field of another header"),
        ("destroyed header", "TSMimeHdrFieldsCount", "offset is of a header that was destroyed"),
        (
            "destroyed header released twice",
            "TSHandleMLocRelease",
            "mloc is a place in a marshal buffer that is gone",
        ),
        ("url of a destroyed header", "TSUrlPortGet", "offset is of a header that was destroyed"),
        ("field of a destroyed header", "TSMimeHdrFieldNameGet", "hdr is of a header that was destroyed"),
        (
            "field in a destroyed header",
            "TSMimeHdrFieldNameGet",
            "field is a header field that was destroyed",
        ),
        ("index", "TSMimeHdrFieldValueIntGet", "idx is -2"),
        ("type", "TSHttpHdrTypeSet", "type is 7"),
        ("null place of a URL", "TSHttpHdrUrlGet", "locp is null"),
        ("null name", "TSMimeHdrFieldFind", "name is null"),
        ("end before start", "TSUrlParse", "end is before start"),
    ] {
        let line = plugin.run("fault", &[case]).fault();
        let begins = format!("ts: {call}, called by mime: ");
        assert!(line.starts_with(&begins) && line.contains(fault), "{case}: {line}");
    }
}
