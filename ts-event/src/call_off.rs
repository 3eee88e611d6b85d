//! Calling an event off: any thread may ask, one answer is right, and the owner pays no read-modify-write.
//!
//! A slot has two words for this, each with the generation it speaks of. In `word` the owner says how the
//! event stands. In `cancel` whoever calls off leaves a request, and the two agree there on what came of it.
//!
//! | `word`: phase | means |
//! |---|---|
//! | `WAITING` | held or queued; its (next) run has not begun |
//! | `RUNNING` | between `begin` and `end`, or the drop |
//! | `OFF` | the owner knows that it was called off; it will not run |
//! | `GONE_RAN`, `GONE_OFF` | the slot is free; how the last event ended |
//!
//! | `cancel`: state | set by | means |
//! |---|---|---|
//! | `NONE`, or another generation | - | nobody has asked |
//! | `REQUESTED` | a caller | asked, and nobody has decided yet |
//! | `SETTLED_OFF` | owner or a later caller, from `REQUESTED` | it will not run; its caller is to hear |
//! | `OFF` | first caller, from either of these | it will not run; everybody knows |
//! | `SEEN_RUNNING` | a caller, from `REQUESTED` | its run had begun; it will not begin again |
//! | `STOPPED` | owner's `end`, from `REQUESTED` | the run ended; it will not begin again |
//! | `RAN` | a caller, from `REQUESTED` | it ran and is gone |
//! | `LATE` | a caller, from `REQUESTED` | its owner dropped it before, and it did not run |
//! | `ORPHAN` | owner, dropping it, from either of these | it did not run; the caller puts the slot away |
//!
//! # Rules
//! * Each step of the owner is: store `word`; light fence; load `cancel`. If that speaks of another
//!   generation, as nearly always, it is done. Otherwise it moves `REQUESTED` on by compare-and-swap, or
//!   takes note of what it finds. The last step of an event that ran, from `RUNNING` to `GONE_RAN`, is the store alone.
//! * A caller swaps `cancel` to `REQUESTED` of its generation; heavy fence; loads `word`; and moves
//!   `REQUESTED` on according to what it read. Whoever loses that swap does as the winner says.
//! * One `REQUESTED` per generation: a later caller finds something else than `NONE`. It looks, and decides what
//!   nobody has decided yet.
//! * Generations in `cancel` only grow: a caller never overwrites a later one's.
//!
//! # Why the answers are right
//! *The pair.* `[call-off-fence]`: if the caller's load of `word` misses a step of the owner, then that
//! step's load of `cancel` sees the request. So whatever step comes after the one that the caller read, its
//! owner knows.
//! * Read `WAITING`: the next `begin` sees the request, or what became of it. If the caller's swap to `OFF`
//!   wins, all it can do is to answer [`Begin::CalledOff`], and "before its run" holds for ever.
//! * Read `RUNNING`: the `begin` that stored it may have seen the request or not. If it did, one swap
//!   decides: `SETTLED_OFF`, and the caller hears "before its run"; or `SEEN_RUNNING`, and `begin` goes on.
//!   If it did not, it has gone on, and the caller's swap wins. The next `end` finds `REQUESTED` or
//!   `SEEN_RUNNING`: no re-arm, and no `begin` afterwards. That is also why the two words need no number for
//!   the run.
//!   A run that follows another one at once ([`Slot::goes_on`]) stores nothing: the event has been running, and is. Its owner
//!   passes the light half and loads `cancel`, so once the caller's fence is through no further run begins, and "running" is
//!   true of the last one that did.
//! * Read `GONE_RAN`, `GONE_OFF`, or another generation: the owner dropped the entry without knowing of the
//!   request, or a swap tells what it knew. What it dropped after a run it need not know about: no run is left that could
//!   contradict an answer, and "running", "already ran" and "stale" are all true of it.
//!
//! *Exactly one "before its run".* Only the one caller who set `REQUESTED` can answer so. It does, even if
//! the owner has dropped the entry meanwhile: as long as the request is undecided or its outcome not yet
//! read, the drop sets `ORPHAN` and leaves the slot to the caller, so no later event can overwrite the
//! outcome. For the other outcomes the slot may be used again before the caller looks; then it hears "stale",
//! which is true as well.
//!
//! *The owner's own hand.* An owner that calls off an event which waits just drops it ([`Slot::free_off`]). If its load of
//! `cancel` shows no request it is the one to answer "before its run": by the pair every caller reads that the event is
//! gone. If it shows one, that caller is, unless it has read the same: then it has left `LATE`.
//!
//! *Later callers.* They may answer "already called off" only if no run can begin any more. Where the request
//! is still undecided they run the heavy fence themselves (they have read the request, so the pair holds for
//! them too) and then decide it. To read `WAITING` is not enough: the first caller may yet read `RUNNING`.
//!
//! # Ordering
//! Besides the fence pair, `[call-off-word]` makes what a run did visible to a caller who hears that it ran,
//! and `[call-off-state]` does the same between the parties in `cancel`; with `ORPHAN` it hands over the
//! slot.
//!
//! One word with a swap in `begin` would be simpler, and would cost every event an atomic read-modify-write.

