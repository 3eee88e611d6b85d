//! Fields whose value is a list: the members between the commas.

/// The members of a list, without the blanks around them; empty ones are left out. A comma in quotes divides nothing.
pub(crate) fn split_list(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    let divides = move |byte: &u8| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'\\' if quoted && !was_escaped => escaped = true,
            b'"' if !was_escaped => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    };
    value.split(divides).map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_between_commas_that_are_not_quoted() {
        let split = |value: &'static str| {
            split_list(value.as_bytes()).map(|member| str::from_utf8(member).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(split("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(split(" ,a,, "), ["a"]);
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split(r#""a,b", c="d\",e",f"#), [r#""a,b""#, r#"c="d\",e""#, "f"]);
        assert_eq!(split(r#""open, end"#), [r#""open, end"#]);
        assert_eq!(split(r"a\,b"), [r"a\", "b"]);
    }
}
