// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"io"
	"maps"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// own is credentials as a call brings them.
type own map[string]string

func (o own) GetRequestMetadata(context.Context, ...string) (map[string]string, error) { return o, nil }

func (own) RequireTransportSecurity() bool { return false }

func TestCredentialsOfACallReplaceTheClients(t *testing.T) {
	tests := map[string]struct {
		metadata   []string
		options    []grpc.CallOption
		token, key string
	}{
		"a key":                     {metadata: []string{"X-API-Key", "own"}, token: "Bearer secret", key: "own"},
		"a token":                   {metadata: []string{"authorization", "Bearer own"}, token: "Bearer own", key: "key"},
		"both":                      {metadata: []string{"authorization", "Bearer own", "x-api-key", "own"}, token: "Bearer own", key: "own"},
		"something else":            {metadata: []string{"x-request-id", "7"}, token: "Bearer secret", key: "key"},
		"a token as an option":      {options: []grpc.CallOption{grpc.PerRPCCredentials(own{"Authorization": "Bearer own"})}, token: "Bearer own", key: "key"},
		"the last of two as option": {options: []grpc.CallOption{grpc.PerRPCCredentials(own{"authorization": "Bearer other"}), grpc.PerRPCCredentials(own{"x-api-key": "own"})}, token: "Bearer secret", key: "own"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := newEcho()
			client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
			ctx := metadata.AppendToOutgoingContext(t.Context(), test.metadata...)
			if _, err := client.Locations.SearchLocations(ctx, &prontov1.SearchLocationsRequest{}, test.options...); err != nil {
				t.Fatal(err)
			}
			wantCredentials(t, <-server.metadata, test.token, test.key)
		})
	}
}

// oneTime has a token for one call only, made when it is asked for.
type oneTime struct{ made counter }

func (o *oneTime) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	n := o.made.add()
	if n == 1 {
		return nil, status.Error(codes.Unauthenticated, "not yet")
	}
	return own{"authorization": "Bearer " + strconv.Itoa(n)}, nil
}

func (*oneTime) RequireTransportSecurity() bool { return false }

func TestCredentialsOfACallAreAskedOnce(t *testing.T) {
	server := newEcho()
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	locate := func(token *oneTime) error {
		_, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}, grpc.PerRPCCredentials(token))
		return err
	}
	var token oneTime
	if e, ok := pronto.AsError(locate(&token)); !ok || e.Code != codes.Unauthenticated {
		t.Fatalf("error %v", e)
	}
	if err := locate(&token); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, <-server.metadata, "Bearer 2", "key")
}

// They may be a constant that goes to other servers, too.
func TestCredentialsOfACallStayAsTheyAre(t *testing.T) {
	server := newEcho()
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	constant := own{"authorization": "Bearer own"}
	if _, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}, grpc.PerRPCCredentials(constant)); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(constant, own{"authorization": "Bearer own"}) {
		t.Errorf("became %v", constant)
	}
}

func TestCredentialsOfAnInterceptorReplaceTheClients(t *testing.T) {
	server := newEcho()
	brings := func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		return invoke(ctx, method, request, reply, conn, append(options, grpc.PerRPCCredentials(own{"authorization": "Bearer own"}))...)
	}
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"),
		pronto.WithDialOptions(grpc.WithChainUnaryInterceptor(brings)))
	if _, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, <-server.metadata, "Bearer own", "key")
}

// asking are credentials that call another server with the context of their call.
type asking struct{ other *pronto.Client }

func (a asking) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	_, err := a.other.Locations.SearchLocations(ctx, &prontov1.SearchLocationsRequest{})
	return nil, err
}

func (asking) RequireTransportSecurity() bool { return false }

func TestCredentialsOfACallMayCallWithTheirOwn(t *testing.T) {
	server, other := newEcho(), newEcho()
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	within := asking{serve(t, other.register, pronto.WithToken("other"), pronto.WithAPIKey("another"))}
	if _, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}, grpc.PerRPCCredentials(within)); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, <-other.metadata, "Bearer other", "another")
	wantCredentials(t, <-server.metadata, "Bearer secret", "key")
}

func wantCredentials(t *testing.T, got metadata.MD, token, key string) {
	t.Helper()
	if v := got.Get("authorization"); !slices.Equal(v, []string{token}) {
		t.Errorf("authorization %q, want %q", v, token)
	}
	if v := got.Get("x-api-key"); !slices.Equal(v, []string{key}) {
		t.Errorf("x-api-key %q, want %q", v, key)
	}
}

// curious remembers the metadata of each call about jobs.
type curious struct {
	prontov1.UnimplementedJobServiceServer
	metadata chan metadata.MD
}

func (c *curious) register(s *grpc.Server) { prontov1.RegisterJobServiceServer(s, c) }

func (c *curious) remember(ctx context.Context) {
	got, _ := metadata.FromIncomingContext(ctx)
	c.metadata <- got
}

func (c *curious) WatchJob(_ *prontov1.WatchJobRequest, stream watchStream) error {
	c.remember(stream.Context())
	return nil
}

func (c *curious) GetJob(ctx context.Context, _ *prontov1.GetJobRequest) (*prontov1.GetJobResponse, error) {
	c.remember(ctx)
	return &prontov1.GetJobResponse{Job: &prontov1.Job{State: prontov1.JobState_JOB_STATE_COMPLETED, LastSequence: 9}}, nil
}

func TestCredentialsOfAStreamingRPCReplaceTheClients(t *testing.T) {
	server := &curious{metadata: make(chan metadata.MD, 1)}
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	key := grpc.PerRPCCredentials(own{"x-api-key": "own"})
	stream, err := client.Jobs.WatchJob(t.Context(), &prontov1.WatchJobRequest{}, key)
	if err == nil {
		_, err = stream.Recv()
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	wantCredentials(t, <-server.metadata, "Bearer secret", "own")
}

func TestCredentialsOfOneStreamGoWithAllItsCalls(t *testing.T) {
	server := &curious{metadata: make(chan metadata.MD, 2)}
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-api-key", "own")
	if _, err := collect(ctx, client.Follow("job", pronto.After(9))); err != nil {
		t.Fatal(err)
	}
	wantCredentials(t, <-server.metadata, "Bearer secret", "own") // WatchJob
	wantCredentials(t, <-server.metadata, "Bearer secret", "own") // GetJob
}
