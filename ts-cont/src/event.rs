//! What a handler is told: the code, the cookie, the data, and the means to be called again.

use crate::cell::panic_text;
use crate::completion::Notify;
use crate::ethread::Here;
use crate::work::{Called, Carried, Scheduled};
use crate::{Action, Continuation, EventCode, RearmError};
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::time::Duration;
use ts_mutex::MutexGuard;
use ts_thread::HrTime;

/// What is to be delivered: a code, a cookie, data; for a periodic event also what to do about ticks that were missed.
///
/// A schedule call takes `impl Into<Message>`: `()` for the usual code, an [`EventCode`], or a message with more in it.
///
/// # Examples
///
/// ```
/// use ts_cont::{EventCode, Message};
///
/// let message = Message::new(EventCode::new(100_007)).cookie(42).data(String::from("hello"));
/// assert_eq!(message.code(), Some(EventCode::new(100_007)));
/// ```
#[derive(Default)]
#[must_use = "a message does nothing until it is scheduled"]
pub struct Message {
    code: Option<EventCode>,
    extra: Extras,
}

/// The [`Extra`] of an event that has one.
///
/// Most have none, and it is moved about on the way of every event: so its drop is a test that stays in line, and the rest
/// is out of the way.
#[derive(Default)]
pub(crate) struct Extras(ManuallyDrop<Option<Box<Extra>>>);

impl Extras {
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&Extra> {
        self.0.as_deref()
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self) -> Option<&mut Extra> {
        self.0.as_deref_mut()
    }

    pub(crate) fn get_or_insert(&mut self) -> &mut Extra {
        self.0.get_or_insert_default()
    }

    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    #[inline(always)]
    pub(crate) fn take(&mut self) -> Self {
        Self(ManuallyDrop::new(self.0.take()))
    }
}

impl Drop for Extras {
    #[inline(always)]
    fn drop(&mut self) {
        #[inline(never)]
        fn drop_box(extra: Option<Box<Extra>>) {
            // Whoever drops an event has others in hand, and a mutex: what its data does is not to end them.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(extra))) {
                tracing::error!(panic = panic_text(&*panic), "dropping the data of an event panicked");
            }
        }
        if self.0.is_some() {
            drop_box(self.0.take());
        }
    }
}

/// What only some events carry; one allocation for all of it, and none for those that carry nothing.
#[derive(Default)]
pub(crate) struct Extra {
    pub(crate) cookie: usize,
    pub(crate) data: Option<Box<dyn Any + Send>>,
    pub(crate) period: Option<Period>,
    pub(crate) missed: MissedTicks,
    pub(crate) notify: Option<Notify>,
}

/// How an event comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    /// Every so often; the time is when the current tick was due.
    Every { period: Duration, due: HrTime },
    /// In every turn of its thread's loop.
    Poll(u64),
}

/// What a periodic event does about ticks that passed while its thread or mutex was busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissedTicks {
    /// The next tick is one period after the handler returned: the event drifts, as in the original.
    #[default]
    Delay,
    /// The next tick is the next whole multiple of the period that is still to come: no drift, missed ticks are dropped.
    Skip,
    /// The next tick is one period after the last was due: no drift, missed ticks are made up at once.
    Burst,
}

impl Message {
    /// A message with a code of the caller's choice.
    #[inline]
    pub fn new(code: impl Into<EventCode>) -> Self {
        Self { code: Some(code.into()), extra: Extras::default() }
    }

    /// Adds a number for the handler, [`Event::cookie`]. Without it the cookie is zero.
    pub fn cookie(mut self, cookie: usize) -> Self {
        self.extra_mut().cookie = cookie;
        self
    }

    /// Adds data for the handler, [`Event::data`]. A periodic or re-armed event keeps it from run to run; it is dropped
    /// with the event.
    pub fn data(mut self, data: impl Any + Send) -> Self {
        self.extra_mut().data = Some(Box::new(data));
        self
    }

    /// Chooses what a periodic event does about missed ticks; it means nothing for others.
    pub fn missed_ticks(mut self, policy: MissedTicks) -> Self {
        self.extra_mut().missed = policy;
        self
    }

    /// The code, if one was chosen; otherwise the schedule call's own is delivered.
    #[must_use]
    pub fn code(&self) -> Option<EventCode> {
        self.code
    }

    pub(crate) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert()
    }

    #[inline(always)]
    pub(crate) fn into_parts(self) -> (Option<EventCode>, Extras) {
        (self.code, self.extra)
    }

    pub(crate) fn from_parts(code: Option<EventCode>, extra: Extras) -> Self {
        Self { code, extra }
    }
}

