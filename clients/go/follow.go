// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"fmt"
	"time"
)

const (
	defaultPatience    = 10 * time.Minute
	defaultIdleTimeout = time.Minute
)

// A FollowOption changes how [Client.Follow] follows.
type FollowOption func(*following)

// following is what options set.
type following struct {
	after    int64
	progress bool
	patience time.Duration
	idle     time.Duration
}

// After begins behind the event with this sequence, the last one that was handled
// before; 0 is the beginning.
func After(sequence int64) FollowOption {
	return func(f *following) { f.after = sequence }
}

// WithProgress hands out `progress` events, too. They have sequence 0, are not in the
// job's log, and come at least every 20 s.
func WithProgress() FollowOption {
	return func(f *following) { f.progress = true }
}

// WithPatience is how long a stream goes on trying while nothing new comes; 10 minutes
// without it. The pauses count, attempts until they are open, and silence for which one
// is given up (see [WithIdleTimeout]), but not the time in which one is open otherwise. It
// begins anew with each event that was not handed out before, and when an attempt breaks
// that brought any message and was open for ten seconds; one that is given up as silent
// was open up to its last message.
func WithPatience(patience time.Duration) FollowOption {
	return func(f *following) { f.patience = patience }
}

// WithIdleTimeout is how long a stream may be silent before it is abandoned and begun
// again on another connection; a minute without it. Give it more than 20 s, because so
// long a healthy stream may be silent. [math.MaxInt64] is for ever.
func WithIdleTimeout(idle time.Duration) FollowOption {
	return func(f *following) { f.idle = idle }
}

// ErrNoJob is the error of a stream that was given no job.
var ErrNoJob = errors.New("pronto: no job to follow: its id is empty, as after a start with webhook_url, whose results go there")

// ErrNegativeSequence is the error of a stream that was told to begin before the
// beginning.
var ErrNegativeSequence = errors.New("pronto: cannot follow after a negative sequence: the first event has sequence 1, and 0 is the beginning")

// ErrNoPatience is the error of a stream whose patience is not above zero.
var ErrNoPatience = errors.New("pronto: the patience of a stream (WithPatience) must be above zero")

// ErrNoIdleTimeout is the error of a stream that would be abandoned at once.
var ErrNoIdleTimeout = errors.New("pronto: the idle timeout of a stream (WithIdleTimeout) must be above zero; math.MaxInt64 is for ever")

// check refuses what cannot be followed.
func (f *following) check(jobID string) error {
	switch {
	case jobID == "":
		return ErrNoJob
	case f.after < 0:
		return ErrNegativeSequence
	case f.patience <= 0:
		return ErrNoPatience
	case f.idle <= 0:
		return ErrNoIdleTimeout
	}
	return nil
}

// GapError tells that the server skipped an event. The log of a job has no holes, so
// this is a loss that repeating does not mend.
type GapError struct {
	// The job.
	JobID string
	// The sequence that was due.
	Expected int64
	// The sequence that came.
	Got int64
}

// Error names the job and both sequences.
func (e *GapError) Error() string {
	return fmt.Sprintf("pronto: job %s: event %d came where event %d was due", e.JobID, e.Got, e.Expected)
}

// Follow follows a job: the id that a Start RPC answered. It does nothing yet;
// [Stream.Events] does.
//
// Streams, also those of streaming RPCs, share connections of their own, up to a hundred
// each, so that they take no room from calls.
func (c *Client) Follow(jobID string, options ...FollowOption) *Stream {
	settings := following{patience: defaultPatience, idle: defaultIdleTimeout}
	for _, option := range options {
		option(&settings)
	}
	return &Stream{
		pool:      c.pool,
		jobID:     jobID,
		following: settings,
		last:      settings.after,
		patience:  patience{limit: settings.patience},
	}
}
