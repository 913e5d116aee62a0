// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// echo remembers the metadata of the last call.
type echo struct {
	prontov1.UnimplementedLocationServiceServer
	metadata chan metadata.MD
}

func newEcho() *echo { return &echo{metadata: make(chan metadata.MD, 1)} }

func (e *echo) SearchLocations(ctx context.Context, _ *prontov1.SearchLocationsRequest) (*prontov1.SearchLocationsResponse, error) {
	got, _ := metadata.FromIncomingContext(ctx)
	e.metadata <- got
	return &prontov1.SearchLocationsResponse{}, nil
}

func (e *echo) register(s *grpc.Server) { prontov1.RegisterLocationServiceServer(s, e) }

// ask calls once and returns the metadata that the server saw.
func (e *echo) ask(t *testing.T, client *pronto.Client) metadata.MD {
	t.Helper()
	if _, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{}); err != nil {
		t.Fatal(err)
	}
	return <-e.metadata
}

func TestCredentialsAreSent(t *testing.T) {
	server := newEcho()
	client := serve(t, server.register, pronto.WithToken("secret"), pronto.WithAPIKey("key"))
	got := server.ask(t, client)
	if v := got.Get("authorization"); len(v) != 1 || v[0] != "Bearer secret" {
		t.Errorf("authorization %q", v)
	}
	if v := got.Get("x-api-key"); len(v) != 1 || v[0] != "key" {
		t.Errorf("x-api-key %q", v)
	}
}

func TestNoCredentialsAreSentWithoutAny(t *testing.T) {
	server := newEcho()
	got := server.ask(t, serve(t, server.register))
	if len(got.Get("authorization"))+len(got.Get("x-api-key")) != 0 {
		t.Errorf("metadata %v", got)
	}
}

func TestTokenFileIsReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	write("first\n")
	server := newEcho()
	client := serve(t, server.register, pronto.WithTokenFile(path))
	want := func(token string) {
		t.Helper()
		if v := server.ask(t, client).Get("authorization"); len(v) != 1 || v[0] != "Bearer "+token {
			t.Errorf("authorization %q, want %q", v, token)
		}
	}
	want("first")
	write("other\n")
	want("other")
	write("\n")
	want("other")
	write("third\n")
	want("third")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	want("third")
}

func TestCredentialsAreNotSentInTheClear(t *testing.T) {
	token := pronto.WithToken("secret")
	tests := []struct {
		target  string
		options []pronto.Option
		refused bool
	}{
		{"pronto.example:50051", []pronto.Option{token}, true},
		{"192.0.2.1:50051", []pronto.Option{token}, true},
		{"localhost.example:50051", []pronto.Option{token}, true},
		{"pronto.example:50051", []pronto.Option{pronto.WithAPIKey("key")}, true},
		{"pronto.example:50051", nil, false},
		{"pronto.example:50051", []pronto.Option{token, pronto.WithTLS()}, false},
		{"pronto.example:50051", []pronto.Option{token, pronto.WithInsecureCredentials()}, false},
		{"localhost:50051", []pronto.Option{token}, false},
		{"LOCALHOST:50051", []pronto.Option{token}, false},
		{"127.1.2.3:50051", []pronto.Option{token}, false},
		{"[::1]:50051", []pronto.Option{token}, false},
		{"unix:/run/pronto.sock", []pronto.Option{token}, false},
		{"", []pronto.Option{token}, false},
	}
	for _, test := range tests {
		client, err := pronto.Connect(test.target, test.options...)
		if client != nil {
			_ = client.Close()
		}
		if (err != nil) != test.refused {
			t.Errorf("%q: error %v", test.target, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "WithTLS") || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%q: error %v", test.target, err)
		}
	}
}

// Whoever puts plaintext in the place of TLS does not take the token along.
func TestCredentialsOfTLSStayWithTLS(t *testing.T) {
	plaintext := pronto.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials()))
	client, err := pronto.Connect("pronto.example:50051", pronto.WithTLS(), pronto.WithToken("secret"), plaintext)
	if err == nil {
		_ = client.Close()
		t.Error("taken")
	}
}