impl From<()> for Message {
    #[inline]
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl From<EventCode> for Message {
    #[inline]
    fn from(code: EventCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = f.debug_struct("Message");
        message.field("code", &self.code);
        if let Some(extra) = self.extra.get() {
            message.field("cookie", &extra.cookie).field("has_data", &extra.data.is_some());
        }
        message.finish_non_exhaustive()
    }
}

/// One call of a handler, as the handler sees it.
///
/// The mutex of the continuation is held while a handler has its event ([`Event::guard`] proves it), unless the
/// continuation was made without one.
pub struct Event<'a> {
    /// In the event's slot, or with the caller. One pointer: a dispatch writes nothing else.
    shown: NonNull<Scheduled>,
    lent: PhantomData<&'a mut Carried>,
    guard: Option<&'a MutexGuard<'a>>,
    /// The thread whose queue it came from.
    here: Option<&'a Here>,
    borrowed: Option<&'a mut (dyn Any + 'static)>,
}

impl<'a> Event<'a> {
    /// The event of a dispatch.
    ///
    /// # Safety
    ///
    /// There is a call at `shown`, and for as long as this or what it lends is used nobody else touches what it carries.
    pub(crate) unsafe fn dispatched(
        shown: NonNull<Scheduled>,
        guard: Option<&'a MutexGuard<'a>>,
        here: &'a Here,
    ) -> Self {
        Self { shown, lent: PhantomData, guard, here: Some(here), borrowed: None }
    }

    /// The event of a call that is none.
    pub(crate) fn called(
        called: &'a mut Called,
        borrowed: Option<&'a mut (dyn Any + 'static)>,
        guard: Option<&'a MutexGuard<'a>>,
    ) -> Self {
        Self { shown: called.shown(), lent: PhantomData, guard, here: None, borrowed }
    }

    #[inline(always)]
    fn carried(&self) -> &Carried {
        // SAFETY: whoever made this vouches that nobody else touches it.
        unsafe { &(*self.shown.as_ptr()).carried }
    }

    #[inline(always)]
    fn carried_mut(&mut self) -> &mut Carried {
        // SAFETY: as in `carried`.
        unsafe { &mut (*self.shown.as_ptr()).carried }
    }

    /// What happened.
    #[must_use]
    #[inline]
    pub fn code(&self) -> EventCode {
        self.carried().code
    }

    /// The number that came with the schedule call; zero if none did.
    #[must_use]
    pub fn cookie(&self) -> usize {
        self.carried().extra.get().map_or(0, |extra| extra.cookie)
    }

    /// Whether data came along, of whatever type.
    #[must_use]
    #[inline]
    pub fn has_data(&self) -> bool {
        self.borrowed.is_some() || self.carried().extra.get().is_some_and(|extra| extra.data.is_some())
    }

    /// The data that came along, if there is any and it is a `T`.
    pub fn data<T: Any>(&mut self) -> Option<&mut T> {
        if self.borrowed.is_some() {
            return self.borrowed.as_mut()?.downcast_mut();
        }
        self.carried_mut().extra.get_mut()?.data.as_mut()?.downcast_mut()
    }

    /// Takes the data out of a scheduled event, if it is a `T`; a re-armed event then comes back without it.
    pub fn take_data<T: Any>(&mut self) -> Option<T> {
        let slot = &mut self.carried_mut().extra.get_mut()?.data;
        match slot.take()?.downcast::<T>() {
            Ok(data) => Some(*data),
            Err(other) => {
                *slot = Some(other);
                None
            }
        }
    }

    /// The continuation whose handler this is.
    #[must_use]
    #[inline]
    pub fn continuation(&self) -> &'a Continuation {
        // SAFETY: there is a call, says whoever made this, for as long as what is lent of it is used.
        unsafe { Scheduled::continuation_of(self.shown) }
    }

    /// Proof that the continuation's mutex is held, for data that belongs to it; none for a continuation without a mutex.
    #[must_use]
    #[inline]
    pub fn guard(&self) -> Option<&'a MutexGuard<'a>> {
        self.guard
    }

    /// The event thread under our feet; none when the handler was called directly.
    #[must_use]
    #[inline]
    pub fn here(&self) -> Option<&'a Here> {
        self.here
    }

    /// The action of this event, as the schedule call returned it; none when the handler was called directly.
    #[must_use]
    pub fn action(&self) -> Option<Action> {
        self.here?.running()
    }

    /// The period of a periodic event.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        match self.carried().extra.get()?.period? {
            Period::Every { period, .. } => Some(period),
            Period::Poll(_) => None,
        }
    }

    /// Runs this event again as soon as what is already queued on its thread has had its turn.
    ///
    /// The event keeps its code, cookie, data and [`Action`]; nothing is allocated and nothing counted. A periodic event
    /// becomes a one-shot. The last call of a `reschedule` method in a run is the one that counts.
    ///
    /// # Errors
    ///
    /// [`RearmError`] if the handler was called directly, the event was cancelled in this run, or the system is shutting
    /// down.
    #[inline]
    pub fn reschedule_imm(&mut self) -> Result<(), RearmError> {
        self.rearm(Rearm::Now)
    }

    /// Runs this event again at `at`, never before. See [`Event::reschedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`Event::reschedule_imm`].
    pub fn reschedule_at(&mut self, at: HrTime) -> Result<(), RearmError> {
        self.rearm(Rearm::At(at))
    }

    /// Runs this event again at least `delay` from now. See [`Event::reschedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`Event::reschedule_imm`].
    pub fn reschedule_in(&mut self, delay: Duration) -> Result<(), RearmError> {
        let here = self.here.ok_or(RearmError::NotScheduled)?;
        let at = here.now().saturating_add(delay);
        self.rearm(Rearm::At(at))
    }

    /// Runs this event again every `period`, the first time one period from now. See [`Event::reschedule_imm`].
    ///
    /// # Errors
    ///
    /// As for [`Event::reschedule_imm`]; [`RearmError::ZeroPeriod`] for a period of zero.
    pub fn reschedule_every(&mut self, period: Duration) -> Result<(), RearmError> {
        if period.is_zero() {
            return Err(RearmError::ZeroPeriod);
        }
        self.rearm(Rearm::Every(period))
    }

    #[inline]
    fn rearm(&mut self, rearm: Rearm) -> Result<(), RearmError> {
        self.here.ok_or(RearmError::NotScheduled)?.rearm(rearm)
    }
}

