//! What one event thread queues: inbox, ready list, timer wheel, poll list, and the wait at the end of a turn.
