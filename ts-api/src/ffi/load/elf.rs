//! What a file is, before the system is asked to load it.

use std::fs;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::{EM_AARCH64, EM_X86_64, ET_DYN, ET_EXEC, ET_REL, FileHeader64, Machine, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{File, Object as _, ObjectSymbol as _, SymbolKind};

use super::LoadError;

/// What libraries that this program loads are built for; none if that is left to the system.
const MACHINE: Option<Machine> = if cfg!(target_arch = "x86_64") {
    Some(EM_X86_64)
} else if cfg!(target_arch = "aarch64") {
    Some(EM_AARCH64)
} else {
    None
};

/// What a file that can be loaded tells of itself.
pub(super) struct Looked {
    /// Its whole name.
    pub(super) whole: PathBuf,
    /// Names of entries that are those of variables in it, which nobody can call.
    pub(super) variables: Vec<String>,
}

/// Looks whether a file can be a library of this machine, and is whole.
pub(super) fn look(file: &Path) -> Result<Looked, LoadError> {
    let unreadable = |source| LoadError::NoFile { file: file.to_owned(), source };
    let none = |what| Err(LoadError::NoLibrary { file: file.to_owned(), what });
    let whole = fs::canonicalize(file).map_err(unreadable)?;
    let about = fs::metadata(&whole).map_err(unreadable)?;
    if !about.is_file() && !about.is_dir() {
        // Opening it might wait for somebody.
        return none("no file with bytes of its own");
    }
    let bytes = fs::read(&whole).map_err(unreadable)?;
    if !bytes.starts_with(b"\x7fELF") {
        return none("no shared library");
    }
    let length = bytes.len() as u64;
    let cut_off = |wanted| Err(LoadError::CutOff { file: file.to_owned(), length, wanted });
    if length < size_of::<FileHeader64<Endianness>>() as u64 {
        return cut_off(size_of::<FileHeader64<Endianness>>() as u64);
    }
    let of_another_machine = "a file for another machine than this one";
    let Ok(header) = FileHeader64::<Endianness>::parse(&*bytes) else { return none(of_another_machine) };
    let Ok(endian) = header.endian() else { return none(of_another_machine) };
    if MACHINE.is_some_and(|machine| header.e_machine(endian) != machine) {
        return none(of_another_machine);
    }
    match header.e_type(endian) {
        ET_DYN => {}
        ET_REL => return none("an object file, and no shared library"),
        ET_EXEC => return none("a program, and no shared library"),
        _ => return none("no shared library"),
    }
    let Ok(segments) = header.program_headers(endian, &*bytes) else { return cut_off(length + 1) };
    let loaded = segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD);
    let end = loaded.map(|segment| segment.p_offset(endian).saturating_add(segment.p_filesz(endian))).max();
    match end {
        Some(end) if end > length => cut_off(end),
        _ => Ok(Looked { whole, variables: variables(&bytes) }),
    }
}

/// The names that begin as those of entries do, and that a library shows for variables. None if it cannot be read: the system is
/// the one to say so.
fn variables(bytes: &[u8]) -> Vec<String> {
    let Ok(file) = File::parse(bytes) else { return Vec::new() };
    let is_variable = |kind| matches!(kind, SymbolKind::Data | SymbolKind::Tls);
    let shown = file.dynamic_symbols().filter(|symbol| symbol.is_definition() && is_variable(symbol.kind()));
    let names = shown.filter_map(|symbol| symbol.name().ok());
    names.filter(|name| name.starts_with("TS")).map(str::to_owned).collect()
}
