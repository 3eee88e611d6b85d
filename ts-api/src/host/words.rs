//! The words of a line, as plugins' configuration files have them.
//!
//! # Rules
//! * Words are separated by blanks. One that begins with `"` goes on to the next `"`, blanks and `#` included; within any other
//!   word a `"` is a letter like others.
//! * A `#` outside of quotes ends the line.

/// What is wrong with a line, and in which column, counted from one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) column: usize,
    pub(super) text: &'static str,
}

/// The words of a line.
pub(super) fn split(line: &str) -> Result<Vec<String>, Wrong> {
    let wrong =
        |rest: &str, text| Wrong { column: line[..line.len() - rest.len()].chars().count() + 1, text };
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                quoted.split_once('"').ok_or_else(|| wrong(rest, "the quotation mark is not closed"))?
            }
            None => rest.split_at(rest.find(|l: char| l.is_whitespace() || l == '#').unwrap_or(rest.len())),
        };
        if word.contains('\0') {
            return Err(wrong(rest, "the word has a NUL in it"));
        }
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_separated_by_blanks_and_held_together_by_quotes() {
        for (line, words) in [
            ("", &[][..]),
            ("  # nothing", &[]),
            ("hello.so", &["hello.so"]),
            ("\\thello.so  --a=1 b\\r", &["hello.so", "--a=1", "b"]),
            (
                "a.so \"two words # and no comment\" \"\" last # a comment",
                &["a.so", "two words # and no comment", "", "last"],
            ),
            ("a.so --x=\"1\" b#c", &["a.so", "--x=\"1\"", "b"]),
        ] {
            let line = line.replace("\\t", "\t").replace("\\r", "\r");
            assert_eq!(split(&line).unwrap(), words, "{line:?}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_is_told_with_its_place() {
        let wrong = split("a.so é \"b c").unwrap_err();
        assert_eq!((wrong.column, wrong.text), (8, "the quotation mark is not closed"));
    }
}
