//! A context's value cannot be kept beyond the closure: the context may end.

static VALUE: ts_thread::ContextLocal<String> = ts_thread::ContextLocal::new(String::new);

fn main() {
    let kept: &String = VALUE.with(|value| value);
    drop(kept.len());
}
