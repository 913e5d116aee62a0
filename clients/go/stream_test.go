// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// collect ranges over a stream and returns the sequences and the error at the end.
func collect(ctx context.Context, stream *pronto.Stream) ([]int64, error) {
	var sequences []int64
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return sequences, err
		}
		sequences = append(sequences, event.GetSequence())
	}
	return sequences, nil
}

func wantSequences(t *testing.T, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("sequences %v, want %v", got, want)
	}
}

func TestStreamEndsWithTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{complete(1, 2)}}
		stream := jobs.serve(t).Follow("job")
		got, err := collect(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2, 3)
		account := stream.Account()
		if account.GetOutcome() != prontov1.JobOutcome_JOB_OUTCOME_COMPLETE || account.GetCounts().GetDelivered() != 2 ||
			!slices.Equal(account.GetMissingIndexes(), []int32{7}) {
			t.Errorf("account %v", account)
		}
		got, err = collect(t.Context(), stream)
		if err != nil || got != nil {
			t.Errorf("a stream that is over yields %v, %v", got, err)
		}
		wantSequences(t, jobs.watched(), 0)
	})
}

func TestStreamGoesOnAfterBreaks(t *testing.T) {
	breaks := map[string]error{
		"draining":            failure(codes.Unavailable, "DRAINING"),
		"starting":            failure(codes.Unavailable, "STARTING"),
		"too old":             failure(codes.Unavailable, "STREAM_TOO_OLD"),
		"store":               failure(codes.Unavailable, "STORE_UNAVAILABLE"),
		"connection":          failure(codes.Unavailable, ""),
		"a proxy's deadline":  failure(codes.DeadlineExceeded, ""),
		"the server's":        failure(codes.DeadlineExceeded, "DEADLINE_EXCEEDED"),
		"reset: internal":     failure(codes.Internal, ""),
		"reset: unknown":      failure(codes.Unknown, ""),
		"reset: cancelled":    failure(codes.Canceled, ""),
		"a proxy's 404":       failure(codes.Unimplemented, ""),
		"a proxy's overload":  failure(codes.ResourceExhausted, ""),
		"no code of gRPC's":   failure(codes.Code(42), ""),
		"a stranger's reason": failure(codes.Internal, "", &errdetails.ErrorInfo{Domain: "proxy.example", Reason: "RESET"}),
	}
	for name, broken := range breaks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: []func(watchStream) error{
					send(broken, 1, 2), send(broken), complete(3),
				}}
				got, err := collect(t.Context(), jobs.serve(t).Follow("job"))
				if err != nil {
					t.Fatal(err)
				}
				wantSequences(t, got, 1, 2, 3, 4)
				wantSequences(t, jobs.watched(), 0, 2, 2)
			})
		})
	}
}

func TestStreamEndsWithFinalErrors(t *testing.T) {
	finals := []struct {
		code   codes.Code
		reason string
	}{
		{codes.NotFound, "NOT_FOUND"},
		{codes.OutOfRange, "SEQUENCE_EXPIRED"},
		{codes.FailedPrecondition, "JOB_FAILED"},
		{codes.Aborted, "JOB_CANCELLED"},
		{codes.Unauthenticated, "UNAUTHENTICATED_CLIENT"},
		{codes.ResourceExhausted, "RATE_LIMITED"},
		{codes.Internal, "INTERNAL"},
		{codes.Unknown, "OUTCOME_UNKNOWN"},
		{codes.Canceled, "NEW_IN_A_LATER_VERSION"},
		{codes.PermissionDenied, ""},
		{codes.Unimplemented, "UNIMPLEMENTED"},
	}
	for _, final := range finals {
		t.Run(final.code.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: []func(watchStream) error{send(failure(final.code, final.reason), 1)}}
				got, err := collect(t.Context(), jobs.serve(t).Follow("job"))
				var e *pronto.Error
				if !errors.As(err, &e) || e.Code != final.code || e.ReasonText != final.reason {
					t.Fatalf("error %v", err)
				}
				wantSequences(t, got, 1)
				wantSequences(t, jobs.watched(), 0)
			})
		})
	}
}

func TestStreamRefusesAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{send(nil, 1, 3)}}
		got, err := collect(t.Context(), jobs.serve(t).Follow("job"))
		var gap *pronto.GapError
		if !errors.As(err, &gap) || *gap != (pronto.GapError{JobID: "job", Expected: 2, Got: 3}) {
			t.Fatalf("error %v", err)
		}
		wantSequences(t, got, 1)
		wantSequences(t, jobs.watched(), 0)
	})
}

func TestStreamDropsRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{send(nil, 4, 5, 6, 6, 5), complete(7)}}
		jobs.job = &prontov1.Job{State: prontov1.JobState_JOB_STATE_RUNNING, LastSequence: 6}
		stream := jobs.serve(t).Follow("job", pronto.After(5))
		got, err := collect(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 6, 7, 8)
		if stream.Last() != 8 {
			t.Errorf("last %d", stream.Last())
		}
	})
}

func TestStreamHandsOutProgressOnRequest(t *testing.T) {
	script := func(stream watchStream) error {
		if err := stream.Send(progress()); err != nil {
			return err
		}
		return complete(1)(stream)
	}
	for _, test := range []struct {
		options []pronto.FollowOption
		want    []int64
	}{
		{nil, []int64{1, 2}},
		{[]pronto.FollowOption{pronto.WithProgress()}, []int64{0, 1, 2}},
	} {
		synctest.Test(t, func(t *testing.T) {
			jobs := &fakeJobs{scripts: []func(watchStream) error{script}}
			got, err := collect(t.Context(), jobs.serve(t).Follow("job", test.options...))
			if err != nil {
				t.Fatal(err)
			}
			wantSequences(t, got, test.want...)
		})
	}
}

func TestStreamAbandonsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{hang(1), complete(2)}}
		client, connections := serveCounted(t, func(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, jobs) })
		begin := time.Now()
		got, err := collect(t.Context(), client.Follow("job", pronto.WithIdleTimeout(30*time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2, 3)
		wantSequences(t, jobs.watched(), 0, 1)
		if waited := time.Since(begin); waited < 30*time.Second {
			t.Errorf("abandoned after %s", waited)
		}
		if n := connections(); n != 2 {
			t.Errorf("%d connections, want a new one", n)
		}
	})
}

func TestStreamToldProgressIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := func(stream watchStream) error {
			for range 10 {
				time.Sleep(20 * time.Second)
				if err := stream.Send(progress()); err != nil {
					return err
				}
			}
			return complete(1)(stream)
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{script}}
		if _, err := collect(t.Context(), jobs.serve(t).Follow("job", pronto.WithIdleTimeout(30*time.Second))); err != nil {
			t.Fatal(err)
		}
		wantSequences(t, jobs.watched(), 0)
	})
}

func TestStreamDoesNotCountTheCallersTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := func(stream watchStream) error {
			if err := stream.Send(lead(1)); err != nil {
				return err
			}
			for range 20 {
				time.Sleep(20 * time.Second)
				if err := stream.Send(progress()); err != nil {
					return err
				}
			}
			return complete(2)(stream)
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{script}}
		for _, err := range jobs.serve(t).Follow("job").Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
		}
		wantSequences(t, jobs.watched(), 0)
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	scripts := map[string]func(watchStream) error{
		"while it receives": hang(1),
		"while it waits":    send(failure(codes.Unavailable, "DRAINING", &errdetails.RetryInfo{RetryDelay: durationpb.New(5 * time.Minute)}), 1),
	}
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: []func(watchStream) error{script}}
				ctx, cancel := context.WithCancel(t.Context())
				stream := jobs.serve(t).Follow("job")
				time.AfterFunc(10*time.Second, cancel)
				if _, err := collect(ctx, stream); err != context.Canceled {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestStreamEndsWithTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{hang(1)}}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if _, err := collect(ctx, jobs.serve(t).Follow("job")); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
	})
}

func TestLeavingTheLoopEndsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := make(chan struct{})
		first := func(stream watchStream) error {
			defer close(left)
			return hang(1)(stream)
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{first, complete(2)}}
		stream := jobs.serve(t).Follow("job")
		for range stream.Events(t.Context()) {
			break
		}
		<-left
		got, err := collect(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 2, 3)
		wantSequences(t, jobs.watched(), 0, 1)
		// What leaked would keep the bubble from ending.
	})
}

func TestStreamBehindCompletedAsksForTheAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{
			scripts: []func(watchStream) error{send(nil)},
			job: &prontov1.Job{
				State:          prontov1.JobState_JOB_STATE_INCOMPLETE,
				LastSequence:   9,
				Counts:         &prontov1.JobCounts{Delivered: 7},
				MissingIndexes: []int32{0, 4},
			},
		}
		stream := jobs.serve(t).Follow("job", pronto.After(9))
		if _, err := collect(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
		want := &prontov1.JobCompleted{
			Outcome:        prontov1.JobOutcome_JOB_OUTCOME_INCOMPLETE,
			Counts:         &prontov1.JobCounts{Delivered: 7},
			MissingIndexes: []int32{0, 4},
		}
		if account := stream.Account(); !proto.Equal(account, want) {
			t.Errorf("account %v", account)
		}
	})
}

