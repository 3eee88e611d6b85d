//! What `cargo xtask bench` measures, by name, and how it is judged.
//!
//! The rooms here know no workload, no clock and no peer: they are names, numbers and tables, which the command asks before
//! anything is built, the target in `benches/workloads` asks while it measures, and tests ask without measuring.
//!
//! # Rules
//! * A figure has one name and one unit, and belongs to one workload. What is printed is what [`workload::LIST`] declares.
//! * A ratio is formed of figures of one run. Of several runs the median of the ratios is judged, not the ratio of medians:
//!   machines change their speed between runs.

pub mod arguments;
pub mod row;
pub mod select;
pub mod spread;
pub mod table;
pub mod workload;

pub use arguments::{Order, Wish};
pub use row::{ROWS, Row, Verdict};
pub use select::{UnknownName, nearest, select};
pub use spread::{Spread, median};
pub use workload::{Figure, LIST, Workload};
