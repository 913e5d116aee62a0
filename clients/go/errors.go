// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"pronto-grpc/clients/go/prontov1"
)

// Error is the error of a call. Branch on Reason, or on Code where there is none:
//
//	var refusal *pronto.Error
//	if errors.As(err, &refusal) && refusal.Reason == prontov1.ErrorReason_ERROR_REASON_BUDGET_EXCEEDED {
type Error struct {
	// The code of gRPC; UNKNOWN for a code that gRPC does not have.
	Code codes.Code
	// Why. UNSPECIFIED where the error has no reason, as when a connection breaks, or
	// one that this version does not know.
	Reason prontov1.ErrorReason
	// The reason as the server wrote it, such as `RATE_LIMITED`; empty where the error
	// has none.
	ReasonText string
	// What people read.
	Message string
	// What the reason is about, such as `job_id`; see docs/errors.md.
	Metadata map[string]string
	// Trying again earlier is of no use; 0 where the server does not say.
	RetryDelay time.Duration
	// What is wrong with the request, field by field.
	FieldViolations []FieldViolation
	// Which limits were met.
	QuotaViolations []QuotaViolation

	// What gRPC said, or the refusal that was waited after when the client was closed.
	cause  error
	status *status.Status
}

// A FieldViolation is a mistake in a request.
type FieldViolation struct {
	// Path in proto names, such as `contacts[3].linkedin_url`.
	Field string
	// What is wrong.
	Description string
}

// A QuotaViolation is a limit that a request would break.
type QuotaViolation struct {
	// The limit, such as `max_credits`.
	Subject string
	// By how much, in words.
	Description string
}

// Error has the code, the reason where there is one, and the message.
func (e *Error) Error() string {
	if e.ReasonText == "" {
		return fmt.Sprintf("pronto: %s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("pronto: %s (%s): %s", e.Code, e.ReasonText, e.Message)
}

// Unwrap is the error of gRPC, or, where the client was closed, the refusal after which
// the call waited, if any.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus lets gRPC's package status read the error.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// AsError finds the [*Error] in an error, or makes one of the gRPC status in it. Calls
// of a [Client] return it already.
func AsError(err error) (*Error, bool) {
	if err == nil {
		return nil, false
	}
	var known *Error
	if errors.As(err, &known) {
		return known, true
	}
	var answered interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &answered) || answered.GRPCStatus() == nil {
		return nil, false
	}
	return newError(err, answered.GRPCStatus()), true
}

// ReasonOf is the reason of an error, or UNSPECIFIED where it has none.
func ReasonOf(err error) prontov1.ErrorReason {
	if e, ok := AsError(err); ok {
		return e.Reason
	}
	return prontov1.ErrorReason_ERROR_REASON_UNSPECIFIED
}