use std::hint::cold_path;
use std::ptr::NonNull;

use ts_thread::fence;
use ts_thread::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::slot::{Slot, generation_of, pack, state_of};
use crate::slots::pool_of;

// Phases. A new slot's word is zero: generation zero, never used.
const UNUSED: u8 = 0;
const WAITING: u8 = 1;
const RUNNING: u8 = 2;
const OFF: u8 = 3;
const GONE_RAN: u8 = 4;
const GONE_OFF: u8 = 5;

// States of `cancel`, except for `OFF`, which it shares with the phases. No `NONE`: a generation that nobody
// has called off does not occur in `cancel`.
const REQUESTED: u8 = 1;
const SETTLED_OFF: u8 = 2;
const SEEN_RUNNING: u8 = 4;
const STOPPED: u8 = 5;
const RAN: u8 = 6;
const ORPHAN: u8 = 7;
const LATE: u8 = 8;

/// What came of calling an event off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "whether the event still runs is the answer"]
pub enum CallOff {
    /// It had not begun, and will not run, ever. Of all who call an event off, one hears this at most.
    BeforeRun,
    /// Its run had begun, and may still be going on. If it is one that runs again, it does not: no run begins
    /// any more.
    Running,
    /// It ran, and is gone.
    AlreadyRan,
    /// It was called off before, or dropped by its owner without a run. No run begins any more.
    AlreadyCalledOff,
    /// The event is gone, and its slot has been used again since, so that nobody knows how it ended.
    Stale,
}

/// How an event stands, seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Held or queued; its run, or its next run, has not begun.
    Waiting,
    /// Its run has begun.
    Running,
    /// It was called off, or dropped by its owner without a run.
    CalledOff,
    /// It ran, and is gone.
    Ran,
    /// It is gone, and its slot has been used again since.
    Stale,
}

/// Whether a run may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "an event that was called off must not run"]
pub enum Begin {
    /// It runs now.
    Run,
    /// It was called off; it must not run.
    CalledOff,
}

/// Whether an event that ran may be armed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "an event that was called off must not be armed again"]
pub enum End {
    /// It waits again; push it to where its next run is due.
    Ended,
    /// It was called off while it ran; drop it.
    CalledOff,
}

/// Who puts away the slot of an event that ended.
pub(crate) enum Freed {
    /// The one who ended it.
    Mine,
    /// Somebody who is calling it off at this moment. The slot must not be touched any more.
    Theirs,
}

/// Whether a slot's word says that there is an event in it.
pub(crate) fn is_occupied(word: u64) -> bool {
    matches!(state_of(word), WAITING | RUNNING | OFF)
}

/// `word` in another phase; its generation stays as it is.
#[inline(always)]
fn next(word: u64, from: u8, to: u8) -> u64 {
    word.wrapping_add(u64::from(to)).wrapping_sub(u64::from(from))
}

/// The word of an event that waits, in the generation after that of `word`.
#[inline(always)]
fn first_of_next_generation(word: u64) -> u64 {
    // Whatever the state was, a carry goes into the generation.
    (word | pack(0, u8::MAX)) + 1 + u64::from(WAITING)
}

/// The owner's half.
impl<T> Slot<T> {
    /// The word as the owner left it.
    #[inline]
    pub(crate) fn own_word(&self) -> u64 {
        // Relaxed, alone: the caller is the owner, and only the owner stores this word.
        self.word.load(Relaxed)
    }

    /// The word that the slot has when the next generation starts.
    #[inline(always)]
    pub(crate) fn next_word(&self) -> u64 {
        let word = self.own_word();
        debug_assert!(!is_occupied(word));
        first_of_next_generation(word)
    }

    /// Starts the next generation, whose word is `word`, in which the slot is held and has this tag, and returns it.
    #[inline(always)]
    pub(crate) fn occupy(&self, word: u64, tag: u32) -> u64 {
        debug_assert_eq!(word, self.next_word());
        // Release [call-off-word]: as in `say`.
        self.word.store(word, Release);
        // After the new generation, so that whoever reads this tag sees that too.
        self.set_tag(tag);
        generation_of(word)
    }

