//! What may have been meant.

/// The name that is meant, if one is near enough.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let near = names.into_iter().map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &word), name));
    // A third of the letters may be wrong; of short words one.
    near.min().filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1)).map(|(_, name)| name)
}
