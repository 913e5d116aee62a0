// SPDX-License-Identifier: Apache-2.0

package pronto_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"

	pronto "pronto-grpc/clients/go"
	"pronto-grpc/clients/go/prontov1"
)

// An identity is a certificate that vouches for itself, and its files.
type identity struct {
	pair                     tls.Certificate
	pem                      []byte
	certificateFile, keyFile string
}

func newIdentity(t *testing.T, name string) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		DNSNames:              []string{"localhost", name},
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	i := identity{
		pem:             pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}),
		certificateFile: filepath.Join(folder, "certificate.pem"),
		keyFile:         filepath.Join(folder, "key.pem"),
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	for path, content := range map[string][]byte{i.certificateFile: i.pem, i.keyFile: keyPEM} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if i.pair, err = tls.X509KeyPair(i.pem, keyPEM); err != nil {
		t.Fatal(err)
	}
	return i
}

// serveTLS runs a server that wants a client's certificate, and returns its address.
func serveTLS(t *testing.T, server, client identity) (*echo, string) {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(client.pem)
	s := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{server.pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    trusted,
	})))
	echo := newEcho()
	echo.register(s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return echo, "localhost:" + port
}

func TestTLSShowsAndChecksCertificates(t *testing.T) {
	server, known := newIdentity(t, "server"), newIdentity(t, "known")
	echo, target := serveTLS(t, server, known)
	client := connectTLS(t, target, pronto.WithCAFile(server.certificateFile),
		pronto.WithClientCertificate(known.certificateFile, known.keyFile), pronto.WithToken("secret"))
	if v := echo.ask(t, client).Get("authorization"); len(v) != 1 || v[0] != "Bearer secret" {
		t.Errorf("authorization %q", v)
	}
}

func TestTLSTrustsNobodyElse(t *testing.T) {
	server, known := newIdentity(t, "server"), newIdentity(t, "known")
	_, target := serveTLS(t, server, known)
	for name, ca := range map[string]pronto.Option{
		"another CA":            pronto.WithCA(known.pem),
		"the system's":          pronto.WithTLS(),
		"no client certificate": pronto.WithCA(server.pem),
	} {
		t.Run(name, func(t *testing.T) {
			wantNobody(t, connectTLS(t, target, ca))
		})
	}
}

func TestTLSTakesARenewedClientCertificate(t *testing.T) {
	server, known, stranger := newIdentity(t, "server"), newIdentity(t, "known"), newIdentity(t, "stranger")
	echo, target := serveTLS(t, server, known)
	client := connectTLS(t, target, pronto.WithCA(server.pem),
		pronto.WithClientCertificate(stranger.certificateFile, stranger.keyFile))
	wantNobody(t, client)
	rename(t, known.certificateFile, stranger.certificateFile)
	rename(t, known.keyFile, stranger.keyFile)
	echo.ask(t, client)
}

func TestTLSTakesARenewedCA(t *testing.T) {
	server, known, stranger := newIdentity(t, "server"), newIdentity(t, "known"), newIdentity(t, "stranger")
	echo, target := serveTLS(t, server, known)
	client := connectTLS(t, target, pronto.WithCAFile(stranger.certificateFile),
		pronto.WithClientCertificate(known.certificateFile, known.keyFile))
	wantNobody(t, client)
	rename(t, server.certificateFile, stranger.certificateFile)
	echo.ask(t, client)
}

func TestTLSKeepsTheLastFilesWhileThereAreNone(t *testing.T) {
	server, known := newIdentity(t, "server"), newIdentity(t, "known")
	echo, target := serveTLS(t, server, known)
	connections := make(chan net.Conn, 2)
	dial := func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			connections <- conn
		}
		return conn, err
	}
	client := connectTLS(t, target, pronto.WithCAFile(server.certificateFile),
		pronto.WithClientCertificate(known.certificateFile, known.keyFile),
		pronto.WithDialOptions(grpc.WithContextDialer(dial)))
	echo.ask(t, client)
	for _, path := range []string{server.certificateFile, known.keyFile} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	_ = (<-connections).Close()
	echo.ask(t, client)
	<-connections
}

func connectTLS(t *testing.T, target string, options ...pronto.Option) *pronto.Client {
	t.Helper()
	client, err := pronto.Connect(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestTLSAtOneEndOnlyIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		says    []byte
		options []pronto.Option
		hint    string
	}{
		"an alert of TLS":  {[]byte{21, 3, 3, 0, 2, 2, 70}, nil, "does this address speak TLS?"},
		"no TLS":           {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), []pronto.Option{pronto.WithTLS()}, "is this address without TLS?"},
		"nothing":          {nil, nil, ""},
		"nothing over TLS": {nil, []pronto.Option{pronto.WithTLS()}, ""},
		"no HTTP/2":        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := connectTLS(t, serveBytes(t, test.says), test.options...)
			_, err := client.Contacts.EnrichContact(t.Context(), &prontov1.EnrichContactRequest{})
			wantHint(t, err, test.hint)
			for _, err := range client.Follow("job", pronto.WithPatience(1)).Events(t.Context()) {
				wantHint(t, err, test.hint)
			}
		})
	}
}

// wantHint wants gRPC's words, and behind them this question or none.
func wantHint(t *testing.T, err error, hint string) {
	t.Helper()
	e, ok := pronto.AsError(err)
	if !ok || !strings.HasPrefix(e.Message, "connection error: ") {
		t.Fatalf("error %v", err)
	}
	if hint == "" && strings.Contains(e.Message, "?") || !strings.Contains(e.Message, hint) {
		t.Errorf("message %q", e.Message)
	}
}

// serveBytes answers each connection with the same, and closes it.
func serveBytes(t *testing.T, answer []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write(answer)
			_ = conn.(*net.TCPConn).CloseWrite()
			// What is not read would turn the end into a reset.
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

// wantNobody makes a call that finds no server to trust, or one that does not trust it.
func wantNobody(t *testing.T, client *pronto.Client) {
	t.Helper()
	// A method that nothing repeats, so that the test is quick.
	_, err := client.Contacts.EnrichContact(t.Context(), &prontov1.EnrichContactRequest{})
	if e, ok := pronto.AsError(err); !ok || e.Code != codes.Unavailable {
		t.Fatalf("error %v", err)
	}
}

// rename puts a file into the place of another.
func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
