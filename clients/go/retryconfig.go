// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// How often and with which pauses a call is repeated while the server is UNAVAILABLE.
const (
	maxAttempts       = 5
	initialBackoff    = 500 * time.Millisecond
	maxBackoff        = 5 * time.Second
	backoffMultiplier = 2
)

// The part of gRPC's service config that is about retries.
type (
	serviceConfig struct {
		MethodConfig []methodConfig `json:"methodConfig"`
	}
	methodConfig struct {
		Name        []methodName `json:"name"`
		RetryPolicy retryPolicy  `json:"retryPolicy"`
	}
	methodName struct {
		Service string `json:"service"`
		Method  string `json:"method"`
	}
	retryPolicy struct {
		MaxAttempts          int      `json:"maxAttempts"`
		InitialBackoff       string   `json:"initialBackoff"`
		MaxBackoff           string   `json:"maxBackoff"`
		BackoffMultiplier    float64  `json:"backoffMultiplier"`
		RetryableStatusCodes []string `json:"retryableStatusCodes"`
	}
)

// retryConfig lets gRPC repeat idempotent methods, except streams.
func retryConfig() string {
	config := methodConfig{RetryPolicy: retryPolicy{
		MaxAttempts:          maxAttempts,
		InitialBackoff:       seconds(initialBackoff),
		MaxBackoff:           seconds(maxBackoff),
		BackoffMultiplier:    backoffMultiplier,
		RetryableStatusCodes: []string{"UNAVAILABLE"},
	}}
	methods := idempotentMethods()
	for _, path := range slices.Sorted(maps.Keys(methods)) {
		method := methods[path]
		// A stream goes on with rules of its own, or is not repeated at all.
		if method.IsStreamingServer() {
			continue
		}
		config.Name = append(config.Name, methodName{
			Service: string(method.Parent().FullName()),
			Method:  string(method.Name()),
		})
	}
	text, err := json.Marshal(serviceConfig{MethodConfig: []methodConfig{config}})
	if err != nil {
		panic(err) // Texts and numbers always can.
	}
	return string(text)
}

// seconds is a duration as JSON has it.
func seconds(d time.Duration) string { return fmt.Sprintf("%gs", d.Seconds()) }