    #[inline(always)]
    fn say(&self, generation: u64, phase: u8) {
        // Release [call-off-word]: what the owner did up to this step is visible to whoever reads that it
        // took it.
        self.word.store(pack(generation, phase), Release);
    }

    /// One step of the owner, from `word` to another phase; returns what callers have left for this generation, if anything.
    #[inline(always)]
    fn step(&self, word: u64, from: u8, to: u8, light: impl FnOnce()) -> Option<u64> {
        debug_assert_eq!(state_of(word), from);
        // Release [call-off-word]: as in `say`.
        self.word.store(next(word, from, to), Release);
        // [call-off-fence]: the light half, between the store above and the load below.
        light();
        // Acquire [call-off-state]: what the caller did before it asked is visible to an owner who does as
        // asked.
        let asked = self.cancel.load(Acquire);
        (generation_of(asked) == generation_of(word)).then_some(asked)
    }

    /// Moves a request that nobody has decided on to `state`, and returns what counts.
    #[cold]
    fn decide(&self, asked: u64, state: u8) -> u64 {
        if state_of(asked) != REQUESTED {
            return asked;
        }
        let decided = pack(generation_of(asked), state);
        // AcqRel [call-off-state]: the caller who asked learns what was done up to here; and the other way
        // round if it decided first, which is the Acquire of a failure.
        match self.cancel.compare_exchange(asked, decided, AcqRel, Acquire) {
            Ok(_) => decided,
            Err(other) => other,
        }
    }

    /// Begins a run. `light` is the light half of the pair, here and in [`end`](Self::end).
    #[inline(always)]
    pub(crate) fn begin(&self, light: impl FnOnce()) -> Begin {
        let word = self.own_word();
        if state_of(word) != WAITING {
            return Self::begin_out_of_turn(word);
        }
        self.begin_waiting(word, light)
    }