func TestStreamThatEndedEarlyGoesOn(t *testing.T) {
	for name, job := range map[string]*prontov1.Job{
		"the job runs":     {State: prontov1.JobState_JOB_STATE_RUNNING, LastSequence: 1},
		"the job has more": {State: prontov1.JobState_JOB_STATE_COMPLETED, LastSequence: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := &fakeJobs{scripts: []func(watchStream) error{send(nil, 1), complete(2)}, job: job}
				got, err := collect(t.Context(), jobs.serve(t).Follow("job"))
				if err != nil {
					t.Fatal(err)
				}
				wantSequences(t, got, 1, 2, 3)
			})
		})
	}
}

func TestStreamHandsOutLateResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := func(stream watchStream) error {
			if err := complete(1)(stream); err != nil {
				return err
			}
			return stream.Send(lead(3))
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{script}}
		stream := jobs.serve(t).Follow("job")
		got, err := collect(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		wantSequences(t, got, 1, 2, 3)
		if stream.Account() == nil {
			t.Error("no account")
		}
	})
}

func TestStreamOfAJobDeletedBehindCompletedIsOver(t *testing.T) {
	for reason, code := range map[string]codes.Code{"NOT_FOUND": codes.NotFound, "SEQUENCE_EXPIRED": codes.OutOfRange} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := func(stream watchStream) error {
					if err := complete(1)(stream); err != nil {
						return err
					}
					return failure(codes.Unavailable, "DRAINING")
				}
				jobs := &fakeJobs{scripts: []func(watchStream) error{broken, send(failure(code, reason))}}
				stream := jobs.serve(t).Follow("job")
				got, err := collect(t.Context(), stream)
				if err != nil {
					t.Fatal(err)
				}
				wantSequences(t, got, 1, 2)
				wantSequences(t, jobs.watched(), 0, 2)
				if stream.Account() == nil {
					t.Error("no account")
				}
			})
		})
	}
}

// An event that is too large for the client is so each time.
func TestStreamEndsWithAMessageThatIsTooLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		large := func(stream watchStream) error {
			return stream.Send(&prontov1.JobEvent{Sequence: 1, Event: &prontov1.JobEvent_Lead{
				Lead: &prontov1.LeadResult{Lead: &prontov1.Lead{LastName: proto.String(strings.Repeat("x", 1000))}},
			}})
		}
		jobs := &fakeJobs{scripts: []func(watchStream) error{large}}
		small := pronto.WithDialOptions(grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(100)))
		client := serve(t, func(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, jobs) }, small)
		_, err := collect(t.Context(), client.Follow("job"))
		if e, ok := pronto.AsError(err); !ok || e.Code != codes.ResourceExhausted {
			t.Fatalf("error %v", err)
		}
		wantSequences(t, jobs.watched(), 0)
	})
}

// Late results may stand behind what broke there.
func TestStreamTellsWhatBreaksBehindCompleted(t *testing.T) {
	for reason, code := range map[string]codes.Code{"UNAUTHENTICATED_CLIENT": codes.Unauthenticated, "STARTING": codes.Unavailable} {
		t.Run(reason, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := func(stream watchStream) error {
					if err := complete(1)(stream); err != nil {
						return err
					}
					return failure(codes.Unavailable, "DRAINING")
				}
				jobs := &fakeJobs{scripts: []func(watchStream) error{broken, send(failure(code, reason))}}
				stream := jobs.serve(t).Follow("job")
				got, err := collect(t.Context(), stream)
				if e, ok := pronto.AsError(err); !ok || e.ReasonText != reason {
					t.Errorf("error %v", err)
				}
				wantSequences(t, got, 1, 2)
				if stream.Account() == nil {
					t.Error("no account")
				}
			})
		})
	}
}

func TestStreamHasTheAccountFromCompletedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{complete(1)}}
		stream := jobs.serve(t).Follow("job")
		for event, err := range stream.Events(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if event.GetCompleted() == nil {
				continue
			}
			if stream.Account() == nil {
				t.Error("no account")
			}
			break
		}
		if stream.Account() == nil {
			t.Error("no account after leaving")
		}
	})
}
