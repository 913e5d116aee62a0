// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/keepalive"
)

// maxMessageSize is twice what the server sends unless it is told otherwise.
const maxMessageSize = 64 << 20

// pings find a connection that is dead while calls are under way.
var pings = keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}

// reconnection tries again sooner than gRPC's default of up to two minutes: calls fail
// in the meantime, also after the server is back.
var reconnection = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 10 * time.Second},
	MinConnectTimeout: 20 * time.Second,
}

// dialOptions turns settings into gRPC's options.
func (s *settings) dialOptions(where target, l *lifetime) ([]grpc.DialOption, error) {
	transport, err := s.transportCredentials(where)
	if err != nil {
		return nil, err
	}
	calls, err := s.callCredentials(where)
	if err != nil {
		return nil, err
	}
	defaults, err := s.callOptions()
	if err != nil {
		return nil, err
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithKeepaliveParams(pings),
		grpc.WithConnectParams(reconnection),
		grpc.WithDefaultCallOptions(defaults...),
		// DNS does not decide what is repeated.
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(retryConfig()),
		grpc.WithChainUnaryInterceptor(l.unary),
		grpc.WithChainStreamInterceptor(l.stream),
	}
	options = append(options, s.extra...)
	// Behind the interceptors of the caller's: what those bring counts, too.
	options = append(options, grpc.WithChainStreamInterceptor(l.bindStream))
	if calls != nil {
		options = append(options, grpc.WithPerRPCCredentials(calls),
			grpc.WithChainUnaryInterceptor(calls.unary), grpc.WithChainStreamInterceptor(calls.stream))
	}
	return options, nil
}

func (s *settings) callOptions() ([]grpc.CallOption, error) {
	options := []grpc.CallOption{grpc.MaxCallRecvMsgSize(maxMessageSize)}
	if s.compressor == "" {
		return options, nil
	}
	if encoding.GetCompressor(s.compressor) == nil {
		return nil, fmt.Errorf("pronto: no compressor %q is registered with gRPC: import its package", s.compressor)
	}
	return append(options, grpc.UseCompressor(s.compressor)), nil
}
