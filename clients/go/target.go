// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// DefaultTarget is where a server listens that was not told otherwise.
const DefaultTarget = "localhost:50051"

// A target is where the server is.
type target struct {
	// What gRPC calls it.
	name string
	// Whether what is sent there stays on this machine.
	local bool
	// Whether it is a Unix socket.
	socket bool
}

func parseTarget(text string) (target, error) {
	if text == "" {
		text = DefaultTarget
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return parseSocket(path)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || !isPort(port) || strings.Contains(host, "/") {
		return target{}, fmt.Errorf("pronto: target %q is neither host:port nor unix:/path", text)
	}
	// The scheme is spelled out so that a host is never taken for one.
	return target{name: "dns:///" + text, local: isLoopback(host)}, nil
}

// isPort does not take names of services, which few know and other clients refuse.
func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// parseSocket takes `/path`, `///path` and `relative/path`.
func parseSocket(path string) (target, error) {
	// Behind `//` a relative path would lose its first folder as a host's name.
	rest, isURL := strings.CutPrefix(path, "//")
	if rest == "" || isURL && !filepath.IsAbs(rest) {
		return target{}, fmt.Errorf("pronto: target %q needs a path: write unix:PATH or unix:///PATH", "unix:"+path)
	}
	path = rest
	absolute, err := filepath.Abs(path)
	if err != nil {
		return target{}, fmt.Errorf("pronto: unix target: %w", err)
	}
	// gRPC sends localhost as the authority of such a target, as the server wants it.
	name := url.URL{Scheme: "unix", Path: absolute}
	return target{name: name.String(), local: true, socket: true}, nil
}

// isLoopback does not resolve names: who answers a question about a name may lie.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