    /// Begins a run of an event that waits; `word` is the slot's.
    #[inline(always)]
    pub(crate) fn begin_waiting(&self, word: u64, light: impl FnOnce()) -> Begin {
        match self.step(word, WAITING, RUNNING, light) {
            None => Begin::Run,
            Some(asked) => {
                cold_path();
                self.begin_asked(asked)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_asked(&self, asked: u64) -> Begin {
        if state_of(self.decide(asked, SETTLED_OFF)) == SEEN_RUNNING {
            // A caller has read that this run began, and was answered so.
            return Begin::Run;
        }
        self.say(generation_of(asked), OFF);
        Begin::CalledOff
    }

    #[cold]
    #[inline(never)]
    fn begin_out_of_turn(word: u64) -> Begin {
        assert!(state_of(word) == OFF, "begin of an event that is running");
        Begin::CalledOff
    }

    #[inline(always)]
    pub(crate) fn end(&self, light: impl FnOnce()) -> End {
        let word = self.own_word();
        assert!(state_of(word) == RUNNING, "end of an event that is not running");
        self.end_running(word, light)
    }

    /// Ends a run; `word` is the slot's.
    #[inline(always)]
    pub(crate) fn end_running(&self, word: u64, light: impl FnOnce()) -> End {
        match self.step(word, RUNNING, WAITING, light) {
            None => End::Ended,
            Some(asked) => self.end_asked(asked),
        }
    }

    #[cold]
    #[inline(never)]
    fn end_asked(&self, asked: u64) -> End {
        self.decide(asked, STOPPED);
        self.say(generation_of(asked), OFF);
        End::CalledOff
    }

    /// Whether the next run may follow this one at once. If it may it has begun, and nothing is stored; if not, `end` says what
    /// becomes of the event.
    #[inline(always)]
    pub(crate) fn goes_on(&self, light: impl FnOnce()) -> bool {
        let word = self.own_word();
        debug_assert_eq!(state_of(word), RUNNING);
        // [call-off-fence]: the light half, between what this thread has learnt so far and the load below.
        light();
        // Acquire [call-off-state]: as in `step`, though one who asked is answered elsewhere.
        generation_of(self.cancel.load(Acquire)) != generation_of(word)
    }

    /// Ends the generation. Afterwards the slot is the caller's to put away, if the answer says so.
    #[inline(always)]
    pub(crate) fn free(&self) -> Freed {
        let word = self.own_word();
        if state_of(word) != RUNNING {
            return self.free_unrun(word);
        }
        self.free_run(word);
        Freed::Mine
    }

    /// Ends the generation of an event that ran, where `word` is the slot's. Afterwards the slot is the caller's to put away.
    #[inline(always)]
    pub(crate) fn free_run(&self, word: u64) {
        debug_assert_eq!(state_of(word), RUNNING);
        // Release [call-off-word]: what the run did is visible to whoever reads that it is over. Nobody has to be asked; see
        // the head.
        self.word.store(next(word, RUNNING, GONE_RAN), Release);
    }

    #[cold]
    #[inline(never)]
    fn free_unrun(&self, word: u64) -> Freed {
        debug_assert!(is_occupied(word));
        match self.step(word, state_of(word), GONE_OFF, fence::light) {
            None => Freed::Mine,
            Some(asked) => self.free_asked(asked),
        }
    }

    /// Ends the generation of an event that has not begun, by its owner's wish, and says what comes of calling it off in this
    /// way: somebody else may have done so before.
    #[inline(always)]
    pub(crate) fn free_off(&self) -> (Freed, CallOff) {
        let word = self.own_word();
        debug_assert!(matches!(state_of(word), WAITING | OFF));
        match self.step(word, state_of(word), GONE_OFF, fence::light) {
            // Whoever asks from here on reads that it is gone, and answers "already called off".
            None => (Freed::Mine, CallOff::BeforeRun),
            Some(asked) => self.free_off_asked(asked),
        }
    }

    #[cold]
    #[inline(never)]
    fn free_off_asked(&self, asked: u64) -> (Freed, CallOff) {
        let freed = self.free_asked(asked);
        let answer = match freed {
            // Acquire [call-off-state]: the request is decided, and the slot ours, so this is what came of it.
            Freed::Mine if state_of(self.cancel.load(Acquire)) == LATE => CallOff::BeforeRun,
            _ => CallOff::AlreadyCalledOff,
        };
        (freed, answer)
    }

    /// Somebody has called off the event that goes without having run, or without being to run again.
    #[cold]
    #[inline(never)]
    fn free_asked(&self, asked: u64) -> Freed {
        match state_of(self.decide(asked, ORPHAN)) {
            ORPHAN => Freed::Theirs,
            SETTLED_OFF => {
                let generation = generation_of(asked);
                let (known, orphan) = (pack(generation, SETTLED_OFF), pack(generation, ORPHAN));
                // AcqRel [call-off-state]: hands the slot to the caller. If that has read its answer already,
                // the slot stays here, and nothing is read through the value.
                match self.cancel.compare_exchange(known, orphan, AcqRel, Relaxed) {
                    Ok(_) => Freed::Theirs,
                    Err(_) => Freed::Mine,
                }
            }
            _ => Freed::Mine,
        }
    }

    #[inline]
    pub(crate) fn is_called_off(&self) -> bool {
        let word = self.own_word();
        // Relaxed: a hint; the next step of the owner looks again, with all the order it takes
        // [call-off-state].
        state_of(word) == OFF || generation_of(self.cancel.load(Relaxed)) == generation_of(word)
    }
}

/// Everybody's half.
impl<T> Slot<T> {
    fn look(&self) -> u64 {
        // Acquire [call-off-word]: who reads that the event ran sees what the run did.
        self.word.load(Acquire)
    }

    pub(crate) fn is_live(&self, generation: u64) -> bool {
        let word = self.look();
        generation_of(word) == generation && is_occupied(word)
    }

    pub(crate) fn phase(&self, generation: u64) -> Phase {
        let word = self.look();
        if generation_of(word) != generation {
            return Phase::Stale;
        }
        match state_of(word) {
            WAITING => {
                // Acquire [call-off-state]: pairs with whoever called it off.
                let asked = self.cancel.load(Acquire);
                let is_off = generation_of(asked) == generation && state_of(asked) != REQUESTED;
                if is_off { Phase::CalledOff } else { Phase::Waiting }
            }
            RUNNING => Phase::Running,
            OFF | GONE_OFF => Phase::CalledOff,
            GONE_RAN => Phase::Ran,
            _ => Phase::Stale,
        }
    }

    /// The key of the event in this slot, as it stands now.
    pub(crate) fn occupied_generation(&self) -> Option<u64> {
        let word = self.look();
        is_occupied(word).then(|| generation_of(word))
    }
}

/// Calls off the event of `generation` in `slot`; `fence` is the heavy half of the pair, or nothing on the
/// owner's thread.
///
/// # Safety
///
/// The slot belongs to a pool, and the pointer has the provenance of its chunk.
pub(crate) unsafe fn call_off<T: 'static>(
    slot: NonNull<Slot<T>>,
    generation: u64,
    fence: impl Fn(),
) -> CallOff {
    // SAFETY: slots are never unmapped.
    let here = unsafe { slot.as_ref() };
    if let Some(answer) = gone(here.look(), generation) {
        return answer;
    }
    let request = pack(generation, REQUESTED);
    // Acquire [call-off-state]: pairs with what another caller or the owner has decided.
    let mut found = here.cancel.load(Acquire);
    loop {
        if generation_of(found) == generation {
            return look_again(here, generation, found, fence);
        }
        if generation_of(found) > generation {
            return CallOff::Stale;
        }
        // AcqRel [call-off-state]: the owner who sees the request also sees what was done before it.
        match here.cancel.compare_exchange(found, request, AcqRel, Acquire) {
            Ok(_) => break,
            Err(other) => found = other,
        }
    }
    // [call-off-fence]: the heavy half, between the swap above and the load of `word` below.
    fence();
    let word = here.look();
    if generation_of(word) != generation {
        // The owner dropped the event without knowing of the request; otherwise it would have left the slot
        // to us.
        return CallOff::Stale;
    }
    let (state, answer) = match state_of(word) {
        RUNNING => (SEEN_RUNNING, CallOff::Running),
        GONE_RAN => (RAN, CallOff::AlreadyRan),
        GONE_OFF => (LATE, CallOff::AlreadyCalledOff),
        _ => (OFF, CallOff::BeforeRun),
    };
    // AcqRel and Acquire [call-off-state]: as in `decide`.
    match here.cancel.compare_exchange(request, pack(generation, state), AcqRel, Acquire) {
        Ok(_) => answer,
        // SAFETY: as for this function; and it is this call that set the request.
        Err(other) => unsafe { told(slot, generation, other) },
    }
}

/// The answer to a request that the owner, or another caller, has decided.
///
/// # Safety
///
/// As for [`call_off`]; the caller is the one who set the request, and calls this once.
#[cold]
unsafe fn told<T: 'static>(slot: NonNull<Slot<T>>, generation: u64, found: u64) -> CallOff {
    if generation_of(found) != generation {
        return CallOff::Stale;
    }
    // SAFETY: slots are never unmapped.
    let here = unsafe { slot.as_ref() };
    match state_of(found) {
        SEEN_RUNNING | STOPPED => CallOff::Running,
        RAN => CallOff::AlreadyRan,
        state => {
            // The owner may drop the event until the swap below, but not use its slot again.
            let (known, off) = (pack(generation, SETTLED_OFF), pack(generation, OFF));
            // AcqRel and Acquire [call-off-state]: a failure means that the slot was left to us.
            if state == ORPHAN || here.cancel.compare_exchange(known, off, AcqRel, Acquire).is_err() {
                // SAFETY: `ORPHAN` says that the owner has left the slot, which is free, to the one who set
                // the request.
                unsafe { pool_of(slot).put(slot) };
            }
            CallOff::BeforeRun
        }
    }
}

/// The answer for a caller who finds that another has called the event off.
#[cold]
fn look_again<T>(here: &Slot<T>, generation: u64, found: u64, fence: impl Fn()) -> CallOff {
    if state_of(found) == REQUESTED {
        // [call-off-fence]: the heavy half again. The request was read above; from here on the pair holds for
        // this caller.
        fence();
    }
    let word = here.look();
    if let Some(answer) = gone(word, generation) {
        return answer;
    }
    let is_running = state_of(word) == RUNNING;
    let decided = here.decide(found, if is_running { SEEN_RUNNING } else { SETTLED_OFF });
    match state_of(decided) {
        _ if generation_of(decided) != generation => CallOff::Stale,
        // Either it is running, or another caller saw that after we had looked.
        SEEN_RUNNING if is_running || state_of(found) == REQUESTED => CallOff::Running,
        RAN => CallOff::AlreadyRan,
        _ => CallOff::AlreadyCalledOff,
    }
}

/// The answer if the event of `generation` is no more.
fn gone(word: u64, generation: u64) -> Option<CallOff> {
    if generation_of(word) != generation {
        return Some(CallOff::Stale);
    }
    match state_of(word) {
        GONE_RAN => Some(CallOff::AlreadyRan),
        GONE_OFF => Some(CallOff::AlreadyCalledOff),
        UNUSED => Some(CallOff::Stale),
        _ => None,
    }
}
