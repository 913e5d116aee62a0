// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func TestStreamWaitsAsLongAsTheServerWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(90 * time.Second)}
		jobs := &fakeJobs{scripts: []func(watchStream) error{
			send(failure(codes.Unavailable, "STARTING", retry)), complete(1),
		}}
		if _, err := collect(t.Context(), jobs.serve(t).Follow("job")); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begin); waited < 90*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestStreamLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		jobs := &fakeJobs{scripts: []func(watchStream) error{
			send(failure(codes.Unavailable, "STARTING"), 1), send(failure(codes.Unavailable, "DRAINING")),
		}}
		got, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(5*time.Minute)))
		if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_DRAINING {
			t.Fatalf("error %v", err)
		}
		wantSequences(t, got, 1)
		// The clock is the bubble's. What is left of the five minutes is less than the
		// next pause, of ten seconds at most.
		tried := time.Since(begin)
		if tried > 5*time.Minute || tried < 5*time.Minute-10*time.Second {
			t.Errorf("tried for %s", tried)
		}
		// Full jitter has a mean of five seconds; without growing pauses there would be
		// thousands of attempts.
		if n := len(jobs.watched()); n < 20 || n > 300 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestStreamIsPatientWithQuietStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quiet := func(stream watchStream) error {
			if err := stream.SendHeader(nil); err != nil {
				return err
			}
			time.Sleep(time.Hour)
			return failure(codes.Unavailable, "STREAM_TOO_OLD")
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{quiet, quiet, complete(1)}}
		stream := jobs.serve(t).Follow("job", pronto.WithIdleTimeout(math.MaxInt64))
		got, err := collect(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2)
	})
}

func TestStreamRecoversItsPatienceWithEachEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(sequence int64) func(watchStream) error {
			retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(time.Minute)}
			return send(failure(codes.Unavailable, "STARTING", retry), sequence)
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{slow(1), slow(2), slow(3), complete(4)}}
		got, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(90*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2, 3, 4, 5)
	})
}

func TestStreamLosesPatienceWithSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Each stream opens, and then nothing comes: that is no healthy quiet.
		silent := func(stream watchStream) error {
			if err := stream.SendHeader(nil); err != nil {
				return err
			}
			return hang()(stream)
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{silent}}
		begin := time.Now()
		_, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(5*time.Minute)))
		if e, ok := pronto.AsError(err); !ok || e.Code != codes.Unavailable {
			t.Fatalf("error %v", err)
		}
		// The last silence may begin just before patience ends.
		if tried := time.Since(begin); tried > 6*time.Minute {
			t.Errorf("tried for %s", tried)
		}
	})
}

// once sends progress, and is silent then.
func once(stream watchStream) error {
	if err := stream.Send(progress()); err != nil {
		return err
	}
	return hang()(stream)
}

// twice sends progress at once, and again after so long, and is silent then.
func twice(open time.Duration) func(watchStream) error {
	return func(stream watchStream) error {
		if err := says(progress(), open, nil)(stream); err != nil {
			return err
		}
		return once(stream)
	}
}

func TestStreamCountsTheSilenceBehindAMessage(t *testing.T) {
	tests := map[string]struct {
		script func(watchStream) error
		// For how long the caller handles each message.
		handling time.Duration
	}{
		"at once":            {script: once},
		"below ten seconds":  {script: twice(steadyAfter - 1)},
		"with a slow caller": {script: once, handling: 2 * steadyAfter},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: []func(watchStream) error{test.script}}
				stream := jobs.serve(t).Follow("job", pronto.WithPatience(10*time.Minute), pronto.WithIdleTimeout(time.Minute), pronto.WithProgress())
				// Only what is wrong goes on for so long.
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				var end error
				for _, err := range stream.Events(ctx) {
					time.Sleep(test.handling)
					end = err
				}
				if e, ok := pronto.AsError(end); !ok || e.Code != codes.Unavailable {
					t.Errorf("error %v", end)
				}
				// The tenth minute of silence is the last one, whatever was between.
				if n := len(jobs.watched()); n != 10 {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

func TestStreamIsPatientWithSilenceBehindASteadyStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{}
		for range 100 {
			jobs.scripts = append(jobs.scripts, twice(steadyAfter))
		}
		jobs.scripts = append(jobs.scripts, complete(1))
		got, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(90*time.Second), pronto.WithIdleTimeout(time.Minute)))
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2)
	})
}

