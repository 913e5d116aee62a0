// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/protoadapt"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// loopback is an address that needs no DNS, which would be real input in a bubble of
// synctest. Nothing listens there: connections go through memory.
const loopback = "127.0.0.1:50051"

// serve runs a server in memory and connects to it.
func serve(t *testing.T, register func(*grpc.Server), options ...pronto.Option) *pronto.Client {
	t.Helper()
	client, _ := serveCounted(t, register, options...)
	return client
}

// serveCounted also tells how many connections were made.
func serveCounted(t *testing.T, register func(*grpc.Server), options ...pronto.Option) (*pronto.Client, func() int) {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	// Like the real server, it lets clients ping as often as they do, and lets a
	// connection have so many streams only.
	server := grpc.NewServer(grpc.MaxConcurrentStreams(256), grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second}))
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)

	var dials counter
	dialer := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		dials.add()
		return listener.DialContext(ctx)
	})
	client, err := pronto.Connect(loopback, append(options, pronto.WithDialOptions(dialer))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, dials.value
}

// counter counts for several goroutines.
type counter struct {
	mutex sync.Mutex
	n     int
}

func (c *counter) add() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.n++
	return c.n
}

func (c *counter) value() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.n
}

// failure is an error as the server sends it: with a reason where one is given.
func failure(code codes.Code, reason string, details ...protoadapt.MessageV1) error {
	if reason != "" {
		details = append(details, &errdetails.ErrorInfo{Domain: "pronto.v1", Reason: reason})
	}
	s, err := status.New(code, "no "+reason).WithDetails(details...)
	if err != nil {
		panic(err)
	}
	return s.Err()
}

type watchStream = grpc.ServerStreamingServer[prontov1.JobEvent]

// fakeJobs plays one script for each WatchJob, the last one again and again.
type fakeJobs struct {
	prontov1.UnimplementedJobServiceServer
	scripts []func(watchStream) error
	job     *prontov1.Job

	mutex sync.Mutex
	after []int64
}

func (f *fakeJobs) WatchJob(request *prontov1.WatchJobRequest, stream watchStream) error {
	f.mutex.Lock()
	script := f.scripts[min(len(f.after), len(f.scripts)-1)]
	f.after = append(f.after, request.GetAfterSequence())
	f.mutex.Unlock()
	return script(stream)
}

func (f *fakeJobs) GetJob(context.Context, *prontov1.GetJobRequest) (*prontov1.GetJobResponse, error) {
	if f.job == nil {
		return nil, failure(codes.NotFound, "NOT_FOUND")
	}
	return &prontov1.GetJobResponse{Job: f.job}, nil
}

// watched are the sequences after which was watched.
func (f *fakeJobs) watched() []int64 {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return append([]int64(nil), f.after...)
}

func (f *fakeJobs) serve(t *testing.T) *pronto.Client {
	t.Helper()
	return serve(t, func(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, f) })
}

// send sends events with these sequences and ends with err.
func send(err error, sequences ...int64) func(watchStream) error {
	return func(stream watchStream) error {
		for _, sequence := range sequences {
			if err := stream.Send(lead(sequence)); err != nil {
				return err
			}
		}
		return err
	}
}

// complete sends events and, behind them, `completed`.
func complete(sequences ...int64) func(watchStream) error {
	return func(stream watchStream) error {
		var last int64
		if len(sequences) > 0 {
			last = sequences[len(sequences)-1]
		}
		if err := send(nil, sequences...)(stream); err != nil {
			return err
		}
		return stream.Send(completed(last + 1))
	}
}

// hang sends events and then nothing until the client leaves.
func hang(sequences ...int64) func(watchStream) error {
	return func(stream watchStream) error {
		if err := send(nil, sequences...)(stream); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}
}

func lead(sequence int64) *prontov1.JobEvent {
	return &prontov1.JobEvent{Sequence: sequence, Event: &prontov1.JobEvent_Lead{Lead: &prontov1.LeadResult{}}}
}

func progress() *prontov1.JobEvent {
	return &prontov1.JobEvent{Event: &prontov1.JobEvent_Progress{Progress: &prontov1.JobProgress{}}}
}

func completed(sequence int64) *prontov1.JobEvent {
	return &prontov1.JobEvent{Sequence: sequence, Event: &prontov1.JobEvent_Completed{Completed: &prontov1.JobCompleted{
		Outcome:        prontov1.JobOutcome_JOB_OUTCOME_COMPLETE,
		Counts:         &prontov1.JobCounts{Delivered: sequence - 1},
		MissingIndexes: []int32{7},
	}}}
}
