//! Where plugins' code is in memory, and what its functions are called, for reports.
//!
//! # Rules
//! * All that a report needs is prepared when a library is loaded, and stays: a report is made in a signal handler, where
//!   nothing can be allocated, opened or waited for.
//! * Whoever looks finds an image whole or not at all.
//!
//! # Ordering
//! One pair, `[image-publish]`: from [`enter`] to [`find`].

use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::{fs, ptr};

use object::{Object as _, ObjectSymbol as _, SymbolKind};

/// A library in memory.
#[derive(Debug)]
pub(super) struct Image {
    name: &'static str,
    base: usize,
    end: usize,
    /// In the order of their addresses.
    functions: Vec<Function>,
    next: *const Image,
}

#[derive(Debug)]
struct Function {
    /// From the image's base on.
    begin: usize,
    end: usize,
    name: &'static str,
}

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The library's.
    pub(super) name: &'static str,
    /// From the library's beginning in memory on.
    pub(super) offset: usize,
    /// None if the library does not say.
    pub(super) function: Option<&'static str>,
}

static IMAGES: AtomicPtr<Image> = AtomicPtr::new(ptr::null_mut());

/// Takes down the library of `file` that is in memory from `base` on. One that cannot be read has no names.
pub(super) fn enter(file: &Path, name: &str, base: usize) {
    if find(base).is_some() {
        return;
    }
    let (size, functions) = fs::read(file).ok().and_then(|bytes| read(&bytes)).unwrap_or((1, Vec::new()));
    let name = String::leak(name.to_owned());
    let image = Box::leak(Box::new(Image { name, base, end: base + size, functions, next: ptr::null_mut() }));
    // Relaxed: it is checked below, with an order.
    let mut first = IMAGES.load(Ordering::Relaxed);
    loop {
        image.next = first;
        // Release [image-publish]: whoever finds the image finds all of it. Relaxed: a failure is only another try.
        match IMAGES.compare_exchange(first, image, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            Err(other) => first = other,
        }
    }
}

/// How much memory a library takes, and its functions.
fn read(bytes: &[u8]) -> Option<(usize, Vec<Function>)> {
    let file = object::File::parse(bytes).ok()?;
    let to_usize = |number: u64| usize::try_from(number).ok();
    let ends = object::Object::segments(&file).filter_map(|segment| {
        use object::ObjectSegment as _;
        to_usize(segment.address())?.checked_add(to_usize(segment.size())?)
    });
    let size = ends.max()?;
    let mut functions: Vec<_> = file
        .symbols()
        .chain(file.dynamic_symbols())
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition())
        .filter_map(|symbol| {
            let begin = to_usize(symbol.address())?;
            let end = begin.checked_add(to_usize(symbol.size())?.max(1))?;
            Some((begin, end, symbol.name().ok()?))
        })
        .collect();
    functions.sort_unstable();
    functions.dedup_by_key(|(begin, ..)| *begin);
    let keep = |(begin, end, name): (usize, usize, &str)| Function {
        begin,
        end,
        name: String::leak(name.to_owned()),
    };
    Some((size, functions.into_iter().map(keep).collect()))
}

/// What is at an address; none if it is no plugin's. It may be asked in a signal handler.
pub(super) fn find(address: usize) -> Option<Place> {
    // Acquire [image-publish]: see `enter`.
    let mut next = IMAGES.load(Ordering::Acquire).cast_const();
    // SAFETY: it is null, or an image that was leaked, and was whole before it could be found; so is what it leads to.
    while let Some(image) = unsafe { next.as_ref() } {
        if (image.base..image.end).contains(&address) {
            let offset = address - image.base;
            let after = image.functions.partition_point(|function| function.begin <= offset);
            let function = after.checked_sub(1).map(|at| &image.functions[at]);
            let function = function.filter(|function| offset < function.end).map(|function| function.name);
            return Some(Place { name: image.name, offset, function });
        }
        next = image.next;
    }
    None
}
