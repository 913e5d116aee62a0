// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"strings"

	"google.golang.org/grpc/codes"

	"pronto-grpc/clients/go/prontov1"
)

// goesOn tells whether an error is one of the connection or of this moment, and not of
// the job.
func goesOn(err error) bool {
	e, ok := AsError(err)
	if !ok {
		return false
	}
	switch e.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		// The caller's own deadline has ended its context, or will while the stream waits.
		return true
	case codes.Internal, codes.Unknown, codes.Canceled:
		// With a reason it is the server's word; without, a stream that was reset.
		return e.ReasonText == ""
	case codes.Unimplemented, codes.ResourceExhausted:
		// Without a reason it is a proxy that has no server behind it (gRPC makes
		// UNIMPLEMENTED of HTTP's 404), or too much to do.
		return e.ReasonText == "" && !isOwnLimit(e)
	}
	return false
}

// isOwnLimit tells whether gRPC itself refused a message, as too large or of an unknown
// compression: it would come again, and be refused again. gRPC says that only in words;
// a test has them.
func isOwnLimit(e *Error) bool { return strings.HasPrefix(e.Message, "grpc: ") }

// isForgotten tells that the server has no events for a stream to go on with. Behind
// `completed` that is an end like any other: the job was deleted meanwhile.
func isForgotten(err error) bool {
	switch ReasonOf(err) {
	case prontov1.ErrorReason_ERROR_REASON_NOT_FOUND, prontov1.ErrorReason_ERROR_REASON_SEQUENCE_EXPIRED:
		return true
	}
	return false
}
