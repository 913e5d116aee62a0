// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"context"
	"errors"
	"io"
	"iter"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"

	"pronto-grpc/clients/go/prontov1"
)

// A Stream is the events of a job, whatever becomes of the connections on which they
// come. It is for one goroutine at a time.
type Stream struct {
	client    *Client
	jobID     string
	following following

	// The stubs of the connection that is in use.
	jobs prontov1.JobServiceClient
	// A connection of the stream's own; nil while it uses that of the client.
	own *grpc.ClientConn

	patience patience
	// The last event that was handed out.
	last    int64
	account *prontov1.JobCompleted
	over    bool
}

// errLeft is how the end of the caller's loop comes out of the loops below it.
var errLeft = errors.New("pronto: the caller left the loop")

// Events yields the events of the job in order, each once, until the server ends the
// stream. Broken connections, restarts of the server and streams that fall silent are
// continued after the last event that was handed out. What ends it early is yielded as
// the last error: an [*Error] such as JOB_FAILED, a [*GapError], or the error of ctx.
//
// Ranging over it again continues where the last range stopped.
func (s *Stream) Events(ctx context.Context) iter.Seq2[*prontov1.JobEvent, error] {
	return func(yield func(*prontov1.JobEvent, error) bool) {
		defer s.hangUp()
		if err := s.run(ctx, yield); err != nil && err != errLeft {
			yield(nil, err)
		}
	}
}

// Last is the sequence of the last event that was handed out: where another Stream can
// go on, with [After].
func (s *Stream) Last() int64 { return s.last }

// Account is how the job ended and what arrived for it, or nil before that is known:
// read it after the last event. It has no missing_indexes where the stream began behind
// `completed`.
func (s *Stream) Account() *prontov1.JobCompleted { return s.account }

// run makes attempts until the job is over.
func (s *Stream) run(ctx context.Context, yield func(*prontov1.JobEvent, error) bool) error {
	if s.jobID == "" {
		return ErrNoJob
	}
	s.patience.begin()
	for !s.over {
		err := s.attempt(ctx, yield)
		if err == nil || err == errLeft {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !goesOn(err) || s.client.watching.GetState() == connectivity.Shutdown {
			return err
		}
		if err := s.patience.wait(ctx, err); err != nil {
			return err
		}
	}
	return nil
}

// attempt watches the job once. It returns nil when the job is over.
func (s *Stream) attempt(ctx context.Context, yield func(*prontov1.JobEvent, error) bool) error {
	dog := newWatchdog(ctx, s.following.idle)
	defer dog.stop()
	err := s.watch(dog, yield)
	if err == io.EOF {
		err = s.finish(dog.ctx)
	}
	if dog.barked() && err != nil && err != errLeft {
		s.patience.silence()
		s.redial()
		return dog.err(s.jobID)
	}
	s.patience.broken()
	return err
}

// watch hands out what one WatchJob brings, and returns its end.
func (s *Stream) watch(dog *watchdog, yield func(*prontov1.JobEvent, error) bool) error {
	request := &prontov1.WatchJobRequest{JobId: s.jobID, AfterSequence: s.last}
	events, err := s.jobs.WatchJob(dog.ctx, request)
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
		dog.hold()
		if err := s.take(event, yield); err != nil {
			return err
		}
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
	}
	if completed := event.GetCompleted(); completed != nil {
		s.account = completed
	}
	if !yield(event, nil) {
		return errLeft
	}
	return nil
}

// goesOn tells whether an error is one of the connection or of this moment, and not of
// the job.
func goesOn(err error) bool {
	e, ok := AsError(err)
	if !ok {
		return false
	}
	switch e.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		// The caller's own deadline has ended ctx, or will while the stream waits.
		return true
	case codes.Internal, codes.Unknown, codes.Canceled:
		// With a reason it is the server's word; without, a stream that was reset.
		return e.ReasonText == ""
	}
	return false
}

// redial leaves a connection on which nothing comes any more: gRPC would use it until
// its keepalive gives it up.
func (s *Stream) redial() {
	own, err := s.client.dialWatching()
	if err != nil {
		return // The old one may come back.
	}
	s.hangUp()
	s.own, s.jobs = own, prontov1.NewJobServiceClient(own)
}

// hangUp goes back to the connection of the client.
func (s *Stream) hangUp() {
	if s.own == nil {
		return
	}
	_ = s.own.Close()
	s.own, s.jobs = nil, prontov1.NewJobServiceClient(s.client.watching)
}
