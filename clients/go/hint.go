// SPDX-License-Identifier: Apache-2.0

package pronto

import (
	"strings"

	"google.golang.org/grpc/codes"
)

// hint tells what is likely wrong with the address where gRPC's words alone are obscure; a
// test has them.
func hint(e *Error) string {
	if e.Code != codes.Unavailable || e.ReasonText != "" || !strings.HasPrefix(e.Message, "connection error: ") {
		return ""
	}
	switch {
	case strings.Contains(e.Message, "first record does not look like a TLS handshake"):
		return " (is this address without TLS? then connect without options of TLS)"
	case strings.HasSuffix(e.Message, `error reading server preface: unexpected EOF"`):
		// Some bytes, but less than a server's first frame: an alert of TLS is.
		return " (does this address speak TLS? then connect with WithTLS or WithCAFile)"
	}
	return ""
}