func TestStreamEndsWhereThePauseOutlastsItsPatience(t *testing.T) {
	for patience, pause := range map[time.Duration]time.Duration{3 * time.Second: 8 * time.Second, math.MaxInt64: math.MaxInt64} {
		synctest.Test(t, func(t *testing.T) {
			retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(pause)}
			jobs := &fakeJobs{scripts: []func(watchStream) error{
				send(failure(codes.Unavailable, "DRAINING")), send(failure(codes.Unavailable, "STARTING", retry)),
			}}
			begin := time.Now()
			_, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(patience)))
			if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_STARTING {
				t.Errorf("error %v", err)
			}
			// Only the first pause was made.
			if waited := time.Since(begin); waited > 100*time.Millisecond {
				t.Errorf("waited %s", waited)
			}
		})
	}
}

// steadyAfter is how long a stream is open before its break is taken for a healthy one's.
const steadyAfter = 10 * time.Second

// says sends a message that is nothing new, and ends after so long.
func says(message *prontov1.JobEvent, open time.Duration, err error) func(watchStream) error {
	return func(stream watchStream) error {
		if err := stream.Send(message); err != nil {
			return err
		}
		time.Sleep(open)
		return err
	}
}

func TestStreamGivesUpAServerThatSaysNothingNew(t *testing.T) {
	broken := failure(codes.Unavailable, "DRAINING")
	quiet := func(stream watchStream) error {
		if err := stream.SendHeader(nil); err != nil {
			return err
		}
		time.Sleep(2 * steadyAfter)
		return broken
	}
	servers := map[string][]func(watchStream) error{
		"an event again":        {says(lead(1), 0, broken)},
		"progress":              {says(progress(), 0, broken)},
		"an event, and the end": {says(lead(1), 0, nil)},
		"up to ten seconds":     {says(progress(), steadyAfter-1, broken)},
		"progress only once":    {says(progress(), 0, broken), quiet},
	}
	for name, scripts := range servers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: scripts}
				jobs.job = &prontov1.Job{State: prontov1.JobState_JOB_STATE_RUNNING, LastSequence: 1}
				stream := jobs.serve(t).Follow("job", pronto.After(1), pronto.WithPatience(5*time.Minute), pronto.WithProgress())
				// Only what is wrong goes on for so long.
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				_, err := collect(ctx, stream)
				if e, ok := pronto.AsError(err); !ok || e.Code != codes.Unavailable {
					t.Errorf("error %v", err)
				}
				// As where nothing comes at all: pauses with a mean of five seconds.
				if n := len(jobs.watched()); n < 20 || n > 300 {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}

func TestStreamIsPatientWithAQuietJobThatIsCutOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := says(progress(), steadyAfter, failure(codes.Unavailable, "STREAM_TOO_OLD"))
		jobs := &fakeJobs{}
		for range 1000 {
			jobs.scripts = append(jobs.scripts, cut)
		}
		jobs.scripts = append(jobs.scripts, complete(1))
		begin := time.Now()
		got, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(5*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2)
		// Each pause is the first one again.
		if waited := time.Since(begin) - 1000*steadyAfter; waited > 1000*100*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestStreamCountsTheTimeUntilAnAttemptIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(watchStream) error {
			time.Sleep(50 * time.Second)
			return failure(codes.Unavailable, "STARTING")
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{slow}}
		_, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithPatience(2*time.Minute)))
		if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_STARTING {
			t.Errorf("error %v", err)
		}
		wantSequences(t, jobs.watched(), 0, 0, 0)
	})
}
