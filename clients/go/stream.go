// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"errors"
	"io"
	"iter"

	"pronto-grpc/clients/go/prontov1"
)

// A Stream is the events of a job, whatever becomes of the connections on which they
// come. It is for one goroutine at a time.
type Stream struct {
	pool      *pool
	jobID     string
	following following
	patience  patience
	// The last event that was handed out.
	last    int64
	account *prontov1.JobCompleted
	// Why it is tried again; nil once a message came.
	refusal error
	over    bool
}

// errLeft is how the end of the caller's loop comes out of the loops below it.
var errLeft = errors.New("pronto: the caller left the loop")

// Events yields the events of the job in order, each once, until the server ends the
// stream. Broken connections, restarts of the server and streams that fall silent are
// continued after the last event that was handed out. What ends it early is yielded as
// the last error: an [*Error] such as JOB_FAILED, a [*GapError], or the error of ctx.
// After [Client.Close] it is an [*Error] with the code Canceled, which wraps the last
// break if the stream was about to go on.
//
// It goes on after UNAVAILABLE, after a DEADLINE_EXCEEDED that is not of ctx, and, where
// the server gave no reason, after INTERNAL, UNKNOWN, CANCELLED, UNIMPLEMENTED (a proxy's
// 404) and RESOURCE_EXHAUSTED, except where gRPC itself refused a message that is too
// large. Once `completed` was handed out, a job that is gone is an end without error.
// Other errors are told even then, because late results may stand behind it. Who wants
// none of those leaves the loop at `completed`.
//
// The metadata of ctx goes with each call: credentials in it are sent instead of those of
// the client, see [WithToken].
//
// Ranging over it again continues where the last range stopped, also after an error.
func (s *Stream) Events(ctx context.Context) iter.Seq2[*prontov1.JobEvent, error] {
	return func(yield func(*prontov1.JobEvent, error) bool) {
		if err := s.run(ctx, yield); err != nil && err != errLeft {
			yield(nil, err)
		}
	}
}

// Last is the sequence of the last event that was handed out: where another Stream can
// go on, with [After].
func (s *Stream) Last() int64 { return s.last }

// Account is how the job ended and what arrived for it, or nil before that is known. It
// is there from `completed` on, whatever ends the loop.
func (s *Stream) Account() *prontov1.JobCompleted { return s.account }

// run makes attempts until the job is over.
func (s *Stream) run(ctx context.Context, yield func(*prontov1.JobEvent, error) bool) error {
	if err := s.following.check(s.jobID); err != nil {
		return err
	}
	trying, stop := s.pool.lifetime.bind(ctx)
	defer stop()
	s.patience.begin()
	s.refusal = nil
	for !s.over {
		err := s.attempt(trying, yield)
		if goesOn(err) && ctx.Err() == nil && !s.pool.lifetime.over() {
			s.refusal = err
			err = s.patience.wait(trying, err)
		}
		if err != nil {
			return s.end(ctx, err)
		}
	}
	return nil
}

// end is the error to tell: where the caller ended the stream, that, and not what broke
// because of it.
func (s *Stream) end(ctx context.Context, err error) error {
	switch {
	case err == errLeft:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case s.pool.lifetime.over() && goesOn(err):
		return errClosed(s.refusal)
	}
	return err
}

// attempt watches the job once. It returns nil when the job is over.
func (s *Stream) attempt(ctx context.Context, yield func(*prontov1.JobEvent, error) bool) error {
	line, err := s.pool.take()
	if err != nil {
		return err
	}
	defer s.pool.release(line)
	dog := newWatchdog(ctx, s.following.idle)
	defer dog.stop()
	err = s.watchOn(line, dog, yield)
	if dog.barked() && err != nil && err != errLeft {
		s.pool.leave(line)
		return dog.err(s.jobID)
	}
	return err
}

// watchOn watches the job on a connection. It returns nil when the job is over.
func (s *Stream) watchOn(line *line, dog *watchdog, yield func(*prontov1.JobEvent, error) bool) error {
	jobs := prontov1.NewJobServiceClient(line.conn)
	err := s.watch(jobs, dog, yield)
	s.patience.ended(dog.barked())
	if err == io.EOF {
		return s.finish(dog.ctx, jobs)
	}
	if s.account != nil && isForgotten(err) {
		s.over = true
		return nil
	}
	return err
}

// watch hands out what one WatchJob brings, and returns its end.
func (s *Stream) watch(jobs prontov1.JobServiceClient, dog *watchdog, yield func(*prontov1.JobEvent, error) bool) error {
	request := &prontov1.WatchJobRequest{JobId: s.jobID, AfterSequence: s.last}
	events, err := jobs.WatchJob(dog.ctx, request)
	if err != nil {
		return err
	}
	if _, err := events.Header(); err != nil {
		return err
	}
	s.patience.opened()
	for {
		event, err := events.Recv()
		if err != nil {
			return err
		}
		s.patience.message()
		s.refusal = nil
		dog.hold()
		if err := s.take(event, yield); err != nil {
			return err
		}
		s.patience.listens()
		dog.guard()
	}
}

// take hands out an event, unless it was handed out before.
func (s *Stream) take(event *prontov1.JobEvent, yield func(*prontov1.JobEvent, error) bool) error {
	sequence := event.GetSequence()
	switch {
	case sequence == 0 && !s.following.progress:
		return nil
	case sequence == 0:
	case sequence <= s.last:
		return nil
	case sequence > s.last+1:
		return &GapError{JobID: s.jobID, Expected: s.last + 1, Got: sequence}
	default:
		s.last = sequence
		s.patience.news()
	}
	if completed := event.GetCompleted(); completed != nil {
		s.account = completed
	}
	if !yield(event, nil) {
		return errLeft
	}
	return nil
}
