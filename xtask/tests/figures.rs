//! What is measured has a name, what is compared was measured together, and what is printed is computed as it says.

use std::collections::HashSet;
use std::ffi::OsString;

use figures::arguments::{self, Order, Wish};
use figures::row::{Bound, Claim, Formula, Numbers, ROWS};
use figures::{LIST, Spread, median, nearest, select, table};

fn names(typed: &[&str]) -> Vec<&'static str> {
    let chosen = select(typed).unwrap_or_else(|error| panic!("{error}"));
    chosen.iter().map(|workload| workload.name).collect()
}

fn parse(words: &[&str]) -> Result<Wish, String> {
    let parser = lexopt::Parser::from_args(words.iter().map(OsString::from));
    arguments::parse(parser).map_err(|error| format!("{error:#}"))
}

fn run(numbers: &[(&str, f64)]) -> Numbers {
    numbers.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

#[test]
fn each_figure_has_one_name_and_belongs_to_one_workload() {
    let mut seen = HashSet::new();
    for workload in LIST {
        assert!(!workload.figures.is_empty(), "{} gives nothing", workload.name);
        for (name, unit) in workload.names() {
            assert!(!unit.contains(' ') && !name.contains(' '), "{name} {unit} are not two words");
            assert!(seen.insert(name.clone()), "{name} is given twice");
        }
    }
}

#[test]
fn every_ratio_is_formed_of_figures_that_some_workload_gives() {
    for row in ROWS {
        for figure in row.needs() {
            assert!(LIST.iter().any(|workload| workload.gives(figure)), "nobody gives {figure}");
        }
    }
}

#[test]
fn a_whole_name_means_itself_and_a_beginning_all_that_begin_so() {
    assert_eq!(names(&["limit_cas_store"]), ["limit_cas_store"]);
    assert_eq!(names(&["tokio_yield_1"]), ["tokio_yield_1"]);
    assert_eq!(names(&["tokio_yield"]), ["tokio_yield_1", "tokio_yield_1000"]);
    assert_eq!(names(&["*_yield_?"]), ["tokio_yield_1"]);
    assert_eq!(names(&["net_*"]), ["net_imm_remote", "net_pingpong_round_trip"]);
    assert_eq!(names(&[]).len(), LIST.len());
}

#[test]
fn a_name_of_a_figure_means_the_workload_that_gives_it() {
    assert_eq!(names(&["tokio_delay_queue_remove"]), ["tokio_delay_queue"]);
    assert_eq!(names(&["limit_sleep_lateness_p99"]), ["limit_sleep_lateness"]);
}

#[test]
fn what_a_ratio_needs_runs_with_what_it_judges_and_not_the_other_way_round() {
    assert_eq!(names(&["imm_local_1"]), ["limit_cas_store", "imm_local_1"]);
    assert_eq!(names(&["timer_cancel"]), ["timer_insert_cancel", "tokio_delay_queue"]);
    let lock = ["limit_atomic_swap", "limit_cas_store", "mutex_lock_unlock", "pl_mutex_lock_unlock"];
    assert_eq!(names(&["mutex_lock_unlock"]), lock);
    assert_eq!(names(&["pl_mutex_lock_unlock"]), ["pl_mutex_lock_unlock"]);
}

#[test]
fn a_name_that_means_nothing_is_refused_with_the_nearest_one() {
    let error = select(&["imm_local_1", "imm_lcoal_1"]).unwrap_err();
    assert_eq!(error.to_string(), "there is no workload `imm_lcoal_1`; the nearest is `imm_local_1`");
    assert!(select(&["*zzz*"]).is_err());
    assert!(parse(&["mutx_recursive"]).unwrap_err().contains("the nearest is `mutex_recursive`"));
    assert_eq!(nearest("tset", ["lint", "test"]), Some("test"));
}

#[test]
fn an_order_is_read_as_it_was_typed_and_can_be_passed_on() {
    assert_eq!(parse(&[]), Ok(Wish::Measure(Order::default())));
    let typed = ["idle", "--runs", "5", "--json", "figures.json", "--scale=0.01", "--bench"];
    let Ok(Wish::Measure(order)) = parse(&typed) else { panic!("it is an order") };
    assert_eq!((order.runs, order.scale, order.names.as_slice()), (5, 0.01, &["idle".to_owned()][..]));
    let parser = lexopt::Parser::from_args(order.words());
    assert_eq!(arguments::parse(parser).ok(), Some(Wish::Measure(order)));
    assert_eq!(parse(&["--list"]), Ok(Wish::List));
    assert_eq!(parse(&["idle", "--help"]), Ok(Wish::Help));
}

#[test]
fn an_order_that_would_measure_nothing_is_refused() {
    for words in [&["--runs", "0"][..], &["--scale", "0"], &["--scale", "nan"], &["--runs"], &["--quick"]] {
        assert!(parse(words).is_err(), "{words:?}");
    }
}

#[test]
fn a_median_is_the_middle_or_between_the_two_middle_ones() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[]), None);
    assert_eq!(median(&[1.0, f64::NAN, 2.0]), None);
}

