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
	"math/big"
	"net"
	"os"
	"path/filepath"
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
