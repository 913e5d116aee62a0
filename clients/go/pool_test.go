// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
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