#[test]
fn a_percentile_is_a_sample_that_so_many_do_not_exceed() {
    let mut samples: Vec<u64> = (1..=1000).rev().collect();
    let spread = Spread::of(&mut samples).unwrap();
    assert_eq!(spread.numbers(), [500, 990, 999, 1000]);
    assert_eq!(Spread::of(&mut [7]).unwrap().numbers(), [7, 7, 7, 7]);
    assert_eq!(Spread::of(&mut [2, 1]).unwrap().numbers(), [1, 2, 2, 2]);
    assert_eq!(Spread::of(&mut []), None);
}

#[test]
fn a_ratio_of_several_runs_is_the_median_of_the_ratios_of_each() {
    let claim =
        Claim { formula: Formula::Ratio("imm_local_1", "limit_cas_store"), bound: Bound::AtMost(4.0) };
    // The second run was on a machine twice as slow, and the ratio of medians would be 6.
    let runs = [
        run(&[("imm_local_1", 30.0), ("limit_cas_store", 10.0)]),
        run(&[("imm_local_1", 60.0), ("limit_cas_store", 20.0)]),
        run(&[("imm_local_1", 90.0), ("limit_cas_store", 10.0)]),
    ];
    let verdict = claim.judge(&runs).unwrap();
    assert_eq!((verdict.number, verdict.holds), (3.0, true));
    assert_eq!(claim.judge(&[run(&[("imm_local_1", 30.0)])]), None);
}

#[test]
fn a_ratio_of_times_does_not_depend_on_their_units() {
    let formula = Formula::Ratio("missed_lock_delay_p50", "limit_futex_round_trip");
    let numbers = run(&[("missed_lock_delay_p50", 5.0), ("limit_futex_round_trip", 10_000.0)]);
    assert_eq!(formula.of(&numbers), Some(0.5));
    let over = Formula::Over("timer_fire_1k_lateness_p50", "limit_sleep_lateness_p50");
    let numbers = run(&[("timer_fire_1k_lateness_p50", 60.0), ("limit_sleep_lateness_p50", 55.0)]);
    assert_eq!(over.of(&numbers), Some(5.0));
}

#[test]
fn a_number_that_is_none_is_within_no_bound() {
    for bound in [Bound::AtMost(1.0), Bound::AtLeast(1.0), Bound::Below(1.0), Bound::Above(1.0)] {
        assert!(!bound.holds(f64::NAN), "{bound}");
    }
    assert!(Bound::AtMost(1.0).holds(1.0) && !Bound::Below(1.0).holds(1.0));
    assert!(Bound::AtLeast(1.0).holds(1.0) && !Bound::Above(1.0).holds(1.0));
}

#[test]
fn the_table_says_how_each_row_is_computed_what_it_must_be_and_whether_it_is() {
    let runs = [run(&[
        ("imm_local_1", 20.0),
        ("imm_local_1000", 35.0),
        ("limit_cas_store", 10.0),
        ("mutex_recursive", 1.25),
        ("pl_mutex_recursive", 1.25),
    ])];
    let table = table::ratios(&table::judge(&runs));
    let expected = "\
row                                   measured  must be         aim                              met
imm_local_1 / limit_cas_store         2.000     <= 4     pass   <= 1.5                           no
imm_local_1000 / limit_cas_store      3.500     <= 3     short  <= 1.5                           no
mutex_recursive / pl_mutex_recursive  1.000     <= 1     pass   mutex_recursive <= 1 (1.250)     no
";
    let squeezed = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(squeezed(&table), squeezed(expected));
    let starts: HashSet<_> = table.lines().skip(1).map(|line| line.find("<=")).collect();
    assert_eq!(starts.len(), 1, "the columns stand below each other:\n{table}");
}

#[test]
fn a_line_is_name_value_unit_and_no_figure_is_made_up() {
    let idle: Vec<_> = LIST.iter().filter(|workload| workload.name == "idle").collect();
    let runs = [
        run(&[("idle_cpu", 0.0), ("idle_wakeups", 3.0)]),
        run(&[("idle_cpu", 0.0)]),
        run(&[("idle_cpu", 1.0), ("idle_wakeups", 3.0)]),
    ];
    assert_eq!(table::figures(&table::lines(&idle, &runs)), "idle_cpu 0 %\n");
}

#[test]
fn numbers_have_the_digits_that_are_worth_reading() {
    let numbers = [0.0, 0.99951, 1.5, 12.345, 123.45, 1234.5, -0.25];
    let text = numbers.map(table::number);
    assert_eq!(text, ["0", "0.9995", "1.500", "12.35", "123.5", "1234", "-0.2500"]);
}