// wordy answers with so many bytes.
type wordy struct {
	prontov1.UnimplementedLocationServiceServer
	bytes int
}

func (w wordy) SearchLocations(context.Context, *prontov1.SearchLocationsRequest) (*prontov1.SearchLocationsResponse, error) {
	return &prontov1.SearchLocationsResponse{Locations: []*prontov1.Location{{Name: proto.String(strings.Repeat("x", w.bytes))}}}, nil
}

func TestLargeAnswersAreTaken(t *testing.T) {
	for bytes, code := range map[int]codes.Code{63 << 20: codes.OK, 65 << 20: codes.ResourceExhausted} {
		client := serve(t, func(s *grpc.Server) { prontov1.RegisterLocationServiceServer(s, wordy{bytes: bytes}) })
		_, err := client.Locations.SearchLocations(t.Context(), &prontov1.SearchLocationsRequest{})
		if status.Code(err) != code {
			t.Errorf("%d bytes: error %v", bytes, err)
		}
	}
}

func TestConnectRefusesMistakes(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	own, another := newIdentity(t, "own"), newIdentity(t, "another")
	tests := map[string]struct {
		target  string
		options []pronto.Option
		says    string
	}{
		"no port":           {"localhost", nil, "host:port"},
		"a URL":             {"http://localhost:50051", nil, "host:port"},
		"no such port":      {"localhost:65536", nil, "host:port"},
		"a service":         {"localhost:grpc", nil, "host:port"},
		"no path":           {"unix:", nil, "path"},
		"a URL's host":      {"unix://pronto.sock", nil, "path"},
		"empty token":       {"", []pronto.Option{pronto.WithToken("")}, "token"},
		"token with line":   {"", []pronto.Option{pronto.WithToken("secret\n")}, "token"},
		"token in space":    {"", []pronto.Option{pronto.WithToken(" secret ")}, "token"},
		"token with space":  {"", []pronto.Option{pronto.WithToken("secret secret")}, "token"},
		"empty key":         {"", []pronto.Option{pronto.WithAPIKey("")}, "API key"},
		"no token file":     {"", []pronto.Option{pronto.WithTokenFile(nothing)}, "token file: stat " + nothing},
		"empty token file":  {"", []pronto.Option{pronto.WithTokenFile(empty)}, "token file " + empty + ": it is empty"},
		"two tokens":        {"", []pronto.Option{pronto.WithTokenFile(nothing), pronto.WithToken("secret")}, "WithToken and WithTokenFile"},
		"no CA file":        {"", []pronto.Option{pronto.WithCAFile(nothing)}, "CA: open " + nothing},
		"empty CA file":     {"", []pronto.Option{pronto.WithCAFile(empty)}, "CA: no certificate in PEM in " + empty},
		"empty CA":          {"", []pronto.Option{pronto.WithCA(nil)}, "CA"},
		"no certificate":    {"", []pronto.Option{pronto.WithClientCertificate(nothing, own.keyFile)}, "client certificate " + nothing},
		"no key":            {"", []pronto.Option{pronto.WithClientCertificate(own.certificateFile, empty)}, "with the key in " + empty},
		"another's key":     {"", []pronto.Option{pronto.WithClientCertificate(own.certificateFile, another.keyFile)}, "does not match"},
		"TLS over a socket": {"unix:/run/pronto.sock", []pronto.Option{pronto.WithTLS()}, "never speak TLS"},
		"no such compress":  {"", []pronto.Option{pronto.WithCompressor("snappy")}, "snappy"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client, err := pronto.Connect(test.target, test.options...)
			if err == nil {
				_ = client.Close()
				t.Fatal("taken")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error tells a secret: %v", err)
			}
			if !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error does not name the mistake: %v", err)
			}
		})
	}
}

func TestUnixSocketsHaveTheAuthorityLocalhost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a socket%20?#")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	echo := newEcho()
	echo.register(server)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	for _, scheme := range []string{"unix:", "unix://"} {
		client, err := pronto.Connect(scheme+path, pronto.WithToken("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if v := echo.ask(t, client).Get(":authority"); len(v) != 1 || v[0] != "localhost" {
			t.Errorf("%s authority %q", scheme, v)
		}
		_ = client.Close()
	}
}