/// The event of a loop that dispatches many: what is the same for all of them is written once.
pub(crate) struct Frame(MaybeUninit<Event<'static>>);

impl Frame {
    /// Guard and thread are those of every event.
    ///
    /// # Safety
    ///
    /// When [`Frame::show`] is called, and as long as its answer is used, there is a guard at `guard`, and `here` is alive.
    pub(crate) unsafe fn new(guard: *const MutexGuard<'static>, here: *const Here) -> Self {
        let mut frame = Self(MaybeUninit::uninit());
        let event = frame.0.as_mut_ptr();
        // SAFETY: all three are places in `frame`; the references are not used before `show`, says the caller.
        unsafe {
            (&raw mut (*event).guard).cast::<*const MutexGuard<'static>>().write(guard);
            (&raw mut (*event).here).cast::<*const Here>().write(here);
            (&raw mut (*event).borrowed).write(None);
        }
        frame
    }

    /// The event of one dispatch.
    ///
    /// # Safety
    ///
    /// As for [`Event::dispatched`].
    #[inline(always)]
    pub(crate) unsafe fn show<'a>(&'a mut self, shown: NonNull<Scheduled>) -> &'a mut Event<'a> {
        let event = self.0.as_mut_ptr().cast::<Event<'a>>();
        // SAFETY: with this one all fields are written, the others by `new`, whose caller vouches for them; a handler can
        // change none of them.
        unsafe {
            (&raw mut (*event).shown).write(shown);
            &mut *event
        }
    }
}

// That a reference may be written as a pointer into an option of it.
const _: () = assert!(size_of::<Option<&MutexGuard<'_>>>() == size_of::<*const MutexGuard<'_>>());
const _: () = assert!(size_of::<Option<&Here>>() == size_of::<*const Here>());

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("code", &self.code())
            .field("cookie", &self.cookie())
            .finish_non_exhaustive()
    }
}

/// What is to become of the event under dispatch once its handler returns. With a tag of its own, as only that is looked at
/// for most events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub(crate) enum Rearm {
    /// Nothing was said: a periodic event goes on, any other ends.
    #[default]
    Unsaid,
    /// Again, behind what is queued.
    Now,
    /// Again at a time.
    At(HrTime),
    /// Again and again.
    Every(Duration),
    /// Not again: it was cancelled in its own run.
    Stopped,
    /// Not again: in its run its continuation has come to its end, and what is left of that is to be dropped. With what was
    /// said besides, which counts for answers alone.
    Over(Said),
}

/// What was said of an event in its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Again,
    Stopped,
}

impl Rearm {
    /// What was said, whether it can come true or not.
    pub(crate) fn said(self) -> Said {
        match self {
            Self::Unsaid => Said::Nothing,
            Self::Now | Self::At(_) | Self::Every(_) => Said::Again,
            Self::Stopped => Said::Stopped,
            Self::Over(said) => said,
        }
    }

    /// The same, if besides that `said` is said.
    pub(crate) fn but(self, said: Said) -> Self {
        match (self, said) {
            (Self::Over(_), _) => Self::Over(said),
            (_, Said::Stopped) => Self::Stopped,
            _ => self,
        }
    }
}

/// What a handler may return: nothing, or a number for whoever called it directly.
///
/// The dispatcher ignores the number, as in the original; [`Continuation::call`] hands it on.
pub trait Outcome {
    /// The number.
    fn number(self) -> i32;
}

impl Outcome for () {
    fn number(self) -> i32 {
        0
    }
}

impl Outcome for i32 {
    fn number(self) -> i32 {
        self
    }
}
