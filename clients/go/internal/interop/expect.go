// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"

	pronto "pronto-grpc/clients/go"
)

// expect is an error unless err is that of a call, with a code and a reason, which is
// empty for none.
func expect(err error, code codes.Code, reason string) error {
	e, ok := pronto.AsError(err)
	if !ok || e.Code != code || e.ReasonText != reason {
		return fmt.Errorf("want %s (%s), got: %v", code, reason, err)
	}
	return nil
}

// expectCode is expect with any reason.
func expectCode(err error, accepted ...codes.Code) error {
	e, ok := pronto.AsError(err)
	if !ok || !slices.Contains(accepted, e.Code) {
		return fmt.Errorf("want one of %v, got: %v", accepted, err)
	}
	return nil
}
