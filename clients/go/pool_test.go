// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

func (f *fakeJobs) register(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, f) }

// followers runs so many streams at once and waits for their ends.
func followers(t *testing.T, client *pronto.Client, n int) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if _, err := collect(t.Context(), client.Follow("job")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// silentOnce is silent on each of the first n streams.
func silentOnce(n int) *fakeJobs {
	jobs := &fakeJobs{}
	for range n {
		jobs.scripts = append(jobs.scripts, hang())
	}
	jobs.scripts = append(jobs.scripts, complete(1))
	return jobs
}

func TestManyStreamsDoNotWaitForOneAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A stream that waits for another one's end would be silent, and come again.
		jobs := &fakeJobs{scripts: []func(watchStream) error{func(stream watchStream) error {
			time.Sleep(30 * time.Second)
			return complete(1)(stream)
		}}}
		client, connections := serveCounted(t, jobs.register)
		begin := time.Now()
		followers(t, client, 300)
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("took %s", took)
		}
		if n := connections(); n != 3 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestStreamsThatFallSilentGoOnTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := silentOnce(100)
		client, connections := serveCounted(t, jobs.register)
		followers(t, client, 100)
		if n := connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestStreamsReuseTheirConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{
			send(failure(codes.Unavailable, "DRAINING"), 1), complete(2), complete(1),
		}}
		client, connections := serveCounted(t, jobs.register)
		for range 3 {
			followers(t, client, 1)
		}
		if n := connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestStreamThatWasSilentEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &fakeJobs{scripts: []func(watchStream) error{hang(1)}}
		client := jobs.serve(t)
		time.AfterFunc(45*time.Second, func() { _ = client.Close() })
		begin := time.Now()
		_, err := collect(t.Context(), client.Follow("job", pronto.WithIdleTimeout(30*time.Second)))
		if e, ok := pronto.AsError(err); !ok || e.Code != codes.Canceled {
			t.Errorf("error %v", err)
		}
		if took := time.Since(begin); took != 45*time.Second {
			t.Errorf("ended after %s", took)
		}
	})
}

func TestStreamingRPCsTakeNoRoomFromCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &idle{}
		client, connections := serveCounted(t, server.register)
		for range 300 {
			stream, err := client.Leads.SearchLeads(t.Context(), &prontov1.SearchLeadsRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = locate(ctx, client)
		if n := server.calls.value(); n != 301 {
			t.Errorf("%d calls came", n)
		}
		if n := connections(); n != 4 {
			t.Errorf("%d connections", n)
		}
	})
}

// However a stream ends, the next one finds its place free.
func TestStreamingRPCsGiveTheirPlaceBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, connections := serveCounted(t, (&idle{refusals: 200}).register)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for range 200 {
			// The server ends the first one. The second one never begins.
			if readLeads(t.Context(), client) == nil || readLeads(over, client) == nil {
				t.Fatal("no end")
			}
		}
		for range 200 {
			left, leave := context.WithCancel(t.Context())
			stream, err := client.Leads.SearchLeads(left, &prontov1.SearchLeadsRequest{})
			if err == nil {
				_, err = stream.Recv()
			}
			if err != nil {
				t.Fatal(err)
			}
			leave()
			synctest.Wait()
		}
		if n := connections(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// gRPC repeats WatchJob nowhere: who calls it by hand is told each break.
func TestStreamsAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := send(failure(codes.Unavailable, "DRAINING"))
		jobs := &fakeJobs{scripts: []func(watchStream) error{broken, broken, complete(1)}}
		client := jobs.serve(t)
		for _, stubs := range []prontov1.JobServiceClient{client.Jobs, prontov1.NewJobServiceClient(client.Conn())} {
			stream, err := stubs.WatchJob(t.Context(), &prontov1.WatchJobRequest{JobId: "job"})
			if err == nil {
				_, err = stream.Recv()
			}
			if pronto.ReasonOf(err) != prontov1.ErrorReason_ERROR_REASON_DRAINING {
				t.Errorf("error %v", err)
			}
		}
	})
}

// Nor does gRPC repeat what a stream asks for at its end: that waits as the stream does.
func TestCallsOfAStreamAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := &forgetful{fakeJobs: fakeJobs{scripts: []func(watchStream) error{send(nil)}}}
		jobs.job = &prontov1.Job{State: prontov1.JobState_JOB_STATE_COMPLETED, LastSequence: 9}
		client := serve(t, func(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, jobs) })
		if _, err := collect(t.Context(), client.Follow("job", pronto.After(9))); err != nil {
			t.Fatal(err)
		}
		wantSequences(t, jobs.watched(), 9, 9)
	})
}

// forgetful refuses the first GetJob.
type forgetful struct {
	fakeJobs
	asked counter
}

func (f *forgetful) GetJob(ctx context.Context, request *prontov1.GetJobRequest) (*prontov1.GetJobResponse, error) {
	if f.asked.add() == 1 {
		return nil, failure(codes.Unavailable, "STARTING")
	}
	return f.fakeJobs.GetJob(ctx, request)
}
